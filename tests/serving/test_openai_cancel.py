"""Clients that leave before their answer is complete: it is cancelled at once, and nobody else notices."""

import asyncio
import time

import openai
import pytest
from helpers import ChatText

ASK = [{"role": "user", "content": "Please say the numbers again."}]
LONG = {"max_tokens": 1900, "extra_body": {"ignore_eos": True}}


def aborted(server):
    return server.metric("chitu:http_disconnects_total")


@pytest.mark.parametrize("after", [0, 1, 10])
def test_a_stream_that_is_closed(server, client, model, after):
    before, tokens = aborted(server), server.metric("vllm:generation_tokens_total")
    stream = client.chat.completions.create(model=model, messages=ASK, stream=True, n=16, **LONG)
    for _ in range(after):
        next(stream)
    stream.close()
    server.assert_idle(timeout=5)
    assert aborted(server) == before + 1
    assert server.metric("vllm:generation_tokens_total") - tokens < 16 * 1900


def test_a_stream_that_is_left_by_break(server, client, model):
    with client.chat.completions.create(model=model, messages=ASK, stream=True, **LONG) as stream:
        for _ in stream:
            break
    server.assert_idle(timeout=5)


def test_an_answer_that_nobody_waits_for(server, model):
    before = aborted(server)

    async def leave():
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none",
                                      max_retries=0) as client:
            task = asyncio.create_task(client.chat.completions.create(
                model=model, messages=ASK, n=16, **LONG))
            while not server.metric("vllm:num_requests_running"):
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    asyncio.run(leave())
    server.assert_idle(timeout=5)
    assert aborted(server) == before + 1


def test_a_client_s_timeout(server, client, model):
    impatient = client.with_options(timeout=0.05)
    with pytest.raises(openai.APITimeoutError):
        impatient.chat.completions.create(model=model, messages=ASK, n=16, **LONG)
    server.assert_idle(timeout=5)


def test_others_go_on(server, client, model, words):
    fields = {"model": model, "messages": ASK, "temperature": 0, "max_tokens": 60,
              "logit_bias": words, "stream": True}
    alone = ChatText(client.chat.completions.create(**fields)).text
    keeper = client.chat.completions.create(**fields)
    for _ in range(8):
        stream = client.chat.completions.create(model=model, messages=ASK, stream=True, **LONG)
        next(stream)
        stream.close()
    assert ChatText(keeper).text == alone


def test_many_at_once(server, model, words):
    """Many answers through the package's asynchronous client, streams among them, each its own."""
    async def all_of_them():
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none",
                                      max_retries=0) as client:
            async def one(i):
                is_stream = i % 16 < 8
                answer = await client.chat.completions.create(
                    model=model, messages=[{"role": "user", "content": f"number {i % 8}"}],
                    temperature=0, max_tokens=10 + i % 8, logit_bias=words, stream=is_stream)
                if not is_stream:
                    return i % 8, answer.choices[0].message.content
                return i % 8, "".join([chunk.choices[0].delta.content or "" async for chunk in answer])
            return await asyncio.gather(*(one(i) for i in range(64)))
    texts = {}
    for kind, text in asyncio.run(all_of_them()):
        assert texts.setdefault(kind, text) == text
    assert len(set(texts.values())) == 8


def test_idle_is_asleep(server):
    server.assert_idle()
    before = server.cpu_seconds()
    time.sleep(1.0)
    assert server.cpu_seconds() - before < 0.1
