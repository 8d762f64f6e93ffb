//! A conversation on the terminal: each line is a turn, and each answer survives what breaks it.
//!
//! `ANTHROPIC_API_KEY=... cargo run -p client --example chat [BASE_URL [MODEL]]`

use client::{Client, Endpoint, Event, Profile, Request, Secret};
use serde_json::{Value, json};
use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let base_url = args.next().unwrap_or_else(|| "https://api.anthropic.com/v1".to_owned());
    let model = args.next().unwrap_or_else(|| "claude-haiku-4-5".to_owned());
    let key = Secret::new(std::env::var("ANTHROPIC_API_KEY")?);
    let endpoint = Endpoint::new(&base_url, Profile::ANTHROPIC)?.key(key);
    let client = Client::builder().endpoint(endpoint).build()?;

    let mut messages = Vec::new();
    for line in stdin().lock().lines() {
        messages.push(json!({ "role": "user", "content": line? }));
        let answer = answer(&client, &model, &messages).await?;
        messages.push(json!({ "role": "assistant", "content": answer }));
    }
    Ok(())
}

/// Prints the answer while it comes, and gives all of it.
async fn answer(
    client: &Client,
    model: &str,
    messages: &[Value],
) -> Result<String, Box<dyn Error>> {
    // The body is the provider's own: whatever it takes can be in it.
    let body = json!({ "model": model, "max_tokens": 1024, "messages": messages });
    let mut stream = client.stream(Request::new(body.to_string())).await?;
    while let Some(event) = stream.next().await {
        match event? {
            Event::Text(text) => {
                print!("{text}");
                stdout().flush()?;
            }
            Event::Seam(seam) => eprintln!("[went on at byte {}: {}]", seam.offset, seam.label),
            _ => {}
        }
    }
    println!();
    Ok(stream.text().to_owned())
}
