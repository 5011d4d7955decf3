"""SmolLM2-135M-Instruct, where it is in the user's store already: nothing is fetched for a test."""

import os
import shutil
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
FILE = CACHE / "chitu/models/SmolLM2-135M-Instruct.Q4_1.gguf"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="not fetched: chitu pull")


@pytest.fixture
def store(chitu, tmp_path):
    folder = tmp_path / "cache/chitu/models"
    folder.mkdir(parents=True)
    (folder / FILE.name).symlink_to(FILE)
    return chitu


def test_it_is_the_default(store):
    result = store("run", "-q", "What is the capital of France?", "dtype=float32")
    assert result.returncode == 0, result.stderr
    assert "Paris" in result.stdout


def test_models_and_pull_find_it(store, tmp_path):
    path = str(tmp_path / "cache/chitu/models" / FILE.name)
    assert path in store("models").stdout
    result = store("pull")
    assert result.returncode == 0
    assert result.stdout == path + "\n"


def test_a_damaged_file_is_fetched_again(store, tmp_path):
    path = tmp_path / "cache/chitu/models" / FILE.name
    path.unlink()
    shutil.copyfile(FILE, path)
    with open(path, "r+b") as file:
        file.seek(1 << 20)
        file.write(b"damage")
    result = store("pull", env={"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"})
    assert result.returncode == 1
    assert "no-index" in result.stderr


def test_info_knows_it(store):
    result = store("info")
    assert result.returncode == 0
    assert "Q4_1" in result.stdout and "134.5 M" in result.stdout


def test_tokenize(store):
    assert store("tokenize", "Hello, world").stdout == "19556 28 905\n"


def test_it_chats(store):
    result = store("chat", stdin="My name is Ada.\nWhat is my name?\n")
    assert result.returncode == 0, result.stderr
    assert "Ada" in result.stdout
