"""Chat completions through OpenAI's own package: every field of the request and of the answer."""

import time

import pytest
from helpers import ChatText, distinct, tokens_of

ASK = [{"role": "user", "content": "Please say the numbers again."}]


@pytest.fixture
def ask(client, model, words):
    """A greedy request whose answer consists of words, with changes."""
    def create(**changes):
        extra = {name: changes.pop(name) for name in list(changes) if name in EXTENSIONS}
        fields = {"model": model, "messages": ASK, "max_tokens": 12, "temperature": 0,
                  "logit_bias": words, **changes}
        return client.chat.completions.create(**fields, extra_body=extra)
    return create


# Fields that the package does not know, and sends as they are.
EXTENSIONS = ("top_k", "min_p", "repetition_penalty", "ignore_eos", "min_tokens", "stop_token_ids",
              "skip_special_tokens", "include_stop_str_in_output", "chat_template_kwargs",
              "cache_salt", "add_generation_prompt", "continue_final_message")


def content(answer):
    return answer.choices[0].message.content


def test_the_answer(ask, model):
    before = int(time.time()) - 1
    answer = ask()
    assert answer.object == "chat.completion"
    assert answer.id.startswith("chatcmpl-")
    assert answer.model == model
    assert before <= answer.created <= time.time() + 1
    assert answer.system_fingerprint
    assert len(answer.choices) == 1
    choice = answer.choices[0]
    assert choice.index == 0
    assert choice.finish_reason == "length"
    assert choice.message.role == "assistant"
    assert choice.logprobs is None
    assert len(choice.message.content.split()) == 12
    assert isinstance(answer.usage.prompt_tokens, int)
    assert answer.usage.completion_tokens == 12
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 12
    assert answer.usage.prompt_tokens_details.cached_tokens >= 0


def test_ids_differ(ask):
    assert ask().id != ask().id


def test_greedy_is_reproducible(ask):
    assert len({content(ask()) for _ in range(5)}) == 1


def test_max_completion_tokens(ask):
    answer = ask(max_tokens=None, max_completion_tokens=5)
    assert answer.usage.completion_tokens == 5
    assert content(ask()).startswith(content(answer))


def test_prompt_tokens_are_those_of_the_template(ask, server, model):
    tokens = server.json("/tokenize", {"model": model, "messages": ASK})
    assert ask().usage.prompt_tokens == tokens["count"] == len(tokens["tokens"])
    prompt = server.json("/apply-template", {"messages": ASK})["prompt"]
    assert prompt == ("<|im_start|>user\nPlease say the numbers again.<|im_end|>\n"
                      "<|im_start|>assistant\n")
    assert server.json("/detokenize", {"tokens": tokens["tokens"]})["prompt"] == prompt


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant", "tool"])
def test_roles(ask, role):
    message = {"role": role, "content": "value"}
    if role == "tool":
        message["tool_call_id"] = "1"
    assert ask(messages=[message, *ASK]).usage.completion_tokens == 12


def test_content_as_parts(ask):
    parts = [{"role": "user", "content": [{"type": "text", "text": "Please say the numbers again."}]}]
    assert content(ask(messages=parts)) == content(ask())


def test_the_messages_matter(ask):
    other = [{"role": "system", "content": "You are helpful."}, *ASK]
    assert ask(messages=other).usage.prompt_tokens > ask().usage.prompt_tokens


@pytest.mark.parametrize("fields", [{"top_k": 1}, {"top_p": 1e-6}, {"min_p": 1.0}],
                         ids=lambda fields: next(iter(fields)))
def test_narrowest_sampling_is_greedy(ask, fields):
    assert content(ask(temperature=1.5, **fields)) == content(ask())


def test_seed(ask):
    hot = {"temperature": 1.0, "max_tokens": 30}
    first = content(ask(seed=7, **hot))
    assert content(ask(seed=7, **hot)) == first
    assert content(ask(seed=8, **hot)) != first
    assert content(ask(**hot)) != content(ask(**hot))
    assert content(ask(seed=-1, **hot)) == content(ask(seed=-1, **hot))


def test_seed_does_not_depend_on_what_else_runs(client, ask):
    hot = {"temperature": 1.0, "max_tokens": 40, "seed": 123}
    alone = content(ask(**hot))
    others = [ask(stream=True, max_tokens=200, temperature=1.0, seed=i) for i in range(6)]
    beside = content(ask(**hot))
    for stream in others:
        stream.close()
    assert beside == alone


def test_temperature_zero_ignores_the_seed(ask):
    assert content(ask(seed=1)) == content(ask(seed=2))


def test_n(ask):
    answer = ask(n=4, temperature=1.0, seed=5, max_tokens=20)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    texts = [choice.message.content for choice in answer.choices]
    assert len(set(texts)) == 4
    assert answer.usage.completion_tokens == 80
    again = ask(n=4, temperature=1.0, seed=5, max_tokens=20)
    assert [choice.message.content for choice in again.choices] == texts
    assert content(ask(temperature=1.0, seed=5, max_tokens=20)) == texts[0]


def test_the_prompt_of_n_counts_once(ask):
    assert ask(n=3).usage.prompt_tokens == ask().usage.prompt_tokens


def test_n_greedy_are_equal(ask):
    assert len({choice.message.content for choice in ask(n=16, max_tokens=4).choices}) == 1


def test_stop_across_tokens(ask):
    text = content(ask(logprobs=True))
    tokens = [" " + word for word in text.split()]
    assert "".join(tokens) == text
    for last in range(2, 8):
        stop = tokens[last][-2:] + tokens[last + 1][:2]
        answer = ask(stop=stop)
        assert content(answer) == text[:text.index(stop)]
        assert answer.choices[0].finish_reason == "stop"
        assert ChatText(ask(stop=stop, stream=True)).text == content(answer)


def test_stop_strings(ask):
    text = content(ask())
    fifth = text.split()[4]
    expected = text[:text.index(fifth)]
    assert content(ask(stop=["nowhere to be found", fifth])) == expected
    assert content(ask(stop="nowhere to be found")) == text
    # The one that appears first in the text, not the first in the list.
    later = text.split()[8]
    earliest = min(text.index(fifth), text.index(later))
    assert content(ask(stop=[later, fifth])) == text[:earliest]


def test_what_may_be_a_stop_string_is_not_lost(ask):
    """It begins like the text does in many places, but never comes in full."""
    text = content(ask())
    stops = [word + " never" for word in text.split()[:10]] + [text + "!"]
    assert content(ask(stop=stops)) == text
    assert ChatText(ask(stop=stops, stream=True)).text == text


def test_include_stop_str_in_output(ask):
    text = content(ask())
    stop = text.split()[3]
    end = text.index(stop) + len(stop)
    assert content(ask(stop=stop, include_stop_str_in_output=True)) == text[:end]


def test_stop_token_ids(ask, vocabulary):
    tokens = tokens_of(content(ask()))
    answer = ask(stop_token_ids=[vocabulary[tokens[5]]])
    first = tokens.index(tokens[5])
    assert content(answer).split() == [token.strip() for token in tokens[:first]]
    assert answer.choices[0].finish_reason == "stop"


EOS = "2"  # <|im_end|>


def test_eos_ends(ask):
    answer = ask(logit_bias={EOS: 100})
    assert content(answer) == ""
    assert answer.choices[0].finish_reason == "stop"


def test_ignore_eos(ask):
    answer = ask(logit_bias={EOS: 100}, ignore_eos=True, max_tokens=6)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 6
    assert content(answer) == ""


def test_skip_special_tokens(ask):
    answer = ask(logit_bias={EOS: 100}, ignore_eos=True, max_tokens=3, skip_special_tokens=False)
    assert content(answer) == "<|im_end|>" * 3


def test_min_tokens(ask, words):
    answer = ask(logit_bias={EOS: 100}, min_tokens=5, logprobs=True)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens in (5, 6)  # with the end token or without
    assert ask(logit_bias={EOS: 100}, min_tokens=12).choices[0].finish_reason == "length"


def test_min_tokens_holds_for_stop_tokens_and_strings(ask, vocabulary):
    tokens = tokens_of(content(ask()))
    ids = [vocabulary[token] for token in tokens]
    assert ask(stop_token_ids=ids[:1], min_tokens=3).usage.completion_tokens >= 3
    assert ask(stop=tokens[0], min_tokens=3).usage.completion_tokens >= 3


def test_frequency_penalty(ask):
    long = {"max_tokens": 50}
    assert distinct(ask(frequency_penalty=2, **long)) > 25
    assert distinct(ask(frequency_penalty=-2, **long)) < 12


def test_presence_penalty(ask):
    long = {"max_tokens": 50}
    assert distinct(ask(presence_penalty=2, **long)) > distinct(ask(presence_penalty=-2, **long))


def test_repetition_penalty(ask):
    long = {"max_tokens": 40}
    assert distinct(ask(repetition_penalty=3, **long)) > distinct(ask(repetition_penalty=0.2, **long))


def test_logit_bias(ask, vocabulary):
    number = vocabulary[" number"]
    assert content(ask(logit_bias={str(number): 100}, max_tokens=3)) == " number" * 3
    text = content(ask())
    first = vocabulary[tokens_of(text)[0]]
    allowed = {str(i): 100 for i in vocabulary.values() if i != first}
    assert tokens_of(text)[0] not in tokens_of(content(ask(logit_bias={**allowed, str(first): -100})))


def test_logprobs(ask):
    entries = ask(logprobs=True, top_logprobs=20, logit_bias={}, max_tokens=8).choices[0].logprobs.content
    for entry in entries:
        top = [other.logprob for other in entry.top_logprobs]
        assert len(top) == 20
        assert top == sorted(top, reverse=True)
        assert entry.logprob == top[0] <= 0  # greedy
        assert bytes(entry.bytes).decode(errors="replace") == entry.token
    assert len(entries) <= 8


def test_logprobs_are_those_of_the_model(ask):
    """Neither temperature nor bias changes them."""
    plain = ask(logprobs=True, top_logprobs=20, logit_bias={}, max_tokens=1)
    top = {entry.token: entry.logprob for entry in plain.choices[0].logprobs.content[0].top_logprobs}
    hot = ask(logprobs=True, top_logprobs=20, max_tokens=1, temperature=2, seed=1)
    entry = hot.choices[0].logprobs.content[0]
    assert {other.token: other.logprob for other in entry.top_logprobs} == top
    assert entry.logprob <= max(top.values())


def test_logprobs_without_top(ask):
    answer = ask(logprobs=True)
    entries = answer.choices[0].logprobs.content
    assert len(entries) == 12
    assert all(entry.top_logprobs == [] for entry in entries)
    assert "".join(entry.token for entry in entries) == content(answer)


def test_stream(ask, model):
    chunks = list(ask(stream=True, max_tokens=300))
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert {chunk.model for chunk in chunks} == {model}
    assert len({chunk.id for chunk in chunks}) == 1
    assert len({chunk.created for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].choices[0].finish_reason == "length"
    assert all(chunk.usage is None for chunk in chunks)
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices[0].delta.content]
    assert "".join(pieces) == content(ask(max_tokens=300))
    assert len(pieces) > 3  # as it is made, not at the end


def test_stream_usage(ask):
    stream = ChatText(ask(stream=True, stream_options={"include_usage": True}))
    whole = ask()
    assert stream.text == content(whole)
    last = stream.chunks[-1]
    assert last.choices == []
    assert last.usage.prompt_tokens == whole.usage.prompt_tokens
    assert last.usage.completion_tokens == 12
    assert all(chunk.usage is None for chunk in stream.chunks[:-1])


def test_stream_logprobs(ask):
    fields = {"logprobs": True, "top_logprobs": 3}
    whole = ask(**fields).choices[0].logprobs.content
    pieces = [entry for chunk in ask(stream=True, **fields) for choice in chunk.choices
              if choice.logprobs for entry in choice.logprobs.content or []]
    assert pieces == whole


def test_stream_n(ask):
    fields = {"n": 3, "temperature": 1.0, "seed": 9}
    whole = [choice.message.content for choice in ask(**fields).choices]
    stream = ChatText(ask(stream=True, **fields))
    assert [stream.texts[i] for i in range(3)] == whole
    assert stream.finish == {0: "length", 1: "length", 2: "length"}


def test_stream_of_bytes_that_are_no_text(ask):
    """Characters of several tokens, and bytes that are none: a stream's text is that of the whole."""
    fields = {"logit_bias": {}, "max_tokens": 100, "ignore_eos": True, "temperature": 1.0}
    for seed in range(4):
        whole = content(ask(seed=seed, **fields))
        assert ChatText(ask(seed=seed, stream=True, **fields)).text == whole


def test_continue_final_message(ask):
    text = content(ask())
    begun = [*ASK, {"role": "assistant", "content": text}]
    more = ask(messages=begun, continue_final_message=True, add_generation_prompt=False)
    assert content(more) == content(ask(max_tokens=24))[len(text):]


def test_fields_that_are_taken_and_change_nothing(ask):
    text = content(ask())
    assert content(ask(user="somebody", parallel_tool_calls=True, tools=[], tool_choice="none",
                       response_format={"type": "text"}, metadata={"a": "b"}, store=False)) == text
    assert content(ask(reasoning_effort="low")) == text


def test_null_is_a_field_that_is_not_there(client, model):
    names = ("max_tokens", "temperature", "top_p", "n", "stop", "seed", "frequency_penalty",
             "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "stream_options",
             "response_format", "user")
    answer = client.chat.completions.create(
        model=model, messages=ASK, extra_body={**dict.fromkeys(names), "max_tokens": 3,
                                               "unknown_field": {"x": 1}})
    assert answer.usage.completion_tokens <= 3


def test_an_answer_ends_with_the_context(ask, server):
    answer = ask(max_tokens=None)
    limit = server.json("/v1/models")["data"][0]["max_model_len"]
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.total_tokens == limit
