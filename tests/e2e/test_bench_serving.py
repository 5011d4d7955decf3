"""`chitu bench serving` against a server of the tests' own, and the benchmarks without a server."""

import json
import re
import signal
import time

import pytest
from conftest import TINY, assert_error
from openai_like import OpenAiLike


def measure(chitu, server, *words, code=0, **options):
    result = chitu("bench", "serving", "--base-url", server.url, "--json", *words, **options)
    assert result.returncode == code, result.stderr
    return json.loads(result.stdout)


def test_figures_are_those_of_the_server(chitu):
    with OpenAiLike(tokens=5, delay=0.02) as server:
        report = measure(chitu, server, "--num-prompts", 12, "--concurrency", "4", "--input-len", 20)
        assert report["model"] == "small"
        (level,) = report["results"]
        assert (level["completed"], level["failed"], level["max_concurrency"]) == (12, 0, 4)
        assert (level["total_input_tokens"], level["total_output_tokens"]) == (12 * 20, 12 * 5)
        assert level["p50_ttft_ms"] >= 20 and level["p50_tpot_ms"] > 10 and level["p50_itl_ms"] > 10
        assert level["p50_e2el_ms"] >= 100
        assert level["output_throughput"] == pytest.approx(60 / level["duration"])
        assert server.most <= 4
        # One for /v1/models, one for the warm-up, four that are used again.
        assert server.connections <= 6
        assert len(server.bodies) == 13


def test_what_is_sent(chitu):
    with OpenAiLike(usage=False) as server:
        report = measure(chitu, server, "--num-prompts", 3, "--warmup", 0, "--endpoint", "completions",
                         "--model", "m", "--api-key", "key", "--ignore-eos", "--input-len", 4,
                         "--prefix-len", 6, "--output-len", 9)
        assert report["results"][0]["without_usage"] == 3
        assert report["results"][0]["total_output_tokens"] == 15
        prompts = set()
        for path, body in server.bodies:
            assert path == "/v1/completions"
            assert (body["model"], body["max_tokens"], body["ignore_eos"]) == ("m", 9, True)
            assert body["stream"] and body["stream_options"] == {"include_usage": True}
            prompts.add(body["prompt"])
        assert len(prompts) == 3 and len({tuple(p.split()[:6]) for p in prompts}) == 1
        assert all(len(p.split()) == 10 for p in prompts)
        assert {h["Authorization"] for h in server.headers} == {"Bearer key"}


def test_a_sweep_prints_tables_and_bars(chitu, tmp_path):
    file = tmp_path / "result.json"
    with OpenAiLike() as server:
        result = chitu("bench", "serving", "--base-url", server.url + "/v1", "--num-prompts", 4,
                       "--concurrency", "1,2", "--goodput", "ttft:60000", "tpot:0.0001", "--output", file)
    assert result.returncode == 0, result.stderr
    assert f"small at {server.url}/v1/chat/completions: 4 requests a run" in result.stdout
    assert result.stdout.count("first token (TTFT)") == 2
    assert "output tokens a second, by concurrency" in result.stdout and "####" in result.stdout
    assert "goodput: 0 requests" in result.stdout
    assert [level["max_concurrency"] for level in json.loads(file.read_text())["results"]] == [1, 2]
    assert "\033" not in result.stdout + result.stderr


def test_requests_come_at_their_rate(chitu):
    with OpenAiLike() as server:
        report = measure(chitu, server, "--num-prompts", 20, "--request-rate", 40, "--burstiness", 1000)
    assert report["results"][0]["duration"] >= 19 / 40 * 0.8


def test_sharegpt(chitu, tmp_path):
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps([{"conversations": [{"from": "human", "value": "Why is the sky blue?"},
                                                   {"from": "gpt", "value": "x" * 40}]}]))
    with OpenAiLike() as server:
        report = measure(chitu, server, "--dataset", "sharegpt", "--dataset-path", file,
                         "--num-prompts", 2)
        assert report["repeated_prompts"] == 2  # of the three that are sent, one to warm up
        for _, body in server.bodies:
            assert body["messages"] == [{"role": "user", "content": "Why is the sky blue?"}]
            assert body["max_tokens"] == 10


def close_before_the_answer(handler):
    handler.close_connection = True
    handler.connection.close()


def close_in_the_middle(handler):
    handler.begin_stream()
    handler.event({"choices": [{"delta": {"content": "a"}}]})
    close_before_the_answer(handler)


def lie_about_the_length(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b"data: {}\n\n")
    close_before_the_answer(handler)


def end_without_a_reason(handler):
    handler.begin_stream()
    handler.event({"choices": [{"delta": {"content": "a"}}]})
    handler.end_stream()


def send_an_error(handler):
    handler.begin_stream()
    handler.event({"error": {"message": "out of blocks"}})
    handler.end_stream()


def send_garbage(handler):
    handler.begin_stream()
    handler.chunk("data: {{{\n\n")
    handler.end_stream()


def send_no_tokens(handler):
    handler.begin_stream()
    handler.chunk("data: [DONE]\n\n")
    handler.end_stream()


def speak_no_http(handler):
    handler.wfile.write(b"\x00\x01 hello\r\n\r\n")
    close_before_the_answer(handler)


def never_answer(handler):
    time.sleep(30)


def drip_comments(handler):
    handler.begin_stream()
    for _ in range(300):
        handler.chunk(": wait\n\n")
        time.sleep(0.1)


FAULTS = [
    (lambda h: h.answer(429, '{"error": {"message": "the queue is full"}}'), "HTTP 429", "the queue is full"),
    (lambda h: h.answer(500, "<html>oops"), "HTTP 500", "<html>oops"),
    (lambda h: h.answer(401, '{"error": "no key"}'), "HTTP 401", "no key"),
    (lambda h: h.answer(302, "", headers=[("Location", "/v2")]), "HTTP 302", ""),
    (lambda h: h.answer(200, '{"choices": []}'), "not a stream", "choices"),
    (close_before_the_answer, "closed early", ""),
    (close_in_the_middle, "closed early", ""),
    (lie_about_the_length, "closed early", ""),
    (end_without_a_reason, "closed early", "finish reason"),
    (send_an_error, "error in stream", "out of blocks"),
    (send_garbage, "malformed stream", "{{{"),
    (send_no_tokens, "no tokens", ""),
    (speak_no_http, "not HTTP", ""),
    (never_answer, "timeout", ""),
    (drip_comments, "timeout", ""),
]


@pytest.mark.parametrize("fault, kind, text", FAULTS)
def test_faults_are_counted_and_named(chitu, fault, kind, text):
    def behave(number, handler):
        # On a connection that has served before, it would be sent again.
        if number % 2 == 0 and fault is not close_before_the_answer:
            return False
        fault(handler)
        return True

    with OpenAiLike(behave=behave) as server:
        report = measure(chitu, server, "--num-prompts", 6, "--warmup", 0, "--concurrency", 1,
                         "--timeout", 1 if kind == "timeout" else 20, code=1)
    (level,) = report["results"]
    assert level["completed"] + level["failed"] == 6
    assert level["failed"] == level["failures"][kind]["count"] >= 2, level["failures"]
    assert text in level["failures"][kind]["example"]


def test_a_connection_that_was_closed_meanwhile_is_no_failure(chitu):
    def close_afterwards(_, handler):
        handler.stream({"messages": [{"content": ""}]})
        handler.close_connection = True
        return True

    with OpenAiLike(behave=close_afterwards) as server:
        report = measure(chitu, server, "--num-prompts", 8, "--concurrency", 1)
    assert report["results"][0]["completed"] == 8
    assert report["results"][0]["resent"] >= 1


def test_a_warm_up_without_an_answer_ends_the_run(chitu):
    with OpenAiLike(behave=lambda _, h: h.answer(401, '{"error": {"message": "bad key"}}') or True) as server:
        result = chitu("bench", "serving", "--base-url", server.url)
    assert_error(result, "warm-up", "HTTP 401", "bad key")


def test_no_server_is_one_line(chitu):
    with OpenAiLike() as server:
        url = server.url
    assert_error(chitu("bench", "serving", "--base-url", url), url, "refused")
    assert_error(chitu("bench", "serving", "--base-url", url, "--model", "m"), "connection refused")


def test_ctrl_c_keeps_what_was_measured(chitu):
    with OpenAiLike(tokens=3, delay=0.05) as server:
        process = chitu.start("bench", "serving", "--base-url", server.url, "--num-prompts", 100000,
                              "--concurrency", 2, "--input-len", 2)
        deadline = time.monotonic() + 30
        while len(server.bodies) < 20 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert re.search(rb"interrupted: \d+ had not ended", out)
    assert b"first token (TTFT)" in out


@pytest.mark.parametrize("words, part", [
    (["--concurrency", "x"], "--concurrency x"),
    (["--base-url", "https://x"], "--base-url"),
    (["--goodput", "ttft"], "--goodput"),
    (["hello"], "takes no text"),
    (["--json", "file"], "takes no text"),
    (["infer.seed=1"], "takes no settings"),
])
def test_usage_errors(chitu, words, part):
    assert_error(chitu("bench", "serving", *words), part, code=2)


def test_the_engine_without_a_server(chitu):
    for words, keys in (
            (["latency", "--input-len", 8, "--output-len", 4, "-b", 2, "--iterations", 2],
             ["p50_latency_ms", "p50_first_token_ms"]),
            (["throughput", "--num-prompts", 6, "--concurrency", 2, "--input-len", 8, "--output-len", 4],
             ["request_throughput", "output_throughput"]),
            (["startup", "--iterations", 2], ["p50_startup_s", "min_startup_s"])):
        result = chitu("bench", *words, "--json", f"models={TINY}")
        assert result.returncode == 0, result.stderr
        report = json.loads(result.stdout)
        assert all(report[key] > 0 for key in keys)
        table = chitu("bench", *words, f"models={TINY}")
        assert table.returncode == 0 and "tiny-random" in table.stdout


@pytest.mark.parametrize("words, part", [
    (["latency", "-b", 8, "infer.max_reqs=2"], "--batch-size 8: infer.max_reqs=2, so 2 at most"),
    (["throughput", "--concurrency", 8, "infer.max_reqs=2"], "--concurrency 8: infer.max_reqs=2"),
    (["latency", "--input-len", 30, "--output-len", 3, "infer.max_seq_len=32"], "infer.max_seq_len=32"),
    (["throughput", "--input-len", 30, "--output-len", 3, "infer.max_seq_len=32"], "infer.max_seq_len=32"),
    (["throughput", "--num-prompts", 65536, "--input-len", 10000], "--num-prompts 65536"),
])
def test_what_would_be_labelled_wrongly_is_refused(chitu, words, part):
    assert_error(chitu("bench", *words, f"models={TINY}"), part, code=2)


def test_throughput_has_as_many_at_once_as_it_says(chitu):
    for words, most in ((["infer.max_reqs=2"], 2), (["infer.max_reqs=4", "--concurrency", 2], 2)):
        result = chitu("bench", "throughput", "--num-prompts", 6, "--input-len", 8, "--output-len", 4,
                       *words, f"models={TINY}")
        assert f"{most} at once at most" in result.stdout, result.stderr


def test_a_report_that_cannot_be_written_is_found_first(chitu, tmp_path):
    file = tmp_path / "absent/report.json"
    with OpenAiLike() as server:
        assert_error(chitu("bench", "serving", "--base-url", server.url, "--output", file), str(file))
        assert not server.bodies
    for command in ("latency", "throughput", "startup"):
        assert_error(chitu("bench", command, "--output", file, f"models={TINY}"), str(file))


def test_a_run_that_fails_leaves_the_report_before(chitu, tmp_path):
    file = tmp_path / "report.json"
    file.write_text("earlier")
    with OpenAiLike(behave=lambda _, h: h.answer(401, "{}") or True) as server:
        assert_error(chitu("bench", "serving", "--base-url", server.url, "--output", file), "warm-up")
    assert file.read_text() == "earlier"
