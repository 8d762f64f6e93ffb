//! The shipped client as it comes.

use client::{Client, Endpoint, Event, Profile, Prompt};
use mock_provider::Mock;

pub(crate) fn client(mock: &Mock) -> Client {
    let endpoint = Endpoint::new(&mock.url(), Profile::ANTHROPIC).expect("a mock's URL is valid");
    Client::builder().endpoint(endpoint).build().expect("a valid configuration")
}

/// The text of an answer that the client calls whole; nothing when it reports an error.
pub(crate) async fn ask(client: &Client, model: &str, prompt: &str) -> Option<String> {
    let request = Prompt::new(model, prompt).max_tokens(4096);
    let mut stream = client.stream(request.into()).await.ok()?;
    let mut text = String::new();
    while let Some(event) = stream.next().await {
        match event.ok()? {
            Event::Text(more) => text.push_str(&more),
            Event::End(_) => return Some(text),
            _ => {}
        }
    }
    None
}
