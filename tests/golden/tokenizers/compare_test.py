"""Every family of families.py on the whole corpus; see compare.py. Needs the program tokenize_corpus,
which lies in the build folder that CHITU's program is from."""

import os
from pathlib import Path

import pytest

import compare
import corpus
from families import FAMILIES, SAMPLED, smollm2_path

PROGRAM = Path(os.environ.get("CHITU", "build/test/bin/chitu")).parents[1] / "src/text/tokenize_corpus"


@pytest.fixture(scope="module")
def documents():
    return corpus.documents()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tokenizers")


@pytest.mark.parametrize("build", FAMILIES, ids=lambda build: build.__name__)
def test_equals_the_python_library(build, documents, folder):
    if build.__name__ in ("smollm2", "gpt2") and smollm2_path() is None:
        pytest.skip("the default model's file is not here; `chitu pull` fetches it")
    some = documents[::4] if build in SAMPLED else documents
    assert compare.check(PROGRAM, build, some, folder)
