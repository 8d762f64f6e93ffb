//! Several servers of one model: one that fails is left alone, a response that breaks at one goes on at
//! another, and one that is slow to begin is asked for at a second one as well.
//!
//! `API_KEY=... cargo run -p client --example many_endpoints BASE_URL BASE_URL...`

use client::{Client, Endpoint, Event, Hedging, Profile, Request, Secret, State};
use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let key = Secret::new(std::env::var("API_KEY")?);
    let mut builder = Client::builder().hedging(Hedging::default());
    for base_url in std::env::args().skip(1) {
        builder = builder.endpoint(Endpoint::new(&base_url, Profile::OPENAI)?.key(key.clone()));
    }
    let client = builder.build()?;

    let mut stream =
        client.stream(Request::prompt("gpt-4.1", "Tell me about lighthouses.")).await?;
    while let Some(event) = stream.next().await {
        match event? {
            Event::Text(text) => print!("{text}"),
            Event::State(State::Disconnected { attempt, cause }) => {
                eprintln!("[attempt {attempt}: {cause}]");
            }
            Event::Seam(seam) => eprintln!("[went on at byte {}: {}]", seam.offset, seam.label),
            _ => {}
        }
    }
    println!();
    for (url, endpoint) in client.endpoints().zip(client.pool_statistics().endpoints) {
        eprintln!("{url}: {} attempts", endpoint.picks);
    }
    Ok(())
}
