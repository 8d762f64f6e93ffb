//! A response that survives its process: run it, kill it, run it again. The second run prints exactly
//! what the first one had not printed yet.
//!
//! `OPENAI_API_KEY=... cargo run -p client --example resume_after_kill DIR [BASE_URL]`
//!
//! With `KILL_AFTER=N` it kills itself once it has printed N bytes.

use client::{Client, Endpoint, ErrorKind, Event, Profile, Request, ResumeOptions, Secret};
use client::{Store, StreamId};
use std::error::Error;
use std::fs;
use std::io::{Write, stdout};
use std::path::PathBuf;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(args.next().ok_or("a directory is needed")?);
    let base_url = args.next().unwrap_or_else(|| "https://api.openai.com/v1".to_owned());
    let kill_after = std::env::var("KILL_AFTER").ok().and_then(|bytes| bytes.parse::<usize>().ok());
    let key = Secret::new(std::env::var("OPENAI_API_KEY")?);
    let client = Client::builder()
        .endpoint(Endpoint::new(&base_url, Profile::OPENAI)?.key(key))
        .checkpoints(Store::sled(dir.join("checkpoints"))?)
        .build()?;

    // What a reader has is the reader's to know: here it is the length of a file.
    let shown = dir.join("answer.txt");
    let mut printed = fs::read(&shown).map_or(0, |text| text.len());
    let mut file = fs::OpenOptions::new().create(true).append(true).open(&shown)?;

    let id = StreamId::new("answer")?;
    let options = ResumeOptions { shown: Some(printed as u64), ..ResumeOptions::default() };
    let mut stream = match client.resume_with(&id, options).await {
        Ok(stream) => stream,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let request = Request::prompt("gpt-4.1", "Tell me about lighthouses.");
            client.stream(request.id(id)).await?
        }
        Err(error) => return Err(error.into()),
    };
    let rest = stream.recovered_text()[printed..].to_owned();
    let mut show = |text: &str| -> Result<(), Box<dyn Error>> {
        file.write_all(text.as_bytes())?;
        print!("{text}");
        stdout().flush()?;
        printed += text.len();
        if kill_after.is_some_and(|bytes| printed >= bytes) {
            std::process::abort();
        }
        Ok(())
    };
    show(&rest)?;
    while let Some(event) = stream.next().await {
        if let Event::Text(text) = event? {
            show(&text)?;
        }
    }
    Ok(())
}
