//! Our client with its defaults: resume, the pool, and checkpoints in memory.

use client::{Client, Endpoint, Event, Events, Profile, Request};

use super::{Receive, Receiving};

struct Ours {
    client: Client,
}

/// What a program takes that wants the text.
pub(super) fn in_memory(url: &str) -> Box<dyn Receive> {
    open(url, Events::Text)
}

/// What a program takes that wants the provider's own bytes beside the text, as a gateway does.
pub(super) fn all_events(url: &str) -> Box<dyn Receive> {
    open(url, Events::All)
}

fn open(url: &str, events: Events) -> Box<dyn Receive> {
    let endpoint = Endpoint::new(url, Profile::OPENAI).expect("the server's URL is valid");
    let builder = Client::builder().endpoint(endpoint).events(events);
    Box::new(Ours { client: builder.build().expect("a valid configuration") })
}

impl Receive for Ours {
    fn receive(&self, model: &str) -> Receiving {
        let (client, model) = (self.client.clone(), model.to_owned());
        Box::pin(async move {
            let said = |error: client::Error| error.to_string();
            let mut stream = client.stream(Request::prompt(&model, "Go")).await.map_err(said)?;
            let mut text = 0;
            while let Some(event) = stream.next().await {
                match event.map_err(said)? {
                    Event::Text(more) => text += more.len() as u64,
                    Event::End(_) => return Ok(text),
                    _ => {}
                }
            }
            Err("the stream ended without an end".to_owned())
        })
    }
}
