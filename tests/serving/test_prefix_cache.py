"""What requests have in common is computed once: by the metrics, and by what each answer says of itself."""

import asyncio
import json

import openai
import pytest
from chitu_server import Server

BLOCK = 32  # infer.cache_block_size


@pytest.fixture
def fresh(tmp_path):
    """A server whose prefix cache is empty."""
    with Server(tmp_path, "infer.max_reqs=16", "infer.max_seq_len=2048",
                f"infer.cache_block_size={BLOCK}", "serve.max_queue=128") as running:
        yield running
        running.assert_idle()


def gather(server, requests):
    """All at once."""
    async def run():
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none",
                                      max_retries=0) as client:
            return await asyncio.gather(*(client.chat.completions.create(**request)
                                          for request in requests))
    return asyncio.run(run())


def computed(server):
    metrics = server.metrics()
    return metrics["vllm:prompt_tokens_total"] - metrics["vllm:prefix_cache_hits_total"]


def cached(answer):
    return answer.usage.prompt_tokens_details.cached_tokens


def test_a_common_system_prompt_is_computed_once(fresh):
    model = fresh.json("/v1/models")["data"][0]["id"]
    system = {"role": "system", "content": "numbers " * 1000}
    count = fresh.json("/tokenize", {"messages": [system], "add_generation_prompt": False})["count"]
    assert count > 1000
    answers = gather(fresh, [
        {"model": model, "max_tokens": 4, "temperature": 0,
         "messages": [system, {"role": "user", "content": f"number {i}"}]} for i in range(64)])
    whole_blocks = count // BLOCK * BLOCK
    hits = sorted(cached(answer) for answer in answers)
    assert hits[0] == 0  # the first has nothing to begin with
    assert hits[1] >= whole_blocks
    own = sum(answer.usage.prompt_tokens - whole_blocks for answer in answers)
    assert computed(fresh) <= whole_blocks + own
    metrics = fresh.metrics()
    assert metrics["vllm:prefix_cache_hits_total"] == sum(hits)
    assert metrics["vllm:prefix_cache_queries_total"] >= metrics["vllm:prefix_cache_hits_total"]


def test_a_chat_reuses_all_but_the_new_turn(fresh, words):
    model = fresh.json("/v1/models")["data"][0]["id"]
    messages, before = [{"role": "system", "content": "You are helpful."}], 0
    for turn in range(6):
        messages.append({"role": "user", "content": f"number {turn} " + "again " * 40})
        answer, = gather(fresh, [{"model": model, "messages": messages, "max_tokens": 50,
                                  "temperature": 0, "logit_bias": words}])
        # All full blocks of the turns before; the last token of an answer was never computed.
        assert cached(answer) >= (before - 1) // BLOCK * BLOCK
        before = answer.usage.total_tokens
        messages.append({"role": "assistant", "content": answer.choices[0].message.content})
    assert cached(answer) > 0.7 * answer.usage.prompt_tokens


def test_tenants_share_nothing(fresh):
    """Requests of different cache_salt do not learn from the time what others asked."""
    def ask(salt):
        body = {"prompt": "numbers " * 300, "max_tokens": 1, "cache_salt": salt}
        return fresh.json("/v1/completions", body)["usage"]["prompt_tokens_details"]["cached_tokens"]
    assert ask("one") == 0
    assert ask("one") > 0
    assert ask("two") == 0
    assert ask("") == 0


def test_reuse_changes_no_answer(fresh, words):
    body = {"prompt": "The river " + "number " * 200, "max_tokens": 40, "temperature": 0,
            "logit_bias": words}
    first = fresh.json("/v1/completions", body)
    second = fresh.json("/v1/completions", body)
    assert second["usage"]["prompt_tokens_details"]["cached_tokens"] > 0
    assert second["choices"] == first["choices"]


@pytest.mark.parametrize("setting", ["infer.prefix_cache=False", "infer.cache_type=skew"])
def test_it_can_be_left_out(tmp_path, setting):
    body = {"prompt": "numbers " * 300, "max_tokens": 4, "temperature": 0}
    with Server(tmp_path, setting) as server:
        first, second = server.json("/v1/completions", body), server.json("/v1/completions", body)
        assert first["choices"] == second["choices"]
        assert second["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
        assert server.metric("vllm:prefix_cache_hits_total") == 0
        server.assert_idle()


def test_a_cache_too_small_for_all(tmp_path, words):
    """When blocks run out, streams are preempted and go on later: their answers stay the same."""
    settings = ("infer.max_reqs=16", "infer.max_seq_len=512", "infer.num_blocks=40",
                "serve.max_queue=128", "infer.deterministic=True")
    with Server(tmp_path, *settings) as server:
        model = server.json("/v1/models")["data"][0]["id"]
        requests = [{"model": model, "max_tokens": 200, "temperature": 1.0, "seed": i,
                     "logit_bias": words,
                     "messages": [{"role": "user", "content": f"number {i} " + "again " * (i * 5)}]}
                    for i in range(24)]
        alone = [gather(server, [request])[0].choices[0].message.content for request in requests]
        together = [answer.choices[0].message.content for answer in gather(server, requests)]
        assert together == alone
        assert server.metric("vllm:num_preemptions_total") > 0
        server.assert_idle()


def test_keys_do_not_share_what_is_cached(tmp_path):
    """Nor do they tell one another what was asked, by how much of it was cached."""
    with Server(tmp_path, "infer.max_seq_len=2048", "serve.api_keys=first,second",
                key="first") as server:
        def ask(key, **more):
            headers = {"Authorization": f"Bearer {key}"}
            status, text = server.post("/v1/completions", {
                "prompt": "number " * 200, "max_tokens": 1, **more}, headers)
            assert status == 200, text
            return json.loads(text)["usage"]["prompt_tokens_details"]["cached_tokens"]

        assert ask("first") == 0
        assert ask("first") > BLOCK
        assert ask("second") == 0
        assert ask("second") > BLOCK
        assert ask("second", cache_salt="third") == 0


def test_embeddings_have_a_salt(fresh):
    text = "number " * 200
    fresh.json("/v1/embeddings", {"input": text, "cache_salt": "tenant"})

    def ask(**more):
        answer = fresh.json("/v1/completions", {"prompt": text, "max_tokens": 1, **more})
        return answer["usage"]["prompt_tokens_details"]["cached_tokens"]

    assert ask() == 0
    assert ask(cache_salt="tenant") > BLOCK
