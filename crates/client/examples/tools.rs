//! A model that calls a tool: the call is gathered from the provider's own events, which come whole and
//! once however often the connection breaks, and the result goes back in the next turn.
//!
//! `ANTHROPIC_API_KEY=... cargo run -p client --example tools [BASE_URL [MODEL]]`

use client::{Client, Endpoint, Event, Events, Profile, Request, Secret};
use serde_json::{Value, json};
use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let base_url = args.next().unwrap_or_else(|| "https://api.anthropic.com/v1".to_owned());
    let model = args.next().unwrap_or_else(|| "claude-haiku-4-5".to_owned());
    let key = Secret::new(std::env::var("ANTHROPIC_API_KEY")?);
    let endpoint = Endpoint::new(&base_url, Profile::ANTHROPIC)?.key(key);
    // With every event of the provider, not the text alone.
    let client = Client::builder().endpoint(endpoint).events(Events::All).build()?;

    let mut messages = vec![json!({ "role": "user", "content": "What is 17 + 25?" })];
    loop {
        let content = turn(&client, &model, &messages).await?;
        let results: Vec<_> =
            content.iter().filter(|it| it["type"] == "tool_use").map(run).collect();
        messages.push(json!({ "role": "assistant", "content": content }));
        if results.is_empty() {
            return Ok(());
        }
        messages.push(json!({ "role": "user", "content": results }));
    }
}

/// One turn of the model: prints its text, and gives its content blocks.
async fn turn(
    client: &Client,
    model: &str,
    messages: &[Value],
) -> Result<Vec<Value>, Box<dyn Error>> {
    let tools = json!([{
        "name": "add",
        "description": "Adds two numbers",
        "input_schema": {
            "type": "object",
            "properties": { "a": { "type": "number" }, "b": { "type": "number" } },
            "required": ["a", "b"],
        },
    }]);
    let body = json!({ "model": model, "max_tokens": 1024, "tools": tools, "messages": messages });
    let mut stream = client.stream(Request::new(body.to_string())).await?;
    let (mut blocks, mut input) = (Vec::new(), String::new());
    while let Some(event) = stream.next().await {
        match event? {
            Event::Frame(frame) => {
                take(&serde_json::from_slice(&frame.data)?, &mut blocks, &mut input)?;
            }
            Event::Text(text) => print!("{text}"),
            _ => {}
        }
    }
    println!();
    Ok(blocks)
}

/// Puts one event into its content block.
fn take(event: &Value, blocks: &mut Vec<Value>, input: &mut String) -> Result<(), Box<dyn Error>> {
    match event["type"].as_str() {
        Some("content_block_start") => blocks.push(event["content_block"].clone()),
        Some("content_block_delta") => {
            let block = blocks.last_mut().ok_or("a delta without a block")?;
            if let Some(text) = event["delta"]["text"].as_str() {
                let so_far = block["text"].as_str().unwrap_or_default();
                block["text"] = Value::from(format!("{so_far}{text}"));
            }
            input.push_str(event["delta"]["partial_json"].as_str().unwrap_or_default());
        }
        Some("content_block_stop") if !input.is_empty() => {
            let block = blocks.last_mut().ok_or("an end without a block")?;
            block["input"] = serde_json::from_str(&std::mem::take(input))?;
        }
        _ => {}
    }
    Ok(())
}

/// Does what a call asks for.
fn run(call: &Value) -> Value {
    let number = |name: &str| call["input"][name].as_f64().unwrap_or_default();
    let sum = number("a") + number("b");
    println!("[add {}: {sum}]", call["input"]);
    json!({ "type": "tool_result", "tool_use_id": call["id"], "content": sum.to_string() })
}
