"""Load on a server of OpenAI's interface: throughput and latencies at several concurrencies, and of conversations.

    python3 tests/serve/clients/load.py http://127.0.0.1:8080 MODEL [--concurrency 1,4,16,32] [--tokens 64] [--turns 10]

Prints a JSON line for each. TTFT: from a request to its first text; ITL: between two; TPOT: their mean in a reply.
"""
import argparse
import http.client
import json
import threading
import time
import urllib.parse

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("base")
parser.add_argument("model")
parser.add_argument("--concurrency", default="1,4,16,32")
parser.add_argument("--requests", type=int, default=2, help="of each client")
parser.add_argument("--tokens", type=int, default=64)
parser.add_argument("--turns", type=int, default=0, help="of a conversation, one client")
arguments = parser.parse_args()
address = urllib.parse.urlparse(arguments.base).netloc
WORDS = "river mountain lantern copper winter garden engine market violin harbour".split()


def ask(messages, tokens):
    """The text, and when the request was sent and each part came."""
    connection = http.client.HTTPConnection(address, timeout=1200)
    body = {"model": arguments.model, "messages": messages, "max_tokens": tokens, "temperature": 0, "stream": True}
    begun = time.monotonic()
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"{response.status}: {response.read().decode()}")
    text, times = "", []
    for line in response:
        if not line.startswith(b"data: {"):
            continue
        choices = json.loads(line[6:])["choices"]
        part = choices[0]["delta"].get("content") if choices else None
        if part:
            text += part
            times.append(time.monotonic())
    connection.close()
    return text, begun, times


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else None


def milliseconds(values):
    return {name: round(1e3 * percentile(values, share), 1) for name, share in (("p50", 0.5), ("p99", 0.99))}


def load(clients):
    replies, lock = [], threading.Lock()

    def client(number):
        for request in range(arguments.requests):
            topic = f"{WORDS[number % 10]} and {WORDS[(number // 10 + request) % 10]} number {number}-{request}"
            reply = ask([{"role": "user", "content": f"Write a story about a {topic}."}], arguments.tokens)
            with lock:
                replies.append(reply)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - begun
    tokens = sum(len(times) for _, _, times in replies)
    gaps = [b - a for _, _, times in replies for a, b in zip(times, times[1:])]
    print(json.dumps({
        "concurrency": clients, "tokens_per_second": round(tokens / seconds, 2), "tokens": tokens,
        "ttft_ms": milliseconds([times[0] - begun for _, begun, times in replies if times]),
        "tpot_ms": milliseconds([(t[-1] - t[0]) / (len(t) - 1) for _, _, t in replies if len(t) > 1]),
        "itl_ms": milliseconds(gaps)}), flush=True)


def converse():
    messages, first = [], []
    for turn in range(arguments.turns):
        question = "Tell me about the " + " ".join(WORDS[(turn + i) % 10] for i in range(10)) + f", part {turn}."
        messages.append({"role": "user", "content": question})
        text, begun, times = ask(messages, arguments.tokens)
        messages.append({"role": "assistant", "content": text})
        first.append(round(1e3 * (times[0] - begun), 1) if times else None)
    print(json.dumps({"turns": arguments.turns, "ttft_ms": first}), flush=True)


for clients in arguments.concurrency.split(","):
    if int(clients) > 0:
        load(int(clients))
if arguments.turns:
    converse()
