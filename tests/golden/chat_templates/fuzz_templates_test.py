"""Some thousands of made-up templates: the same text from jinja2 and from chitu."""

import pathlib

import pytest

import fuzz_templates

ROOT = pathlib.Path(__file__).parents[3]
RENDER_CASES = ROOT / "build/test/src/text/jinja/render_cases"


@pytest.mark.parametrize("seed", range(1, 4))
def test_same_text(seed):
    different, skipped, failed = fuzz_templates.compare(RENDER_CASES, fuzz_templates.make(seed, 1000))
    assert not different, different[:5]
    assert skipped < 50 and failed < 600  # the templates say something
