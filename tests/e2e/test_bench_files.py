"""bench/make_shapes.py writes files that the program loads, and bench/peers counts their work."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from gguf import GGUFReader
from gguf.quants import dequantize

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "bench/peers")]
import contest  # noqa: E402
import floor  # noqa: E402
import make_shapes  # noqa: E402
import scaling  # noqa: E402
import startup  # noqa: E402
from contestants import Chitu, Failed, LlamaCpp, parse_test  # noqa: E402

# 320 is no multiple of 256, so Q4_K_M needs the formats that stand in for K formats.
SMALL = make_shapes.Shape("llama", 320, 512, 8, 5, 1, 64, 1024, 256, 1e4, 1e-5, "smollm")
QWEN = make_shapes.Shape("qwen3", 256, 512, 2, 2, 1, 128, 512, 256, 1e6, 1e-6, "qwen2", qk_norm=True)
LLAMA3 = make_shapes.Shape("llama", 256, 512, 2, 4, 2, 64, 512, 256, 5e5, 1e-5, "llama-bpe",
                           llama3_rope_factor=32)


@pytest.fixture(autouse=True)
def shapes(monkeypatch):
    for name, shape in (("small", SMALL), ("qwen", QWEN), ("llama3", LLAMA3)):
        monkeypatch.setitem(make_shapes.SHAPES, name, shape)


@pytest.mark.parametrize("name", [f"small-{form}" for form in make_shapes.FORMATS]
                         + ["qwen-q4_0", "llama3-q4_k_m"])
def test_made_files_load_and_answer(chitu, tmp_path, name):
    path = make_shapes.make(name, tmp_path)
    written = path.stat().st_mtime_ns
    assert make_shapes.make(name, tmp_path).stat().st_mtime_ns == written, "made a second time"
    result = chitu("bench", "-p", "8", "-n", "2", "-r", "1", "--json", f"models={path}")
    assert result.returncode == 0, result.stderr
    assert [row["test"] for row in json.loads(result.stdout)["results"]] == ["pp8", "tg2"]
    for tensor in GGUFReader(path).tensors:
        if len(tensor.shape) == 2:
            values = dequantize(tensor.data, tensor.tensor_type)
            assert abs(values.std() / make_shapes.DEVIATION - 1) < 0.1, tensor.name
            assert abs(values.mean()) < 0.15 * make_shapes.DEVIATION, tensor.name


def test_sizes_are_those_of_the_real_models():
    def megabytes(name):
        tensors = make_shapes.tensors(*make_shapes.split_name(name))
        return round(sum(tensor.bytes for tensor in tensors) / 1e6)

    # What llama-quantize makes of the published checkpoints.
    assert megabytes("llama-3.2-1b-bf16") == 2472
    assert megabytes("llama-3.2-1b-q4_k_m") == 800
    assert megabytes("smollm2-135m-q4_0") == 90
    with pytest.raises(ValueError, match="llama-3.2-1b-q9"):
        make_shapes.split_name("llama-3.2-1b-q9")


def test_bounds_follow_the_ceilings():
    ceilings = {"bandwidth": {"memory": 1e10},
                "arithmetic": {"fp32_avx2": 1e11, "bf16_avx512": 4e11, "vnni_512": 1e12}}
    limit, what = floor.bound(ceilings, "llama-3.2-1b-bf16", "tg2")
    assert what == "memory" and limit == pytest.approx(1e10 / 2.472e9, rel=1e-3)
    assert floor.bound(ceilings, "llama-3.2-1b-bf16", "pp512")[1] == "bf16_avx512"
    assert floor.bound(ceilings, "llama-3.2-1b-q8_0", "pp512")[1] == "vnni_512"
    assert floor.bound(ceilings, "llama-3.2-1b-f16", "tg64x32")[1] == "fp32_avx2"
    assert floor.bound(ceilings, "llama-3.2-1b-q8_0", "tg2@2048")[0] < \
        floor.bound(ceilings, "llama-3.2-1b-q8_0", "tg2")[0]


def test_tests_are_named_as_chitu_names_them():
    assert parse_test("pp512") == (512, 0, 0, 1)
    assert parse_test("tg128@2048") == (0, 128, 2048, 1)
    assert parse_test("tg64x16") == (0, 64, 16, 16)
    with pytest.raises(ValueError, match="pp512x4"):
        parse_test("pp512x4")


class Fixed:
    """A contestant whose speeds are given; None fails."""

    def __init__(self, name, speeds):
        self.name, self.speeds, self.calls = name, iter(speeds), []

    def measure(self, model, test):
        speed = next(self.speeds)
        if speed is None:
            raise contest.Failed("no such test")
        return speed


def test_ratios_are_of_one_round_and_survive_a_failure(capsys):
    peer, ours = Fixed("peer", [10, 20, None]), Fixed("chitu", [20, 30, 50])
    speeds = contest.run_rounds([peer, ours], {"small-q4_0": "file"}, ["tg2"], 3)
    assert speeds["small-q4_0"]["tg2"] == {"peer": [10, 20, None], "chitu": [20, 30, 50]}
    ceilings = {"bandwidth": {"memory": 1e9}, "arithmetic": {"fp32_avx2": 1e11}}
    contest.print_tables(speeds, ceilings, ["peer", "chitu"])
    out = capsys.readouterr().out
    assert re.search(r"\| tg2 \| 15\.0 \(\d+%\) \| 30\.0 \(\d+%\) \| 1\.75 \(1\.50 to 2\.00\) \|", out)


def test_the_batched_bench_of_llama_cpp_is_read(tmp_path):
    program = tmp_path / "build-llama/bin/llama-batched-bench"
    program.parent.mkdir(parents=True)
    row = "|    16 |     64 |    4 |    320 |    0.10 |   640.0 |    1.00 |   256.5 |    1.1 |  290.0 |"
    program.write_text(f"#!/bin/sh\necho '{row}'\n")
    program.chmod(0o755)
    assert LlamaCpp(tmp_path, 2).measure("model", "tg64x4") == 256.5
    program.write_text("#!/bin/sh\necho no model >&2; exit 1\n")
    with pytest.raises(contest.Failed, match="no model"):
        LlamaCpp(tmp_path, 2).measure("model", "tg64x4")


def test_what_is_there_survives_a_run_that_is_broken_off():
    class Interrupted(Fixed):
        def measure(self, model, test):
            speed = super().measure(model, test)
            if speed == 99:
                raise KeyboardInterrupt
            return speed

    written = []
    with pytest.raises(KeyboardInterrupt):
        contest.run_rounds([Interrupted("chitu", [10, 11, 99])], {"small-q4_0": "file"}, ["tg2"], 3,
                           lambda speeds: written.append(json.dumps(contest.without_unfinished(speeds))))
    assert [json.loads(text)["small-q4_0"]["tg2"]["chitu"] for text in written] == [[10], [10, 11]]
    assert contest.without_unfinished({"a": {"tg2": {"chitu": []}}}) == {}


@pytest.mark.parametrize("words, said", [
    (["--rounds", "0"], "--rounds: 0: expected an integer in [1,"),
    (["--threads", "0"], "--threads: 0: expected an integer in [1,"),
    (["--threads", "100000"], "--threads: 100000: expected an integer in [1,"),
    (["--tests", "pp0"], "pp0: expected at least one token"),
    (["--tests", "tg4x0"], "tg4x0: expected at least one token and one request"),
    (["--report", "nowhere.json"], "--report: nowhere.json: "),
    (["--report", "README.md"], "--report: README.md: "),
    (["--results", "README.md"], "--results: README.md: is there already"),
    (["--results", "nowhere/x.json"], "--results: nowhere/x.json: there is no directory"),
    (["--chitu", "nowhere"], "nowhere: no program"),
])
def test_the_contest_refuses_in_one_line(words, said):
    command = [sys.executable, ROOT / "bench/peers/contest.py", *words]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    last = result.stderr.splitlines()[-1]
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert last.startswith("contest.py: error: ") and said in last, result.stderr


def test_settings_of_the_contest_are_checked_first(chitu):
    with pytest.raises(Failed, match="unknown setting 'infer.num_thread'"):
        Chitu(chitu.program, 1, ["infer.num_thread=2"]).check_settings()
    Chitu(chitu.program, 1, ["infer.cache_type=skew"]).check_settings()


def test_help_of_the_contest_builds_nothing(tmp_path):
    result = subprocess.run([ROOT / "bench/peers/llama_cpp.sh", "--help"], capture_output=True, text=True,
                            check=False, env={"PATH": "/usr/bin:/bin", "CHITU_BENCH_CACHE": str(tmp_path / "c")})
    assert result.returncode == 0, result.stderr
    for word in ("--build-only", "MARCH", "JOBS", "CHITU_BENCH_CACHE"):
        assert word in result.stdout
    assert not (tmp_path / "c").exists()


def test_scaling_shows_ratios_to_the_first_number_of_threads(capsys):
    programs = {1: Fixed("chitu", [10, 12, 11]), 4: Fixed("chitu", [30, 33, 36])}
    speeds = scaling.measure(programs, [Path("some/model.gguf")], ["tg2"], 3)
    assert speeds == {"model": {"tg2": {"1": [10, 12, 11], "4": [30, 33, 36]}}}
    scaling.show({"started_utc": "", "machine": {"processor": "", "family": "", "model": "", "cpus": 4},
                  "threads": [1, 4], "rounds": 3, "chitu": {"commit": ""},
                  "tokens_per_second": speeds})
    assert "| model, tg2 | 11.0 (1.00) | 33.0 (3.00) |" in capsys.readouterr().out
    assert scaling.powers_of_two(6) == [1, 2, 4, 6] and scaling.powers_of_two(8) == [1, 2, 4, 8]


def test_startup_fills_the_cache_whose_memory_it_measures(chitu):
    model = f"models={ROOT / 'models/tiny-random.gguf'}"
    kv_bytes, kv_tokens = startup.planned(chitu("run", "a", model).stderr)
    assert kv_bytes > 0
    command = [sys.executable, ROOT / "bench/startup.py", "--chitu", chitu.program, "--runs", "1"]
    out = subprocess.run([*command, model], capture_output=True, text=True, check=False).stdout
    assert f"MB with {kv_tokens - 8} of {kv_tokens} tokens in the KV cache" in out, out


def test_a_wrong_name_is_an_error_not_a_file():
    command = [sys.executable, ROOT / "bench/make_shapes.py", "llama-3.2-1b-q9"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2 and "llama-3.2-1b-q9" in result.stderr
