"""Receives one response with the official SDK and prints: bytes of text, CPU nanoseconds."""

import sys
import time

from openai import OpenAI


def receive(client, model):
    text = 0
    messages = [{"role": "user", "content": "Go"}]
    for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
        text += len((chunk.choices[0].delta.content or "").encode())
    return text


client = OpenAI(base_url=sys.argv[1] + "/v1", api_key="none")
receive(client, sys.argv[3])
before = time.process_time_ns()
text = receive(client, sys.argv[2])
print(text, time.process_time_ns() - before)
