//! reqwest, eventsource-stream and a `serde_json::Value`: what programs without an SDK are built of.

use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::{Receive, Receiving};

struct Plain {
    client: reqwest::Client,
    url: String,
}

/// The entry.
pub(super) fn client(url: &str) -> Box<dyn Receive> {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client without TLS");
    Box::new(Plain { client, url: format!("{url}/v1/chat/completions") })
}

impl Receive for Plain {
    fn receive(&self, model: &str) -> Receiving {
        let messages = json!([{"role": "user", "content": "Go"}]);
        let body = json!({"model": model, "stream": true, "messages": messages});
        let request = self.client.post(&self.url).json(&body);
        Box::pin(async move { receive(request).await.map_err(|error| error.to_string()) })
    }
}

async fn receive(request: reqwest::RequestBuilder) -> Result<u64, Box<dyn std::error::Error>> {
    let mut events = request.send().await?.bytes_stream().eventsource();
    let mut text = 0;
    while let Some(event) = events.next().await {
        let event = event?;
        if event.data == "[DONE]" {
            return Ok(text);
        }
        let chunk: Value = serde_json::from_str(&event.data)?;
        text += chunk["choices"][0]["delta"]["content"].as_str().map_or(0, str::len) as u64;
    }
    Err("the response is truncated".into())
}
