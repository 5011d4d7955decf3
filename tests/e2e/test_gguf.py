"""A GGUF file with its own tokenizer and chat template: models/tiny-random.gguf, the same model as
models/tiny-random, so that whatever the one says, the other must."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT, TINY, assert_error

GGUF = ROOT / "models/tiny-random.gguf"
# With everything in float32, the two differ in the order of sums alone.
SAME = ("dtype=float32", "request.max_new_tokens=24")


def test_the_file_is_what_its_script_makes(tmp_path):
    pytest.importorskip("gguf")
    made = tmp_path / "made.gguf"
    subprocess.run([sys.executable, ROOT / "scripts/make_tiny_gguf.py", TINY, made], check=True)
    assert made.read_bytes() == GGUF.read_bytes()


@pytest.mark.parametrize("words", [
    ["Hello there"], ["--raw", "The river begins"], ["--system", "Be brief.", "Why is the sky blue?"],
    ["Hello there", "request.temperature=1", "infer.seed=3"],
])
def test_run_answers_as_the_directory_does(chitu, words):
    result = chitu("run", "-q", *words, f"models={GGUF}", *SAME)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout) > 1
    assert result.stdout == chitu.tiny("run", "-q", *words, *SAME).stdout


def test_a_file_of_prompts(chitu, tmp_path):
    (tmp_path / "prompts.txt").write_text("Hello\nWhere are the keys?\n")
    words = ("run", "-q", "-f", tmp_path / "prompts.txt", *SAME)
    result = chitu(*words, f"models={GGUF}")
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 2
    assert result.stdout == chitu.tiny(*words).stdout


def test_chat(chitu):
    result = chitu("chat", f"models={GGUF}", *SAME, stdin="Hello\nAnd again\n")
    assert result.returncode == 0, result.stderr
    assert result.stdout == chitu.tiny("chat", *SAME, stdin="Hello\nAnd again\n").stdout


@pytest.mark.parametrize("text", [
    "Hello, wörld! 河流从山里开始。", "  two  spaces\n\n\tand 1234 it's I'M", "<|im_start|>user<|im_end|>", "",
])
def test_tokenize(chitu, text):
    for words in ([], ["--no-special"], ["--count"], ["--pieces"]):
        result = chitu("tokenize", *words, f"models={GGUF}", "--", text)
        assert result.returncode == 0, result.stderr
        assert result.stdout == chitu.tiny("tokenize", *words, "--", text).stdout
    ids = chitu("tokenize", f"models={GGUF}", "--", text).stdout
    assert chitu("tokenize", "--decode", f"models={GGUF}", stdin=ids).stdout == text + "\n"


def test_info(chitu):
    result = chitu("info", f"models={GGUF}", "infer.max_seq_len=256")
    assert result.returncode == 0, result.stderr
    for part in (str(GGUF), "architecture     llama\n", "0.2 M", "2 of 64, feed-forward 160",
                 "4 heads of 16, 2 for keys and values", "512 tokens", "2048 at most",
                 "tensors: 16 BF16, 5 F32", "infer.max_seq_len=256"):
        assert part in result.stdout


def test_bench(chitu):
    words = ("bench", f"models={GGUF}", "-p", "8", "-n", "4", "-r", "1")
    assert "| pp8 " in chitu(*words).stdout
    report = json.loads(chitu(*words, "--json").stdout)
    assert report["model"] == GGUF.name
    assert [row["test"] for row in report["results"]] == ["pp8", "tg4"]


def test_a_directory_with_the_one_file(chitu, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/any-name.gguf").symlink_to(GGUF)
    result = chitu("run", "-q", "Hello there", f"models={tmp_path}/model", *SAME)
    assert result.stdout == chitu.tiny("run", "-q", "Hello there", *SAME).stdout


@pytest.mark.parametrize("share", [0.001, 0.01, 0.03, 0.1, 0.5, 0.99])
def test_a_file_that_is_cut_off(chitu, tmp_path, share):
    whole = GGUF.read_bytes()
    (tmp_path / "part.gguf").write_bytes(whole[: int(len(whole) * share)])
    for command in (["run", "Hello"], ["info"], ["tokenize", "Hello"], ["bench", "-p", "1", "-n", "0"]):
        assert_error(chitu(*command, f"models={tmp_path}/part.gguf"), "part.gguf")
