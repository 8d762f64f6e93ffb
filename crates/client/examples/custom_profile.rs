//! A server that no profile knows: what is different about it is written in a file, here `lab.toml` with
//! vLLM's form of a prefill.
//!
//! `cargo run -p client --features profile-files --example custom_profile BASE_URL [FILE]`

use client::{Client, CustomProfile, Endpoint, Event, Request, Secret};
use std::error::Error;

const LAB: &str = r#"
name = "lab"
base = "vllm"
headers = { x-lab = "north" }
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let base_url = args.next().ok_or("a base URL is needed")?;
    let (name, text) = match args.next() {
        Some(file) => (file.clone(), std::fs::read_to_string(file)?),
        None => ("lab.toml".to_owned(), LAB.to_owned()),
    };
    let profile = CustomProfile::parse(&name, &text)?;
    let endpoint = Endpoint::custom(&base_url, &profile)?.key(Secret::new("local"));
    let client = Client::builder().endpoint(endpoint).build()?;

    let mut stream =
        client.stream(Request::prompt("house-model", "Tell me about lighthouses.")).await?;
    while let Some(event) = stream.next().await {
        match event? {
            Event::Text(text) => print!("{text}"),
            Event::Seam(seam) => {
                eprintln!("[went on at byte {} by {}: {}]", seam.offset, seam.rung, seam.label);
            }
            _ => {}
        }
    }
    println!();
    Ok(())
}
