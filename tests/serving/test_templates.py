"""What a request gives to the chat template, and the tokens that begin its prompt."""

import json

import pytest
from chitu_server import Server
from helpers import tiny_with_template

MESSAGES = [{"role": "user", "content": "Hello"}]
BEGIN = 1  # <|im_start|>
SHOWS = ("{{ enable_thinking }}|{{ reasoning_effort }}|"
         "{% for document in documents or [] %}{{ document.text }};{% endfor %}|"
         "{{ messages[0].content }}")


def begin_with_a_token(model):
    """As LLaMA's tokenizers do; the tiny one adds no tokens of its own."""
    path = model / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    begin = {"SpecialToken": {"id": "<|im_start|>", "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing", "single": [begin, text], "pair": [begin, text, text],
        "special_tokens": {"<|im_start|>": {"id": "<|im_start|>", "ids": [BEGIN],
                                            "tokens": ["<|im_start|>"]}}}
    path.write_text(json.dumps(tokenizer))


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("templates")
    model = tiny_with_template(folder, SHOWS)
    begin_with_a_token(model)
    with Server(folder, model=model) as running:
        yield running
        running.assert_idle()


@pytest.mark.parametrize(("fields", "text"), [
    ({}, "|||Hello"),
    ({"chat_template_kwargs": {"enable_thinking": False}}, "False|||Hello"),
    ({"reasoning_effort": "low"}, "|low||Hello"),
    ({"chat_template_kwargs": {"reasoning_effort": "high"}, "reasoning_effort": "low"}, "|high||Hello"),
    ({"documents": [{"text": "one"}, {"text": "two"}]}, "||one;two;|Hello")], ids=str)
def test_what_the_template_is_given(shown, fields, text):
    body = {"messages": MESSAGES, **fields}
    assert shown.json("/apply-template", body)["prompt"] == text
    tokens = shown.json("/tokenize", {"prompt": text, "add_special_tokens": False})["tokens"]
    assert shown.json("/tokenize", body)["tokens"] == tokens
    usage = shown.json("/v1/chat/completions", {**body, "max_tokens": 1})["usage"]
    assert usage["prompt_tokens"] == len(tokens)


def test_a_prompt_that_becomes_empty(tmp_path):
    model = tiny_with_template(tmp_path, "{{ messages[0].content }}")
    with Server(tmp_path, model=model) as server:
        body = {"messages": [{"role": "user", "content": ""}], "max_tokens": 1}
        status, text = server.post("/v1/chat/completions", body)
        assert (status, json.loads(text)["error"]["code"]) == (400, "invalid_value")


def test_special_tokens_of_a_prompt(shown):
    """Text gets them unless that is turned off; a chat does not, as its template writes its own."""
    def tokens(**fields):
        return shown.json("/tokenize", fields)["tokens"]

    def prompt_tokens(path, **fields):
        return shown.json(path, {"max_tokens": 1, **fields})["usage"]["prompt_tokens"]

    for path, given, by_default in (("/v1/completions", {"prompt": "Hello"}, True),
                                    ("/v1/chat/completions", {"messages": MESSAGES}, False)):
        without = tokens(**given, add_special_tokens=False)
        assert tokens(**given, add_special_tokens=True) == [BEGIN, *without]
        assert tokens(**given) == ([BEGIN] if by_default else []) + without
        for add in (False, True):
            assert prompt_tokens(path, **given, add_special_tokens=add) == len(without) + add
        assert prompt_tokens(path, **given) == len(without) + by_default
