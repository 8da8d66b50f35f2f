"""Python's clients against a running server: chat, stream, tools, structured output, embeddings, errors, abort.

    pip install openai anthropic ollama langchain-openai
    python3 tests/serve/clients/clients.py http://127.0.0.1:8080 CHAT_MODEL EMBEDDING_MODEL [KEY]
"""
import json
import sys

import anthropic
import ollama
import openai
from langchain_openai import ChatOpenAI

base, chat, embedding = sys.argv[1:4]
key = sys.argv[4] if len(sys.argv) > 4 else "none"
done = 0


def check(name, condition, seen=""):
    global done
    if not condition:
        sys.exit(f"FAILED: {name}: {seen}")
    done += 1
    print(f"ok  {name}")


QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}, "inhabitants": {"type": "integer"}},
          "required": ["city", "inhabitants"], "additionalProperties": False}
TOOL = {"name": "get_weather", "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}},
                       "required": ["city"], "additionalProperties": False}}


def openai_client():
    client = openai.OpenAI(base_url=base + "/v1", api_key=key, max_retries=0)
    check("openai models", chat in [model.id for model in client.models.list()])
    check("openai model", client.models.retrieve(chat).id == chat)
    whole = client.chat.completions.create(model=chat, messages=QUESTION, temperature=0, max_tokens=20)
    check("openai chat", "Paris" in whole.choices[0].message.content, whole)
    check("openai usage", whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens)
    stream = client.chat.completions.create(model=chat, messages=QUESTION, temperature=0, max_tokens=20, stream=True,
                                            stream_options={"include_usage": True})
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    check("openai stream", text == whole.choices[0].message.content, text)
    check("openai stream's usage", chunks[-1].usage.completion_tokens == whole.usage.completion_tokens)
    several = client.chat.completions.create(model=chat, messages=QUESTION, n=3, seed=7, max_tokens=5, temperature=1.5)
    check("openai n", [c.index for c in several.choices] == [0, 1, 2])
    again = client.chat.completions.create(model=chat, messages=QUESTION, n=3, seed=7, max_tokens=5, temperature=1.5)
    check("openai seed", [c.message.content for c in several.choices] == [c.message.content for c in again.choices])
    stopped = client.chat.completions.create(model=chat, messages=QUESTION, temperature=0, max_tokens=20, stop=[" of"])
    check("openai stop", stopped.choices[0].message.content == "The capital", stopped)
    check("openai finish", stopped.choices[0].finish_reason == "stop")
    cut = client.chat.completions.create(model=chat, messages=QUESTION, temperature=0, max_tokens=2)
    check("openai length", cut.choices[0].finish_reason == "length")
    told = client.chat.completions.create(model=chat, messages=QUESTION, temperature=0, max_tokens=5, logprobs=True,
                                          top_logprobs=3)
    tokens = told.choices[0].logprobs.content
    check("openai logprobs", "".join(t.token for t in tokens) == told.choices[0].message.content, tokens)
    check("openai top_logprobs", all(t.top_logprobs[0].token == t.token for t in tokens), tokens)
    check("openai cached_from", "device" in told.usage.prompt_tokens_details.model_extra["cached_from"], told.usage)
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}}
    made = client.chat.completions.create(model=chat, messages=QUESTION, response_format=form, max_tokens=100)
    check("openai schema", set(json.loads(made.choices[0].message.content)) == {"city", "inhabitants"}, made)
    tools = [{"type": "function", "function": TOOL}]
    called = client.chat.completions.create(model=chat, messages=QUESTION, tools=tools, max_tokens=100,
                                            tool_choice={"type": "function", "function": {"name": "get_weather"}})
    call = called.choices[0].message.tool_calls[0]
    check("openai tool", call.function.name == "get_weather" and "city" in json.loads(call.function.arguments), called)
    check("openai tool's finish", called.choices[0].finish_reason == "tool_calls")
    follow = QUESTION + [called.choices[0].message.model_dump(exclude_none=True),
                         {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    check("openai tool's result", client.chat.completions.create(model=chat, messages=follow, max_tokens=5).choices)
    plain = client.completions.create(model=chat, prompt="Once upon a", max_tokens=4, temperature=0)
    check("openai completion", len(plain.choices[0].text) > 0)
    check("openai completion's stream", "".join(c.choices[0].text for c in client.completions.create(
        model=chat, prompt="Once upon a", max_tokens=4, temperature=0, stream=True)) == plain.choices[0].text)
    vectors = client.embeddings.create(model=embedding, input=["a cat", "a kitten", "tax law"])
    a, b, c = (v.embedding for v in vectors.data)
    dot = lambda x, y: sum(p * q for p, q in zip(x, y))
    check("openai embeddings", dot(a, b) > dot(a, c))
    for name, error, call in (
            ("unknown model", openai.NotFoundError, lambda: client.chat.completions.create(model="no", messages=QUESTION)),
            ("bad temperature", openai.BadRequestError,
             lambda: client.chat.completions.create(model=chat, messages=QUESTION, temperature=-1)),
            ("too long", openai.BadRequestError, lambda: client.chat.completions.create(
                model=chat, messages=[{"role": "user", "content": "word " * 50000}]))):
        try:
            call()
            check(f"openai {name}", False)
        except error as raised:
            check(f"openai {name}", raised.message)
    stream = client.chat.completions.create(model=chat, messages=QUESTION, temperature=1, max_tokens=2000, stream=True)
    next(iter(stream))
    stream.close()
    check("openai abort", True)
    answer = client.responses.create(model=chat, input="What is the capital of France?", temperature=0)
    check("openai responses", "Paris" in answer.output_text, answer)
    more = client.responses.create(model=chat, input="And of Italy?", previous_response_id=answer.id, temperature=0)
    check("openai previous response", more.output_text and more.usage.input_tokens > answer.usage.input_tokens, more)
    with client.responses.stream(model=chat, input="What is the capital of France?", temperature=0) as events:
        kinds = [event.type for event in events]
        check("openai responses' stream", events.get_final_response().output_text == answer.output_text, kinds)
    check("openai responses' events", kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds)


def anthropic_client():
    client = anthropic.Anthropic(base_url=base, api_key=key, max_retries=0)
    whole = client.messages.create(model=chat, max_tokens=20, messages=QUESTION, extra_body={"temperature": 0})
    check("anthropic chat", "Paris" in whole.content[0].text, whole)
    with client.messages.stream(model=chat, max_tokens=20, messages=QUESTION, extra_body={"temperature": 0}) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    check("anthropic stream", text == whole.content[0].text and final.stop_reason == "end_turn", final)
    check("anthropic count", client.messages.count_tokens(model=chat, messages=QUESTION).input_tokens > 5)
    tool = {"name": TOOL["name"], "description": TOOL["description"], "input_schema": TOOL["parameters"]}
    called = client.messages.create(model=chat, max_tokens=100, messages=QUESTION, tools=[tool],
                                    tool_choice={"type": "any"})
    use = called.content[-1]
    check("anthropic tool", use.type == "tool_use" and "city" in use.input and called.stop_reason == "tool_use", called)
    follow = QUESTION + [{"role": "assistant", "content": [use.model_dump(exclude_none=True)]},
                         {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "sunny"}]}]
    check("anthropic tool's result", client.messages.create(model=chat, max_tokens=5, messages=follow).content)
    stopped = client.messages.create(model=chat, max_tokens=20, messages=QUESTION, extra_body={"temperature": 0}, stop_sequences=[" of"])
    check("anthropic stop", stopped.stop_reason == "stop_sequence" and stopped.stop_sequence == " of", stopped)
    begun = QUESTION + [{"role": "assistant", "content": "The capital of France is"}]
    check("anthropic prefill", "Paris" in client.messages.create(
        model=chat, max_tokens=5, messages=begun, extra_body={"temperature": 0}).content[0].text)
    try:
        client.messages.create(model="no", max_tokens=5, messages=QUESTION)
        check("anthropic unknown model", False)
    except anthropic.NotFoundError as raised:
        check("anthropic unknown model", raised.body["error"]["type"] == "not_found_error")


def ollama_client():
    client = ollama.Client(host=base, headers={"Authorization": f"Bearer {key}"})
    check("ollama tags", chat in [model.model for model in client.list().models])
    check("ollama show", client.show(chat).details.format == "gguf")
    options = {"temperature": 0, "num_predict": 20}
    whole = client.chat(chat, messages=QUESTION, options=options)
    check("ollama chat", "Paris" in whole.message.content, whole)
    parts = list(client.chat(chat, messages=QUESTION, options=options, stream=True))
    check("ollama stream", "".join(p.message.content for p in parts) == whole.message.content and parts[-1].done)
    check("ollama generate", "Paris" in client.generate(chat, QUESTION[0]["content"], options=options).response)
    made = client.chat(chat, messages=QUESTION, format=SCHEMA, options={"num_predict": 100})
    check("ollama format", "city" in json.loads(made.message.content), made)
    check("ollama embed", len(client.embed(embedding, ["a", "b"]).embeddings) == 2)
    try:
        client.chat("no", messages=QUESTION)
        check("ollama unknown model", False)
    except ollama.ResponseError as raised:
        check("ollama unknown model", raised.status_code == 404)


def langchain_client():
    model = ChatOpenAI(model=chat, base_url=base + "/v1", api_key=key, temperature=0, max_tokens=100)
    check("langchain chat", "Paris" in model.invoke("What is the capital of France?").content)
    check("langchain stream", "Paris" in "".join(part.content for part in model.stream("What is the capital of France?")))
    made = model.with_structured_output(SCHEMA | {"title": "city"}, method="json_schema").invoke("Paris, please")
    check("langchain schema", set(made) == {"city", "inhabitants"}, made)
    called = model.bind_tools([TOOL], tool_choice="get_weather").invoke("Paris, please")
    check("langchain tool", called.tool_calls[0]["name"] == "get_weather", called)


openai_client()
anthropic_client()
ollama_client()
langchain_client()
print(f"{done} checks passed")
