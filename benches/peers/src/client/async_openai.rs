//! async-openai, with its types.

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessageArgs, CreateChatCompletionRequestArgs,
};
use futures_util::StreamExt;

use super::{Receive, Receiving};

struct Typed {
    client: Client<OpenAIConfig>,
}

/// The entry.
pub(super) fn client(url: &str) -> Box<dyn Receive> {
    let config = OpenAIConfig::new().with_api_base(format!("{url}/v1")).with_api_key("none");
    Box::new(Typed { client: Client::with_config(config) })
}

impl Receive for Typed {
    fn receive(&self, model: &str) -> Receiving {
        let (client, model) = (self.client.clone(), model.to_owned());
        Box::pin(async move { receive(&client, &model).await.map_err(|error| error.to_string()) })
    }
}

async fn receive(
    client: &Client<OpenAIConfig>,
    model: &str,
) -> Result<u64, Box<dyn std::error::Error>> {
    let message = ChatCompletionRequestUserMessageArgs::default().content("Go").build()?;
    let request = CreateChatCompletionRequestArgs::default()
        .model(model)
        .messages([message.into()])
        .build()?;
    let mut chunks = client.chat().create_stream(request).await?;
    let mut text = 0;
    while let Some(chunk) = chunks.next().await {
        for choice in chunk?.choices {
            text += choice.delta.content.map_or(0, |content| content.len()) as u64;
        }
    }
    Ok(text)
}
