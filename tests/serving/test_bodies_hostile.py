"""Bodies that are hostile: each is refused with 4xx and a field or a reason, and harms nobody."""

import json

import pytest
from raw_http import exchange, post

PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/tokenize", "/detokenize",
         "/apply-template")
CHAT = PATHS[0]

NO_OBJECTS = {
    "empty": b"",
    "blank": b"  \n",
    "no JSON": b"hello",
    "half of an object": b'{"prompt": "a"',
    "more than an object": b'{"prompt": "a"} {}',
    "an array": b"[]",
    "a string": b'"prompt"',
    "null": b"null",
    "a number": b"1e999999",
    "NaN": b'{"temperature": NaN, "prompt": "a"}',
    "infinity": b'{"temperature": Infinity, "prompt": "a"}',
    "single quotes": b"{'prompt': 'a'}",
    "a comment": b'{"prompt": "a" /* b */}',
    "a comma too many": b'{"prompt": "a",}',
    "bytes that are no text": b'{"prompt": "\xff\xfe"}',
    "half a surrogate pair": b'{"prompt": "\\ud800"}',
    "a control character": b'{"prompt": "\x01"}',
    "UTF-16": '{"prompt": "a"}'.encode("utf-16"),
    "deep arrays": b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep and unfinished": b"[" * 1_000_000,
    "a form": b"prompt=a&max_tokens=2",
}


@pytest.mark.parametrize("body", NO_OBJECTS.values(), ids=NO_OBJECTS)
def test_bodies_that_are_no_object(server, body):
    for path in PATHS:
        answer = exchange(server, post(path, body))
        assert answer.status == 400, (path, answer)
        assert answer.error["message"]
        assert answer.error["type"] == "invalid_request_error"
        is_json = body in (b"[]", b'"prompt"', b"null", b"1e999999")
        assert answer.error["code"] == ("invalid_value" if is_json else "invalid_json")


def refused(server, path, body, param=None):
    answer = exchange(server, post(path, body))
    assert answer.status == 400, (path, answer)
    if param is not None:
        assert (answer.error["param"] or "").startswith(param), answer.error
    return answer.error


def chat(**fields):
    return {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2, **fields}


def test_missing_fields(server):
    for path, param in zip(PATHS, ("messages", "prompt", "input", "prompt", "tokens", "messages")):
        refused(server, path, {}, param)
        refused(server, path, {param: None}, param)


NUMBERS = ["1e400", "-1e400", "1e-400000", "9" * 400, "-" + "9" * 400, "0." + "0" * 400 + "1e500"]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:12])
@pytest.mark.parametrize("field", ["max_tokens", "n", "top_k", "min_tokens", "top_logprobs"])
def test_numbers_beyond_all_ranges(server, field, number):
    body = json.dumps(chat(FIELD=0)).replace('"FIELD": 0', f'"{field}": {number}').encode()
    answer = exchange(server, post(CHAT, body))
    tiny = number.startswith(("1e-", "0."))
    assert answer.status == 400 or (tiny and answer.status == 200), answer.body


def test_a_text_far_too_long(server):
    text = "a " * 1_500_000
    for path, body in ((CHAT, chat(messages=[{"role": "user", "content": text}])),
                       ("/v1/completions", {"prompt": text}), ("/v1/embeddings", {"input": text})):
        assert refused(server, path, body)["code"] == "context_length_exceeded"
    assert exchange(server, post("/v1/completions", b" " * (9 << 20))).status == 413


def test_many_small_values(server):
    """A body within its limit that would be huge in memory."""
    refused(server, "/v1/completions", b'{"prompt": [' + b"[]," * 2_500_000 + b"[]]}")
    refused(server, "/detokenize", b'{"tokens": [' + b"0," * 3_000_000 + b"0]}")


def test_the_depth_of_a_body(server):
    """64 levels, the body itself the first of them."""
    def body(depth):
        return b'{"prompt": "a", "max_tokens": 1, "unknown": ' + b"[" * depth + b"]" * depth + b"}"
    assert exchange(server, post("/v1/completions", body(63))).status == 200
    assert "64 levels" in refused(server, "/v1/completions", body(64))["message"]


def test_too_many_of_something(server):
    refused(server, "/v1/completions", {"prompt": ["a"] * 200}, "prompt")
    refused(server, "/v1/completions", {"prompt": ["a"] * 20, "n": 16}, "n")
    refused(server, "/v1/embeddings", {"input": ["a"] * 2049}, "input")
    refused(server, CHAT, chat(logit_bias={str(i): 0 for i in range(1025)}), "logit_bias")


def test_tokens_outside_the_vocabulary(server):
    for token in (-1, 512, 2**31, 2**32 + 1, 2**63, 10**30, 0.5, "1", None, True):
        refused(server, "/detokenize", {"tokens": [1, token]}, "tokens")
        refused(server, "/v1/completions", {"prompt": [1, token]}, "prompt")
        refused(server, "/v1/embeddings", {"input": [1, token]}, "input")


def test_hostile_names_stay_out_of_the_answer(server):
    """What a client sends comes back quoted and cut, if at all."""
    name = "<script>alert(1)</script>" + "x" * 3000
    answer = exchange(server, post(CHAT, chat(model=name)))
    assert answer.status == 404
    assert len(answer.body) < 1500
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers.get("x-content-type-options") == "nosniff"


@pytest.mark.parametrize("kwargs", [
    {"messages": "overridden"}, {"raise_exception": 1}, {"bos_token": {"a": []}}, {"self": 2},
    {"loop": 3}, {"namespace": 4}, {"range": 5}, {"add_generation_prompt": "no"}, {"tools": [{}]},
    {"documents": []}, {"harmless": 1, "messages": []}], ids=str)
def test_template_variables(server, kwargs):
    """They are data of the template: none replaces what the server itself gives it."""
    for path in ("/apply-template", CHAT):
        error = refused(server, path, chat(chat_template_kwargs=kwargs))
        assert "chat_template_kwargs" in error["message"]


@pytest.mark.parametrize("kwargs", [{}, {"__class__": 1}, {"x": [[[[[[[]]]]]]]}], ids=str)
def test_template_variables_that_the_template_does_not_use(server, kwargs):
    plain = exchange(server, post("/apply-template", chat()))
    answer = exchange(server, post("/apply-template", chat(chat_template_kwargs=kwargs)))
    assert answer.status == 200
    assert answer.body == plain.body


def test_markup_in_messages(server):
    """Template syntax in a message is text."""
    for text in ("{{ 7 * 7 }}", "{% for x in range(10**9) %}{% endfor %}", "{{ messages }}", "{#"):
        body = chat(messages=[{"role": "user", "content": text}])
        prompt = json.loads(exchange(server, post("/apply-template", body)).body)["prompt"]
        assert text in prompt


def test_many_messages(server):
    body = chat(messages=[{"role": "user", "content": ""}] * 100_000)
    assert exchange(server, post(CHAT, body)).status == 400


def test_repeated_keys_and_unknown_ones(server):
    """The last of equal keys holds; what is unknown is passed over."""
    def text(body):
        answer = exchange(server, post("/v1/completions", body))
        assert answer.status == 200, answer.body
        return json.loads(answer.body)["choices"][0]["text"]

    rest = b', "max_tokens": 8, "temperature": 0'
    first, last = (text(b'{"prompt": "%c"' % letter + rest + b"}") for letter in b"ab")
    assert first != last
    assert text(b'{"prompt": "a", "prompt": "b"' + rest + b', "\\u0000": 1}') == last
