"""The scripts of bench/ that measure in rounds."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT, TINY, find_program

sys.path.insert(0, str(ROOT / "bench/peers"))
import llama_server  # noqa: E402  pylint: disable=wrong-import-position
import report  # noqa: E402  pylint: disable=wrong-import-position


def run(script, *words):
    return subprocess.run([sys.executable, ROOT / "bench" / script, *map(str, words)], text=True,
                          capture_output=True, timeout=120, check=False)


def scaling(tmp_path, *words):
    return run("scaling.py", "--chitu", find_program(), "--tests", "pp8,tg2", "--results",
               tmp_path / "scaling.json", *words)


@pytest.mark.parametrize("words, part", [
    (["--rounds", 0], "--rounds: 0"),
    (["--threads", "1,0"], "--threads: 0"),
    (["--threads", ""], "--threads"),
    (["--results", "/no/such/file.json"], "there is no directory /no/such"),
    (["--results", __file__], "is there already"),
])
def test_what_cannot_work_is_found_before_it_is_measured(tmp_path, words, part):
    for script in ("scaling.py", "peers/llama_server.py"):
        if script == "peers/llama_server.py" and "--threads" in words:
            words = ["--threads", 0]
        result = run(script, *words, "model")
        assert result.returncode == 2, result.stderr
        assert part.split(":")[0] in result.stderr
        assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_scaling_keeps_the_models_before_one_that_fails(tmp_path):
    good = TINY.with_suffix(".gguf")
    result = scaling(tmp_path, "--threads", "1,2", "--rounds", 2, good, tmp_path / "absent.gguf")
    assert result.returncode == 1 and "scaling.py: error: " in result.stderr, result.stderr
    written = json.loads((tmp_path / "scaling.json").read_text())
    (rows,) = written["tokens_per_second"].values()
    assert {test: {n: len(speeds) for n, speeds in row.items()} for test, row in rows.items()} == {
        test: {"1": 2, "2": 2} for test in ("pp8", "tg2")}
    assert "pp8" in run("scaling.py", "--report", tmp_path / "scaling.json").stdout


def test_rounds_go_forth_and_back():
    assert [report.in_turn("ab", number) for number in range(3)] == [["a", "b"], ["b", "a"], ["a", "b"]]
    assert report.spread([3, 1, 2], ".1f") == "2.0 (1.0 to 3.0)"


def test_a_figure_that_is_not_measured_has_no_row(capsys):
    result = {"output_throughput": 8.0, "p50_ttft_ms": 1.0, "p99_ttft_ms": 2.0, "total_input_tokens": 6,
              "completed": 2}  # one token an answer has no time between tokens
    llama_server.print_tables({"chitu": {1: [result]}, "llama-server": {1: [result]}})
    assert "| 1 at once | 8.0 | 8.0 | 1.00 |" in capsys.readouterr().out
