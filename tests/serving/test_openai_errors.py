"""What is refused, and how: OpenAI's package makes its typed exceptions of it."""

import asyncio

import openai
import pytest
from helpers import ADMIN_KEY, KEY, openai_client

ASK = [{"role": "user", "content": "Hello"}]
ADMIN = {"Authorization": f"Bearer {ADMIN_KEY}"}
HUGE = (2**31, 2**32, 2**63, 2**64, 10**30, -2**31 - 1, -2**63, -10**30)


def refused(client, model, name, value):
    """By 400, and with the field's name."""
    body = {"max_tokens": 2, name: value}
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model=model, messages=ASK, extra_body=body)
    error = raised.value
    assert error.status_code == 400
    assert error.type == "invalid_request_error"
    assert error.param.startswith(name), error.param
    assert error.code
    assert name in error.message
    return error


WRONG_RANGES = {
    "temperature": (-0.1, 2.1, 1e300, -1e300),
    "top_p": (0, -1, 1.01),
    "min_p": (-0.1, 1.1),
    "top_k": (-2, 1.5, *HUGE),
    "n": (0, -1, 17, 1.5, *HUGE),
    "max_tokens": (0, -1, 1.5, *HUGE),
    "max_completion_tokens": (0, -1, 1.5, *HUGE),
    "min_tokens": (-1, 3, 1.5, *HUGE),
    "frequency_penalty": (-2.1, 2.1),
    "presence_penalty": (-2.1, 2.1),
    "repetition_penalty": (0, -1, 11),
    "seed": (1.5, 2**64, 10**30, -2**63 - 1),
    "priority": (1, 1.5, *HUGE),
    "top_logprobs": (-1, 21, 1.5, *HUGE),
    "stop": ([""], "", ["x"] * 17, "x" * 257),
    "stop_token_ids": ([-1], [512], [2**40], [1.5], [1] * 257),
    "logit_bias": ({"512": 1}, {"-1": 1}, {"x": 1}, {"1": 101}, {"1": -101}, {"01": 1},
                   {str(10**30): 1}),
    "messages": ([], [{}], [{"role": "king", "content": "x"}], [{"role": "user"}],
                 [{"role": "user", "content": [{"type": "image_url"}]}]),
    "reasoning_effort": ("very much",),
    "chat_template": ("{{ 1 }}",),
    "guided_regex": ("a*",),
    "tools": ([{"type": "function", "function": {"name": "f", "parameters": {"pattern": "*"}}}],),
    "response_format": ({"type": "json_object"}, {"type": "json_schema", "json_schema": {}},
                        {"type": 7}),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG_RANGES.items()
                                             for value in values], ids=lambda x: str(x)[:30])
def test_values_out_of_range(client, model, name, value):
    refused(client, model, name, value)


NUMBERS = ("temperature", "top_p", "min_p", "top_k", "n", "max_tokens", "max_completion_tokens",
           "min_tokens", "priority", "frequency_penalty", "presence_penalty", "repetition_penalty", "seed",
           "top_logprobs")
WRONG_TYPES = [(name, value) for name in NUMBERS for value in ("1", True, [1], {"a": 1})]
WRONG_TYPES += [(name, value) for name in ("stream", "logprobs", "ignore_eos", "skip_special_tokens",
                                             "add_special_tokens")
                for value in ("true", 1, [])]
WRONG_TYPES += [("stop", 1), ("stop", [1]), ("stop", {"a": 1}), ("logit_bias", [1]),
                ("logit_bias", {"1": "1"}), ("stop_token_ids", "1"), ("messages", "hello"),
                ("messages", {"role": "user"}), ("messages", ["hello"]), ("model", 7),
                ("chat_template_kwargs", []), ("stream_options", True), ("response_format", "text"),
                ("cache_salt", 1), ("documents", {}), ("documents", [1])]


@pytest.mark.parametrize(("name", "value"), WRONG_TYPES, ids=str)
def test_values_of_the_wrong_type(client, model, name, value):
    refused(client, model, name, value)


def test_top_logprobs_need_logprobs(client, model):
    refused(client, model, "top_logprobs", 3)


def test_stream_options_need_a_stream(client, model):
    refused(client, model, "stream_options", {"include_usage": True})


def test_missing_messages(client, model):
    with pytest.raises(openai.BadRequestError) as raised:
        client.post("/chat/completions", body={"model": model}, cast_to=object)
    assert raised.value.param == "messages"


@pytest.mark.parametrize("stream", [False, True])
def test_too_long_a_prompt(client, model, stream):
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "number " * 4000}], stream=stream)
    assert raised.value.code == "context_length_exceeded"
    assert raised.value.param == "messages"
    assert "2048" in raised.value.message


LONG = "1 " * 2500  # tokens beyond the context, in bytes that might fit
LONGER = "1 " * 500_000  # bytes that no tokens of the context could be


@pytest.mark.parametrize("text", [LONG, LONGER], ids=["tokens", "bytes"])
@pytest.mark.parametrize(("path", "body", "param"), [
    ("/completions", lambda text: {"prompt": text}, "prompt"),
    ("/completions", lambda text: {"prompt": ["a", "b", text]}, "prompt[2]"),
    ("/embeddings", lambda text: {"input": text}, "input"),
    ("/embeddings", lambda text: {"input": ["a", text]}, "input[1]"),
], ids=["prompt", "prompts", "input", "inputs"])
def test_too_long_a_text_is_named(client, text, path, body, param):
    with pytest.raises(openai.BadRequestError) as raised:
        client.post(path, body=body(text), cast_to=object)
    assert raised.value.code == "context_length_exceeded"
    assert raised.value.param == param
    assert param in raised.value.message


@pytest.mark.parametrize(("body", "param"), [
    ({"prompt": LONGER}, "prompt"), ({"content": LONGER}, "content"),
    ({"messages": [{"role": "user", "content": LONGER}]}, "messages"),
], ids=["prompt", "content", "messages"])
def test_too_long_a_text_is_not_tokenized(server, body, param):
    with openai_client(server, base_path="") as client:
        with pytest.raises(openai.BadRequestError) as raised:
            client.post("/tokenize", body=body, cast_to=object)
    assert raised.value.code == "context_length_exceeded"
    assert raised.value.param == param


def test_an_unknown_model(client):
    for call in (lambda: client.models.retrieve("gpt-x"),
                 lambda: client.chat.completions.create(model="gpt-x", messages=ASK),
                 lambda: client.completions.create(model="gpt-x", prompt="a"),
                 lambda: client.embeddings.create(model="gpt-x", input="a")):
        with pytest.raises(openai.NotFoundError) as raised:
            call()
        assert raised.value.code == "model_not_found"


@pytest.mark.parametrize(("path", "body"), [
    ("/v1/chat/completions", {"messages": ASK, "max_tokens": 1}),
    ("/v1/completions", {"prompt": "a", "max_tokens": 1}), ("/v1/embeddings", {"input": "a"})])
def test_a_request_that_names_no_model(server, model, path, body):
    assert server.json(path, body)["model"] == model
    assert server.json(path, {**body, "model": ""})["model"] == model


def test_an_unknown_path(client):
    with pytest.raises(openai.NotFoundError):
        client.post("/images/generations", body={}, cast_to=object)


def test_a_wrong_key(strict):
    with openai_client(strict, key="wrong") as client:
        for call in (lambda: client.models.list(),
                     lambda: client.chat.completions.create(model="tiny", messages=ASK),
                     lambda: client.post("/no-such-path", body={}, cast_to=object)):
            with pytest.raises(openai.AuthenticationError) as raised:
                call()
            assert raised.value.code == "invalid_api_key"
            assert "wrong" not in raised.value.message.replace("wrong API key", "")


@pytest.mark.parametrize("key", [KEY, "another-key", ADMIN_KEY])
def test_a_key(strict, key):
    with openai_client(strict, key=key) as client:
        assert client.models.list().data


@pytest.mark.parametrize("path", ["/stop", "/init"])
def test_administration_needs_the_administrator(strict, path):
    with openai_client(strict, base_path="") as client:
        with pytest.raises(openai.PermissionDeniedError):
            client.post(path, body={}, cast_to=object)
    assert strict.get(path, ADMIN)[0] == 405  # and GET never changes anything
    assert strict.get("/ready")[0] == 200


def test_the_model_is_loaded_without_being_asked_for(strict):
    assert strict.post("/init", {}, ADMIN)[0] == 200


def test_nobody_administers_a_server_without_an_admin_key(server):
    assert server.post("/stop", {})[0] == 403
    assert server.get("/ready")[0] == 200


def test_too_many_requests(strict):
    """One is computed, one waits, the others are sent away, and told when to come again."""
    async def ask_all(model):
        async with openai.AsyncOpenAI(base_url=f"{strict.url}/v1", api_key=KEY,
                                      max_retries=0) as client:
            return await asyncio.gather(*(
                client.chat.completions.create(model=model, messages=ASK, max_tokens=1900,
                                               extra_body={"ignore_eos": True})
                for _ in range(24)), return_exceptions=True)
    answers = asyncio.run(ask_all(strict.json("/v1/models")["data"][0]["id"]))
    errors = [answer for answer in answers if isinstance(answer, Exception)]
    assert 0 < len(errors) < 24
    for error in errors:
        assert isinstance(error, openai.RateLimitError)
        assert int(error.response.headers["retry-after"]) >= 1
        assert error.code == "rate_limit_exceeded"
    assert all(answer.usage.completion_tokens == 1900
               for answer in answers if not isinstance(answer, Exception))


def test_a_request_that_does_not_fit_into_the_queue_leaves_nothing_there(strict, strict_client):
    """Nor what of it did fit: beside one that runs there is room for one choice of two."""
    ask = {"model": strict_client.models.list().data[0].id, "prompt": "The river",
           "extra_body": {"ignore_eos": True}}
    with strict_client.completions.create(**ask, max_tokens=2000, stream=True) as running:
        next(iter(running))
        with pytest.raises(openai.RateLimitError):
            strict_client.completions.create(**ask, n=2, max_tokens=50)
    strict.assert_idle()


def test_more_than_there_is_ever_room_for(strict_client):
    """Trying again would not help."""
    model = strict_client.models.list().data[0].id
    with pytest.raises(openai.BadRequestError) as raised:
        strict_client.completions.create(model=model, prompt="The river", n=16)
    assert raised.value.param == "n"


def test_every_error_has_an_id(client):
    with pytest.raises(openai.NotFoundError) as raised:
        client.models.retrieve("gpt-x")
    assert raised.value.request_id


def test_no_error_tells_of_the_host(client, model):
    error = refused(client, model, "messages", [{"role": "user", "content": 7}])
    for word in (".cc", "0x", "/src/", "/home", "std::"):
        assert word not in str(error.body)
