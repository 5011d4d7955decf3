#!/usr/bin/env python3
"""Many streams at once against `chitu serve`: each must be what it is alone, whatever the others do.

    python3 tests/serving/load.py --minutes 10

Starts a server, asks each request of a pool alone, and then keeps --streams clients busy with requests
of the pool. Some clients leave in the middle, some send what must be refused.
Shown at the end, and the reason for an exit status of 1:
  - a stream that differs from its solo run, lacks tokens, broke off, or was answered by an error
  - a bad request that was not answered with 4xx
  - memory of the server that still grows after the first third of the time
  - with --minutes 5 or more: a 99th percentile of the time between tokens beyond 3 times the median
"""

import argparse
import asyncio
import json
import random
import socket
import statistics
import struct
import sys
import tempfile
import time
from dataclasses import dataclass, field

from chitu_server import DEFAULT_MODEL, TINY, Server, raise_file_limit

MIB = 1 << 20
WORDS = ("river number again value question answer piece water program other letter begin say does "
         "come each helpful please was that").split()


@dataclass(frozen=True)
class PoolEntry:
    """A request, and the text that it has when it is alone."""
    body: dict
    text: str = ""


@dataclass
class Result:
    streams: int = 0
    cancelled: int = 0
    refused: int = 0
    tokens: int = 0
    problems: list = field(default_factory=list)
    gaps: list = field(default_factory=list)  # seconds between two tokens of a stream
    first: list = field(default_factory=list)  # seconds to the first token
    memory: list = field(default_factory=list)  # (seconds since the beginning, bytes)

    def problem(self, text):
        if len(self.problems) < 20:
            self.problems.append(text)


class Answer:
    """A stream, event by event."""

    def __init__(self):
        self.text, self.finish, self.tokens, self.done, self.error = "", None, None, False, None

    def take(self, event):
        """Whether the event has a piece of the answer. None is [DONE]."""
        if event is None:
            self.done = True
        elif "error" in event:
            self.error = str(event["error"])
        elif event["choices"]:
            choice = event["choices"][0]
            self.text += choice["text"]
            self.finish = choice["finish_reason"] or self.finish
            return True
        else:
            self.tokens = event["usage"]["completion_tokens"]
        return False

    def problem(self, entry, has_left=False):
        """What is wrong with the answer to an entry of the pool; None: nothing. A client that has left
        has seen its beginning."""
        if self.error is not None:
            return f"an error: {self.error[:200]}"
        if not (entry.text.startswith(self.text) if has_left else entry.text == self.text):
            return (f"different from alone: {self.text[:100]!r} ({len(self.text)} letters) is not "
                    f"{entry.text[:100]!r} ({len(entry.text)})")
        if has_left:
            return None
        if not self.done or self.finish != "length":
            return f"broke off: finish_reason {self.finish}, [DONE]: {self.done}"
        if self.tokens != entry.body["max_tokens"]:
            return f"{self.tokens} tokens of {entry.body['max_tokens']}"
        return None


class Connection:
    """One request of HTTP/1.1 and its answer. What a library would cost the two cores, it does not."""

    def __init__(self, port):
        self.port = port
        self.reader = self.writer = None

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_):
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass

    def reset(self):
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def post(self, path, body):
        """The status of the answer; its body is read by events() or text()."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.writer.write((f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                           f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
                           ).encode() + data)
        head = await self.reader.readuntil(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1])

    async def text(self):
        return (await self.reader.read()).decode(errors="replace")

    async def events(self):
        """What follows "data: ", as values of JSON; None for [DONE]."""
        buffer = b""
        while size := int(await self.reader.readline(), 16):
            buffer += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
            *whole, buffer = buffer.split(b"\n\n")
            for event in whole:
                if event.startswith(b"data: "):
                    data = event[len(b"data: "):]
                    yield None if data == b"[DONE]" else json.loads(data)


def bad_requests(pool):
    """Each is to be answered with 4xx."""
    good = pool[0].body
    chat = "/v1/chat/completions"
    return [
        ("/v1/completions", {**good, "n": 10**12}),
        ("/v1/completions", {**good, "temperature": -1}),
        ("/v1/completions", {**good, "max_tokens": 2**63}),
        ("/v1/completions", {**good, "prompt": []}),
        ("/v1/completions", {**good, "prompt": "word " * 20_000}),
        ("/v1/completions", {**good, "model": "no such model"}),
        ("/v1/completions", json.dumps(good).encode()[:-2]),
        ("/v1/completions", b"[" * 50_000),
        (chat, {"messages": "hello"}),
        (chat, {"messages": [{"role": "user", "content": "a"}], "logit_bias": {"-1": 1}}),
        ("/v1/embeddings", {"input": [-1]}),
        ("/no/such/path", {}),
    ]


class Load:
    def __init__(self, server, seconds, streams, pool_size, max_tokens, max_words, seed=1):
        self.server = server
        self.seconds = seconds
        self.streams = streams
        self.random = random.Random(seed)
        self.result = Result()
        self.pool = [PoolEntry(self.make_body(i, max_tokens, max_words)) for i in range(pool_size)]
        self.begin = 0.0

    def make_body(self, i, max_tokens, max_words):
        words = [self.random.choice(WORDS) for _ in range(self.random.randint(3, max_words))]
        body = {"prompt": f"{i} " + " ".join(words), "max_tokens": self.random.randint(1, max_tokens),
                "stream": True, "stream_options": {"include_usage": True}, "ignore_eos": True,
                "temperature": 0}
        if i % 2:
            body.update(temperature=0.9, seed=i, top_p=0.95, frequency_penalty=0.3)
        return body

    async def run_alone(self):
        for i, entry in enumerate(self.pool):
            async with Connection(self.server.port) as connection:
                status = await connection.post("/v1/completions", entry.body)
                assert status == 200, await connection.text()
                answer = Answer()
                async for event in connection.events():
                    answer.take(event)
            self.pool[i] = PoolEntry(entry.body, answer.text)
            assert (problem := answer.problem(self.pool[i])) is None, problem

    async def stream(self):
        """A request of the pool; one in ten leaves before its end."""
        entry = self.random.choice(self.pool)
        leaves = self.random.random() < 0.1
        leave_after = self.random.randint(0, entry.body["max_tokens"]) if leaves else None
        start = last = time.monotonic()
        answer, pieces = Answer(), 0
        async with Connection(self.server.port) as connection:
            status = await connection.post("/v1/completions", entry.body)
            if status != 200:
                self.result.problem(f"status {status}: {(await connection.text())[:200]}")
                return
            async for event in connection.events():
                if leaves and pieces >= leave_after:
                    self.result.cancelled += 1
                    if self.random.random() < 0.5:
                        connection.reset()
                    break
                if answer.take(event):
                    now = time.monotonic()
                    (self.result.gaps if pieces else self.result.first).append(now - last)
                    last = now
                    pieces += 1
                if answer.done or answer.error:
                    break
        self.result.tokens += pieces
        if not leaves:
            self.result.streams += 1
        if problem := answer.problem(entry, has_left=leaves):
            self.result.problem(f"after {time.monotonic() - start:.1f} s: {problem}")

    async def bad_request(self):
        path, body = self.random.choice(bad_requests(self.pool))
        async with Connection(self.server.port) as connection:
            status = await connection.post(path, body)
            self.result.refused += 1
            if not 400 <= status < 500:
                self.result.problem(f"a bad request was answered with {status}: {path} {body!s:.80}")

    async def client(self):
        await asyncio.sleep(self.random.random())
        while time.monotonic() < self.begin + self.seconds:
            try:
                await (self.bad_request() if self.random.random() < 0.1 else self.stream())
            except (OSError, asyncio.IncompleteReadError, ValueError, LookupError) as error:
                self.result.problem(f"a lost connection, or a stream that makes no sense: {error!r}")
                await asyncio.sleep(0.1)

    async def watch_memory(self, progress):
        while True:
            now = time.monotonic() - self.begin
            self.result.memory.append((now, self.server.memory()))
            if progress:
                print(f"\r{now:4.0f} s  {self.result.streams} streams  {self.result.tokens} tokens  "
                      f"{self.result.memory[-1][1] / MIB:.0f} MiB ", end="", file=sys.stderr, flush=True)
            await asyncio.sleep(1)

    async def run(self, progress=False):
        await self.run_alone()
        self.begin = time.monotonic()
        watcher = asyncio.create_task(self.watch_memory(progress))
        await asyncio.gather(*(self.client() for _ in range(self.streams)))
        watcher.cancel()
        if progress:
            print(file=sys.stderr)
        self.server.assert_idle(timeout=30)
        return self.result


def growth(result, seconds):
    """Bytes that the memory's peak has risen after the first third of the time."""
    warm = max(size for when, size in result.memory if when <= seconds / 3)
    return max(size for _, size in result.memory) - warm


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def report(result, seconds, metrics):
    median, p99 = statistics.median(result.gaps), percentile(result.gaps, 0.99)
    print(f"{result.streams} streams complete, {result.cancelled} left, {result.refused} bad requests")
    print(f"{result.tokens / seconds:.0f} tokens/s; time to the first token: median "
          f"{statistics.median(result.first):.2f} s, p99 {percentile(result.first, 0.99):.2f} s")
    print(f"time between tokens: median {median * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms, "
          f"{p99 / median:.2f} times the median, longest {max(result.gaps) * 1e3:.0f} ms")
    print(f"memory: at first {result.memory[0][1] / MIB:.0f} MiB, peak "
          f"{max(size for _, size in result.memory) / MIB:.0f} MiB, grown after the first third "
          f"{growth(result, seconds) / MIB:.1f} MiB")
    print(f"preemptions {metrics['vllm:num_preemptions_total']:.0f}, prefix hits "
          f"{metrics['vllm:prefix_cache_hits_total']:.0f} of "
          f"{metrics['vllm:prefix_cache_queries_total']:.0f} tokens")
    return p99 / median


def settings(streams, max_reqs, num_blocks):
    return (f"infer.max_reqs={max_reqs}", "infer.max_seq_len=1024", f"infer.num_blocks={num_blocks}",
            "infer.deterministic=True", f"serve.max_queue={2 * streams}",
            f"serve.max_connections={2 * streams + 64}")


def default_model():
    return DEFAULT_MODEL if DEFAULT_MODEL.exists() else TINY


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--streams", type=int, default=256)
    parser.add_argument("--model", default=default_model())
    parser.add_argument("--max-reqs", type=int, default=256, help="streams computed at the same time")
    parser.add_argument("--num-blocks", type=int, default=1024, help="of the KV cache, 32 tokens each")
    parser.add_argument("--max-tokens", type=int, default=128, help="of an answer")
    parser.add_argument("--max-words", type=int, default=200, help="of a prompt")
    parser.add_argument("--pool", type=int, default=48, help="different requests")
    options = parser.parse_args()
    raise_file_limit()
    seconds = 60 * options.minutes
    with tempfile.TemporaryDirectory() as folder, \
            Server(folder, *settings(options.streams, options.max_reqs, options.num_blocks),
                   model=options.model) as server:
        load = Load(server, seconds, options.streams, options.pool, options.max_tokens,
                    options.max_words)
        result = asyncio.run(load.run(progress=sys.stderr.isatty()))
        ratio = report(result, seconds, server.metrics())
    if growth(result, seconds) > 16 * MIB:
        result.problem("memory grows")
    if options.minutes >= 5 and ratio > 3:
        result.problem("the 99th percentile of the time between tokens is beyond 3 times the median")
    for problem in result.problems:
        print(f"FAILED: {problem}")
    return 1 if result.problems else 0


if __name__ == "__main__":
    sys.exit(main())
