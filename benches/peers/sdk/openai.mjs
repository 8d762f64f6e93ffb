// Receives one response with the official SDK and prints: bytes of text, CPU nanoseconds.

import OpenAI from "openai";

const [, , url, model, warmUp] = process.argv;
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none" });

async function receive(model) {
  let text = 0;
  const messages = [{ role: "user", content: "Go" }];
  for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
    text += Buffer.byteLength(chunk.choices[0].delta.content ?? "");
  }
  return text;
}

await receive(warmUp);
const before = process.cpuUsage();
const text = await receive(model);
const { user, system } = process.cpuUsage(before);
console.log(text, (user + system) * 1000);
