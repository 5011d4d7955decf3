"""Completions, embeddings, models and the routes of text, through OpenAI's package where it has them."""

import base64
import math
import re
import struct

import openai
import pytest
from helpers import tokens_of

PROMPT = "The numbers are"


@pytest.fixture
def complete(client, model, words):
    def create(prompt=PROMPT, extra_body=None, **changes):
        fields = {"max_tokens": 10, "temperature": 0, "logit_bias": words, **changes}
        return client.completions.create(model=model, prompt=prompt, extra_body=extra_body, **fields)
    return create


def texts(answer):
    return [choice.text for choice in answer.choices]


def test_the_answer(complete, model):
    answer = complete()
    assert answer.object == "text_completion"
    assert answer.id.startswith("cmpl-")
    assert answer.model == model
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 10
    assert len(answer.choices[0].text.split()) == 10


def test_sixteen_tokens_unless_asked(client, model, words):
    answer = client.completions.create(model=model, prompt=PROMPT, temperature=0, logit_bias=words)
    assert answer.usage.completion_tokens == 16


def test_prompts_as_text_and_tokens(complete, server):
    tokens = server.json("/tokenize", {"prompt": PROMPT})["tokens"]
    assert texts(complete(tokens)) == texts(complete())
    assert complete(tokens).usage.prompt_tokens == len(tokens)


def test_many_prompts(complete):
    prompts = ["The river", "A number", "Please say"]
    alone = [texts(complete(prompt))[0] for prompt in prompts]
    together = complete(prompts)
    assert texts(together) == alone
    assert [choice.index for choice in together.choices] == [0, 1, 2]
    assert together.usage.completion_tokens == 30


def test_many_prompts_with_n(complete):
    answer = complete(["The river", "A number"], n=2, temperature=1, seed=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert len(set(texts(answer))) == 4
    assert texts(complete("A number", n=2, temperature=1, seed=3)) == texts(answer)[2:]


@pytest.mark.parametrize("room", [1, 2, 10])
def test_an_answer_has_the_room_that_the_prompt_leaves(complete, room):
    answer = complete([5] * (2048 - room), max_tokens=100)
    assert answer.usage.completion_tokens == room
    assert answer.choices[0].finish_reason == "length"


def test_echo(complete):
    assert texts(complete(echo=True))[0] == PROMPT + texts(complete())[0]


def test_stop(complete):
    text = texts(complete())[0]
    word = tokens_of(text)[4]
    answer = complete(stop=[word])
    assert answer.choices[0].text == text[:text.index(word)]
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens == text.split().index(word.strip()) + 1


def test_logprobs(complete):
    answer = complete(logprobs=3, logit_bias={})
    logprobs = answer.choices[0].logprobs
    count = answer.usage.completion_tokens
    assert len(logprobs.tokens) == len(logprobs.token_logprobs) == len(logprobs.text_offset) == count
    for token, logprob, top in zip(logprobs.tokens, logprobs.token_logprobs, logprobs.top_logprobs):
        assert 1 <= len(top) <= 4
        assert top[token] == logprob == max(top.values())


def test_text_offsets(complete):
    choice = complete(logprobs=0).choices[0]
    for token, offset in zip(choice.logprobs.tokens, choice.logprobs.text_offset):
        assert choice.text[offset:].startswith(token)


def test_stream(complete):
    chunks = list(complete(stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].text for c in chunks if c.choices) == texts(complete())[0]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 10


def test_stream_of_many_prompts(complete):
    prompts = ["The river", "A number", "Please say"]
    pieces = dict.fromkeys(range(3), "")
    for chunk in complete(prompts, stream=True):
        for choice in chunk.choices:
            pieces[choice.index] += choice.text
    assert list(pieces.values()) == texts(complete(prompts))


@pytest.mark.parametrize("fields", [{"suffix": "end"}, {"best_of": 3}, {"best_of": 2**40},
                                    {"logprobs": 21}, {"logprobs": -1}], ids=str)
def test_what_is_not_supported_is_refused(complete, fields):
    with pytest.raises(openai.BadRequestError) as raised:
        complete(**fields)
    assert raised.value.param == next(iter(fields))


@pytest.mark.parametrize("prompt", ["", [], [""], [[]], [1, "a"], [512], [-1], [1.5], [10**30]],
                         ids=str)
def test_prompts_that_are_none(complete, prompt):
    with pytest.raises(openai.BadRequestError) as raised:
        complete(prompt)
    assert raised.value.param.startswith("prompt")


def embed(client, model, given, **fields):
    return client.embeddings.create(model=model, input=given, **fields)


def test_embeddings(client, model):
    answer = embed(client, model, "The river begins in the mountains.")
    assert answer.object == "list"
    assert answer.data[0].object == "embedding"
    vector = answer.data[0].embedding
    assert len(vector) == 64  # the model's hidden size
    assert math.isclose(sum(x * x for x in vector), 1, rel_tol=1e-4)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 0


def test_embeddings_do_not_depend_on_their_company(client, model):
    inputs = [f"The number {i} again and again" for i in range(40)]
    together = embed(client, model, inputs).data
    assert [data.index for data in together] == list(range(40))
    for i in (0, 17, 39):
        assert embed(client, model, inputs[i]).data[0].embedding == together[i].embedding
    assert together[0].embedding != together[1].embedding


def test_more_embeddings_than_may_wait(strict):
    """They come to the engine one after the other, where a queue of one has no room for all."""
    inputs = [f"text {i}" for i in range(40)]
    together = strict.json("/v1/embeddings", {"input": inputs})["data"]
    assert [data["index"] for data in together] == list(range(40))
    for i in (0, 20, 39):
        alone = strict.json("/v1/embeddings", {"input": inputs[i]})["data"][0]
        assert alone["embedding"] == together[i]["embedding"]


def test_embeddings_of_the_size_that_they_have(client, model):
    own = embed(client, model, "The river", dimensions=64)
    assert own.data[0].embedding == embed(client, model, "The river").data[0].embedding


def test_embeddings_of_tokens(client, model, server):
    text = "The numbers again"
    tokens = server.json("/tokenize", {"prompt": text})["tokens"]
    assert embed(client, model, tokens).data[0].embedding == embed(client, model, text).data[0].embedding
    assert embed(client, model, [tokens, tokens]).usage.prompt_tokens == 2 * len(tokens)


def test_embeddings_as_base64_and_numbers(server, model):
    body = {"model": model, "input": "The river"}
    numbers = server.json("/v1/embeddings", {**body, "encoding_format": "float"})
    packed = server.json("/v1/embeddings", {**body, "encoding_format": "base64"})
    data = base64.b64decode(packed["data"][0]["embedding"])
    floats = struct.unpack(f"<{len(data) // 4}f", data)
    assert floats == pytest.approx(numbers["data"][0]["embedding"], rel=1e-6)


def test_embeddings_beside_answers(client, model, complete):
    alone = embed(client, model, "The river").data[0].embedding
    stream = complete(stream=True, max_tokens=300)
    assert embed(client, model, "The river").data[0].embedding == alone
    stream.close()


@pytest.mark.parametrize("fields", [{"input": ""}, {"input": []}, {"input": [512]},
                                    {"input": "a", "dimensions": 8},
                                    {"input": "a", "dimensions": 0},
                                    {"input": "a", "dimensions": 2**40}], ids=str)
def test_embeddings_that_are_refused(client, model, fields):
    with pytest.raises(openai.BadRequestError) as raised:
        client.embeddings.create(model=model, **fields)
    assert raised.value.param.startswith(list(fields)[-1])


def test_models(client, model):
    models = client.models.list().data
    assert [entry.id for entry in models] == [model]
    assert models[0].object == "model"
    assert models[0].created > 0
    assert models[0].owned_by
    assert client.models.retrieve(model).id == model


def test_tokenize_and_back(server):
    for text in ("The river", "naïve 雪 🙂", " two  blanks ", "line\nfeed"):
        tokens = server.json("/tokenize", {"prompt": text, "return_token_strs": True})
        assert tokens["count"] == len(tokens["tokens"]) == len(tokens["token_strs"])
        assert tokens["max_model_len"] == 2048
        assert server.json("/detokenize", {"tokens": tokens["tokens"]})["prompt"] == text


def test_operations(server):
    assert server.json("/health") == server.json("/ready") == {"status": "ok", "state": "ready"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", server.json("/version")["version"])
    for body in (None, {}):  # GET and POST
        assert server.json("/ping", body)
        assert server.json("/status", body)["message"] == "True"
        assert server.json("/load_status", body)["running"] == 0


def test_metrics_have_vllm_s_names(server, complete):
    complete()
    names = set(server.metrics())
    counters = ("prompt_tokens_total", "generation_tokens_total", "request_success_total",
                "num_preemptions_total", "prefix_cache_queries_total", "prefix_cache_hits_total")
    gauges = ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc")
    histograms = ("time_to_first_token_seconds", "inter_token_latency_seconds",
                  "e2e_request_latency_seconds", "request_time_per_output_token_seconds",
                  "request_queue_time_seconds", "request_prefill_time_seconds",
                  "request_decode_time_seconds", "request_prompt_tokens",
                  "request_generation_tokens")
    expected = {f"vllm:{name}" for name in counters + gauges}
    expected |= {f"vllm:{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")}
    assert expected <= names
    for line in server.get("/metrics")[1].decode().splitlines():
        assert not line.startswith("vllm:") or 'model_name="tiny-random"' in line, line


def test_metrics_count(server, complete):
    before = server.metrics()
    answer = complete(["The river", "A number"])
    after = server.metrics()

    def grown(name):
        return after[name] - before[name]
    assert grown("vllm:prompt_tokens_total") == answer.usage.prompt_tokens
    assert grown("vllm:generation_tokens_total") == 20
    assert grown("vllm:request_success_total") == 2
    assert grown("vllm:time_to_first_token_seconds_count") == 2
    assert grown("vllm:inter_token_latency_seconds_count") == 18
    assert grown("vllm:e2e_request_latency_seconds_count") == 2
    assert grown("vllm:request_queue_time_seconds_count") == 2
    assert grown("vllm:request_prefill_time_seconds_count") == 2
    assert grown("vllm:request_decode_time_seconds_count") == 2
    assert grown("vllm:request_prompt_tokens_sum") == answer.usage.prompt_tokens
    assert grown("vllm:request_generation_tokens_sum") == 20
