//! genai, on its OpenAI adapter.

use futures_util::StreamExt;
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatRequest, ChatStreamEvent};
use genai::resolver::{AuthData, Endpoint, ServiceTargetResolver};
use genai::{Client, ModelIden, ServiceTarget};

use super::{Receive, Receiving};

struct Unified {
    client: Client,
}

/// The entry.
pub(super) fn client(url: &str) -> Box<dyn Receive> {
    let base = format!("{url}/v1/");
    let resolver = ServiceTargetResolver::from_resolver_fn(
        move |target: ServiceTarget| -> Result<ServiceTarget, genai::resolver::Error> {
            let endpoint = Endpoint::from_owned(base.clone());
            let model = ModelIden::new(AdapterKind::OpenAI, target.model.model_name);
            Ok(ServiceTarget { endpoint, auth: AuthData::from_single("none"), model })
        },
    );
    let client = Client::builder().with_service_target_resolver(resolver).build();
    Box::new(Unified { client: client.expect("a client without TLS") })
}

impl Receive for Unified {
    fn receive(&self, model: &str) -> Receiving {
        let (client, model) = (self.client.clone(), model.to_owned());
        Box::pin(async move { receive(&client, &model).await.map_err(|error| error.to_string()) })
    }
}

async fn receive(client: &Client, model: &str) -> Result<u64, genai::Error> {
    let request = ChatRequest::default().append_message(ChatMessage::user("Go"));
    let mut events = client.exec_chat_stream(model, request, None).await?.stream;
    let mut text = 0;
    while let Some(event) = events.next().await {
        if let ChatStreamEvent::Chunk(chunk) = event? {
            text += chunk.content.len() as u64;
        }
    }
    Ok(text)
}
