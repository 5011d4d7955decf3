"""Runs the server and talks to it as its users do: with OpenAI's package, and with bytes of our own."""

import itertools
import json
import re

import pytest
from chitu_server import TINY, Server, find_program, raise_file_limit
from helpers import ADMIN_KEY, KEY, openai_client


def pytest_configure():
    raise_file_limit()
    try:
        find_program()
    except FileNotFoundError as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The tiny model, with what most tests need."""
    folder = tmp_path_factory.mktemp("server")
    settings = ("infer.max_reqs=16", "infer.max_seq_len=2048", "serve.max_queue=512")
    with Server(folder, *settings) as running:
        yield running
        running.assert_idle()


@pytest.fixture(scope="session")
def strict(tmp_path_factory):
    """One request at a time and one that waits; keys; short patience."""
    folder = tmp_path_factory.mktemp("strict")
    settings = ("infer.max_reqs=1", "infer.max_seq_len=2048", "serve.max_queue=1",
                f"serve.api_keys={KEY},another-key", f"serve.admin_key={ADMIN_KEY}",
                "serve.header_timeout_s=1", "serve.idle_timeout_s=2", "serve.write_timeout_s=1",
                "serve.max_connections=64", "serve.max_header_kb=4", "serve.max_body_mb=1",
                "serve.access_log=/dev/full")
    with Server(folder, *settings, key=KEY) as running:
        yield running
        running.assert_idle()


@pytest.fixture(autouse=True)
def everything_ends(request):
    """After each test, nothing of it is left in the server."""
    yield
    for name in ("server", "strict"):
        if name in request.fixturenames:
            request.getfixturevalue(name).assert_idle()


@pytest.fixture(scope="session")
def client(server):
    with openai_client(server) as client:
        yield client


@pytest.fixture(scope="session")
def strict_client(strict):
    with openai_client(strict) as client:
        yield client


@pytest.fixture(scope="session")
def model(client):
    return client.models.list().data[0].id


@pytest.fixture(scope="session")
def vocabulary():
    """Tokens that are whole words with a blank before them, with their ids."""
    tokens = json.loads((TINY / "tokenizer.json").read_text())["model"]["vocab"]
    return {" " + token[1:]: number
            for token, number in tokens.items() if re.fullmatch("Ġ[a-z]{2,}", token)}


@pytest.fixture(scope="session")
def words(vocabulary):
    """A logit_bias: the answer consists of words, so that text and tokens are easily compared."""
    return {str(number): 100 for number in vocabulary.values()}


@pytest.fixture
def unique():
    """A text that no other test begins with: nothing of it is in the prefix cache."""
    return f"number {next(COUNTER)} "


COUNTER = itertools.count(1000)
