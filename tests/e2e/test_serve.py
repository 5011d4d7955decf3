"""`chitu serve` with the tiny model: every route, streams, errors, and how it goes down."""

import base64
import http.client
import json
import re
import signal
import socket
import struct
import threading
import time

import pytest
from conftest import TINY, Chitu, assert_error

ADMIN = {"authorization": "Bearer administrator"}


class Server:
    """A running server, and requests to it."""

    def __init__(self, chitu, *words):
        self.process = chitu.start("serve", f"models={TINY}", "serve.port=0", *words)
        self.lines = []
        line = self.read_line()
        found = re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)", line)
        assert found, line
        self.port = int(found[1])
        # What it writes later must not fill the pipe.
        self.reader = threading.Thread(target=self.read_on, daemon=True)
        self.reader.start()

    def read_line(self):
        line = self.process.stderr.readline().decode().rstrip("\n")
        self.lines.append(line)
        return line

    def read_on(self):
        while self.read_line():
            pass

    def open(self, method, path, body=None, headers=None, timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        data = json.dumps(body) if isinstance(body, (dict, list)) else body
        connection.request(method, path, data, headers or {})
        return connection, connection.getresponse()

    def __call__(self, method, path, body=None, headers=None):
        connection, response = self.open(method, path, body, headers)
        text = response.read().decode()
        connection.close()
        is_json = response.headers["content-type"].startswith("application/json")
        return response.status, json.loads(text) if is_json else text

    def get(self, path, headers=None):
        return self("GET", path, None, headers)

    def post(self, path, body=None, headers=None):
        return self("POST", path, {} if body is None else body, headers)

    def stream(self, path, body):
        """The events' data, parsed, without the [DONE] that has to be the last one."""
        connection, response = self.open("POST", path, {**body, "stream": True})
        assert response.status == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [event for event in response.read().decode().split("\n\n") if event]
        connection.close()
        data = [event.removeprefix("data: ") for event in events if not event.startswith(":")]
        assert data[-1] == "[DONE]"
        return [json.loads(item) for item in data[:-1]]

    def wait_until_ready(self):
        deadline = time.monotonic() + 60
        while self.get("/ready")[0] != 200:
            assert self.process.poll() is None, self.lines
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self

    def metric(self, name):
        text = self.get("/metrics")[1]
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if re.match(re.escape(name) + r"[{ ]", line))

    def end(self, number=signal.SIGTERM, timeout=60):
        self.process.send_signal(number)
        return self.process.wait(timeout)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(Chitu(tmp_path_factory.mktemp("serve")), "infer.max_seq_len=256",
                     "serve.admin_key=administrator", "infer.max_reqs=4")
    running.wait_until_ready()
    yield running
    assert running.end() == 0, running.lines
    running.process.stderr.close()


@pytest.fixture
def start(chitu):
    servers = []

    def start_one(*words):
        servers.append(Server(chitu, *words))
        return servers[-1]

    yield start_one
    for one in servers:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        one.process.stdout.close()


def chat(text="Hello", **fields):
    return {"model": "tiny-random", "messages": [{"role": "user", "content": text}],
            "max_tokens": 8, "temperature": 0, **fields}


def completion(prompt="Hello there", **fields):
    return {"model": "tiny-random", "prompt": prompt, "max_tokens": 8, "temperature": 0, **fields}


def test_a_chat(server):
    status, body = server.post("/v1/chat/completions", chat(ignore_eos=True))
    assert status == 200, body
    assert body["object"] == "chat.completion"
    assert body["model"] == "tiny-random"
    assert body["id"].startswith("chatcmpl-")
    [choice] = body["choices"]
    assert choice["message"]["role"] == "assistant"
    assert isinstance(choice["message"]["content"], str)
    assert choice["finish_reason"] == "length"
    usage = body["usage"]
    assert usage["completion_tokens"] == 8
    assert usage["total_tokens"] == usage["prompt_tokens"] + 8


def test_a_chat_as_a_stream_says_the_same(server):
    request = chat(ignore_eos=True)
    whole = server.post("/v1/chat/completions", request)[1]
    chunks = server.stream("/v1/chat/completions",
                           {**request, "stream_options": {"include_usage": True}})
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks[1:-1])
    assert text == whole["choices"][0]["message"]["content"]
    assert chunks[-2]["choices"][0]["finish_reason"] == "length"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1


def test_completions_of_several_prompts(server):
    single = [server.post("/v1/completions", completion(prompt, ignore_eos=True))[1]["choices"][0]
              for prompt in ("One", "Two")]
    status, body = server.post("/v1/completions", completion(["One", "Two"], n=2, ignore_eos=True))
    assert status == 200, body
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3]
    texts = [choice["text"] for choice in body["choices"]]
    assert texts == [single[0]["text"]] * 2 + [single[1]["text"]] * 2
    assert body["usage"]["completion_tokens"] == 32


def test_a_completion_of_tokens_with_an_echo(server):
    tokens = server.post("/tokenize", {"prompt": "Hello there"})[1]["tokens"]
    body = server.post("/v1/completions", completion(tokens, echo=True))[1]
    assert body["choices"][0]["text"].startswith("Hello there")
    assert body["usage"]["prompt_tokens"] == len(tokens)


def test_a_seed_repeats_an_answer(server):
    def answers(seed):
        body = completion(temperature=1, seed=seed, n=3, max_tokens=16, ignore_eos=True)
        return [choice["text"] for choice in server.post("/v1/completions", body)[1]["choices"]]

    first = answers(7)
    assert answers(7) == first
    assert len(set(first)) == 3
    assert answers(8) != first
    alone = completion(temperature=1, seed=7, max_tokens=16, ignore_eos=True)
    assert server.post("/v1/completions", alone)[1]["choices"][0]["text"] == first[0]


def test_without_a_seed_answers_differ(server):
    body = completion(temperature=1, max_tokens=16, ignore_eos=True)
    texts = {server.post("/v1/completions", body)[1]["choices"][0]["text"] for _ in range(4)}
    assert len(texts) == 4


def test_a_stop_string_ends_the_answer(server):
    request = completion(max_tokens=32, ignore_eos=True)
    whole = server.post("/v1/completions", request)[1]["choices"][0]["text"]
    stop = whole[len(whole) // 2:][:2]
    body = server.post("/v1/completions", {**request, "stop": [stop]})[1]
    [choice] = body["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["text"] == whole[:whole.index(stop)]
    assert body["usage"]["completion_tokens"] < 32


def test_logprobs(server):
    body = server.post("/v1/chat/completions", chat(logprobs=True, top_logprobs=3))[1]
    content = body["choices"][0]["logprobs"]["content"]
    assert content
    for token in content:
        assert token["logprob"] <= 0
        assert len(token["top_logprobs"]) == 3
        # The likeliest is what was taken at temperature 0.
        assert token["top_logprobs"][0]["logprob"] == token["logprob"]


def test_embeddings(server):
    body = {"model": "tiny-random", "input": ["Hello", "there", "Hello"]}
    status, answer = server.post("/v1/embeddings", body)
    assert status == 200, answer
    vectors = [item["embedding"] for item in answer["data"]]
    assert vectors[0] == vectors[2] != vectors[1]
    for vector in vectors:
        assert sum(x * x for x in vector) == pytest.approx(1, abs=1e-3)
    coded = server.post("/v1/embeddings", {**body, "encoding_format": "base64"})[1]
    data = base64.b64decode(coded["data"][1]["embedding"])
    assert struct.unpack(f"<{len(data) // 4}f", data) == pytest.approx(vectors[1])


def test_more_embeddings_than_wait_at_once(server):
    inputs = [f"text {i}" for i in range(100)]
    status, answer = server.post("/v1/embeddings", {"input": inputs})
    assert status == 200, answer
    assert [item["index"] for item in answer["data"]] == list(range(100))
    for i in (0, 50, 99):
        alone = server.post("/v1/embeddings", {"input": inputs[i]})[1]["data"][0]["embedding"]
        assert answer["data"][i]["embedding"] == pytest.approx(alone, abs=1e-5)


def test_embeddings_of_another_size_are_refused(server):
    status, answer = server.post("/v1/embeddings", {"input": "Hello", "dimensions": 7})
    assert (status, answer["error"]["param"]) == (400, "dimensions")


def test_tokenize_and_detokenize(server):
    body = server.post("/tokenize", {"prompt": "Hello there", "add_special_tokens": False,
                                     "return_token_strs": True})[1]
    assert body["count"] == len(body["tokens"]) == len(body["token_strs"])
    assert server.post("/detokenize", {"tokens": body["tokens"]})[1]["prompt"] == "Hello there"


def test_apply_template_shows_what_a_chat_is_computed_from(server):
    messages = chat()["messages"]
    text = server.post("/apply-template", {"messages": messages})[1]["prompt"]
    assert "Hello" in text
    tokens = server.post("/tokenize", {"prompt": text, "add_special_tokens": False})[1]
    assert server.post("/tokenize", {"messages": messages})[1]["tokens"] == tokens["tokens"]
    usage = server.post("/v1/chat/completions", chat())[1]["usage"]
    assert usage["prompt_tokens"] == tokens["count"]


def test_models(server):
    status, body = server.get("/v1/models")
    assert status == 200
    assert [model["id"] for model in body["data"]] == ["tiny-random"]
    assert server.get("/v1/models/tiny-random")[1] == body["data"][0]
    assert server.get("/v1/models/other")[0] == 404


@pytest.mark.parametrize("path, body", [("/v1/chat/completions", chat()),
                                        ("/v1/completions", completion()),
                                        ("/v1/embeddings", {"input": "Hello"})])
def test_the_model_may_be_left_out_but_not_be_another(server, path, body):
    nameless = {key: value for key, value in body.items() if key != "model"}
    assert server.post(path, nameless)[0] == 200
    assert server.post(path, {**body, "model": ""})[0] == 200
    status, answer = server.post(path, {**body, "model": "gpt-5"})
    assert (status, answer["error"]["code"]) == (404, "model_not_found")


def test_unknown_fields_are_ignored(server):
    assert server.post("/v1/chat/completions", chat(no_such_field={"a": [1]}))[0] == 200


@pytest.mark.parametrize("fields, param", [
    ({"temperature": -1}, "temperature"),
    ({"n": 10**30}, "n"),
    ({"max_tokens": -5}, "max_tokens"),
    ({"stop": ["x"] * 99}, "stop"),
    ({"top_logprobs": 21, "logprobs": True}, "top_logprobs"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "user", "content": "word " * 2000}]}, "prompt"),
    ({"logit_bias": {"99999999": 1}}, "logit_bias"),
])
def test_a_bad_request_names_its_field(server, fields, param):
    status, answer = server.post("/v1/chat/completions", chat(**fields))
    assert status == 400
    assert answer["error"]["param"].startswith(param)
    assert answer["error"]["type"] == "invalid_request_error"
    # The same as a stream: an error, and no stream.
    status, answer = server.post("/v1/chat/completions", chat(**fields, stream=True))
    assert status == 400


def test_a_body_that_is_no_json(server):
    status, answer = server("POST", "/v1/chat/completions", "{")
    assert (status, answer["error"]["code"]) == (400, "invalid_json")


def test_a_client_that_leaves_is_cancelled(server):
    for _ in range(3):
        connection, response = server.open(
            "POST", "/v1/completions", completion(max_tokens=200, n=4, stream=True, ignore_eos=True))
        response.read(1)
        connection.sock.shutdown(socket.SHUT_RDWR)
        connection.close()
        response.close()
    deadline = time.monotonic() + 30
    while server.metric("vllm:num_requests_running") + server.metric("vllm:num_requests_waiting"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert server.metric("vllm:kv_cache_usage_perc") == 0


def test_streams_at_the_same_time_do_not_mix(server):
    def ask(i):
        chunks = server.stream("/v1/completions", completion(f"Number {i}", ignore_eos=True,
                                                             max_tokens=24))
        return "".join(chunk["choices"][0]["text"] for chunk in chunks)

    alone = [ask(i) for i in range(8)]
    together = [None] * 8

    def run(i):
        together[i] = ask(i)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_metrics(server):
    before = server.metric("vllm:generation_tokens_total")
    server.post("/v1/completions", completion(ignore_eos=True))
    assert server.metric("vllm:generation_tokens_total") == before + 8
    text = server.get("/metrics")[1]
    for name in ("vllm:num_requests_running", "vllm:num_requests_waiting",
                 "vllm:kv_cache_usage_perc", "vllm:prefix_cache_queries_total",
                 "vllm:prefix_cache_hits_total", "vllm:num_preemptions_total",
                 "vllm:prompt_tokens_total", "vllm:request_success_total",
                 "vllm:time_to_first_token_seconds_bucket",
                 "vllm:inter_token_latency_seconds_bucket",
                 "vllm:e2e_request_latency_seconds_bucket",
                 "vllm:request_queue_time_seconds_bucket"):
        assert re.search(f'^{name}{{.*model_name="tiny-random"', text, re.M), name


def test_a_prompt_that_was_computed_is_not_computed_again(server):
    text = "The same long beginning. " * 8
    hits = server.metric("vllm:prefix_cache_hits_total")
    first = server.post("/v1/completions", completion(text))[1]
    again = server.post("/v1/completions", completion(text))[1]
    assert again["choices"][0]["text"] == first["choices"][0]["text"]
    cached = again["usage"]["prompt_tokens_details"]["cached_tokens"]
    assert 0 < cached < again["usage"]["prompt_tokens"]
    assert server.metric("vllm:prefix_cache_hits_total") >= hits + cached


def test_states(server):
    assert server.get("/health") == (200, {"status": "ok", "state": "ready"})
    assert server.get("/ready") == (200, {"status": "ok", "state": "ready"})
    assert re.fullmatch(r"\d+\.\d+\.\d+", server.get("/version")[1]["version"])


def test_chitus_own_routes(server):
    for method in ("GET", "POST"):
        assert server(method, "/ping")[0] == 200
        assert server(method, "/status")[1]["message"] == "True"
        assert server(method, "/load_status")[1]["running"] == 0
    assert server.post("/init", headers=ADMIN)[0] == 200


@pytest.mark.parametrize("path", ["/init", "/stop"])
def test_admin_routes_need_the_admin_key(server, path):
    assert server.post(path)[0] in (401, 403)
    assert server.post(path, headers={"authorization": "Bearer guess"})[0] in (401, 403)
    assert server.get(path, headers=ADMIN)[0] == 405  # GET never changes state
    assert server.get("/health")[0] == 200


def test_an_idle_server_sleeps(server):
    def cpu_seconds():
        with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    time.sleep(0.2)
    before = cpu_seconds()
    time.sleep(1)
    assert cpu_seconds() - before <= 0.05


def test_the_queue_is_bounded(start):
    server = start("infer.max_reqs=1", "serve.max_queue=0").wait_until_ready()
    connection, response = server.open("POST", "/v1/completions", completion(
        max_tokens=2000, stream=True, ignore_eos=True))
    response.read(1)
    other, refused = server.open("POST", "/v1/completions", completion())
    assert refused.status == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert json.loads(refused.read())["error"]["type"] == "rate_limit_error"
    for one in (connection, other):
        one.close()


def test_a_waiting_stream_is_kept_alive(start):
    server = start("infer.max_reqs=1", "serve.keep_alive_s=0.1").wait_until_ready()
    # Enough work before it that a fast machine, too, makes it wait for many such intervals.
    before = [server.open("POST", "/v1/completions", completion(
        max_tokens=2000, stream=True, ignore_eos=True)) for _ in range(24)]
    before[0][1].read(1)
    last, waiting = server.open("POST", "/v1/completions", completion(stream=True))
    assert waiting.read(14) == b": keep-alive\n\n"
    for connection, _ in before:
        connection.close()
    last.close()


def test_keys(start):
    server = start("serve.api_keys=secret,other")
    for path in ("/health", "/ready", "/metrics", "/v1/models", "/nothing"):
        assert server.get(path)[0] == 401
    for key in ("secret", "other"):
        assert server.get("/health", {"authorization": f"Bearer {key}"})[0] == 200
    assert server.get("/health", {"authorization": "Bearer guess"})[0] == 401


def test_sigterm_lets_answers_finish_and_refuses_new_ones(start):
    server = start("serve.grace_period_s=60").wait_until_ready()
    connection, response = server.open("POST", "/v1/completions", completion(
        max_tokens=600, stream=True, ignore_eos=True))
    response.read(1)
    server.process.send_signal(signal.SIGTERM)
    rest = response.read()
    assert rest.endswith(b"data: [DONE]\n\n")
    connection.close()
    assert server.process.wait(60) == 0
    with pytest.raises(OSError):
        server.get("/health")


def test_a_grace_period_ends(start):
    server = start("serve.grace_period_s=0.1", "infer.max_seq_len=2048").wait_until_ready()
    connection, response = server.open("POST", "/v1/completions", completion(
        max_tokens=2000, stream=True, ignore_eos=True, n=16))
    response.read(1)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    connection.close()


def test_a_second_signal_ends_at_once(start):
    server = start("serve.grace_period_s=600", "infer.max_seq_len=2048").wait_until_ready()
    connection, response = server.open("POST", "/v1/completions", completion(
        max_tokens=2000, stream=True, ignore_eos=True, n=16))
    response.read(1)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    assert server.end(signal.SIGTERM, timeout=10) == 128 + signal.SIGTERM
    connection.close()


def test_stop(start):
    server = start("serve.admin_key=administrator").wait_until_ready()
    assert server.post("/stop", headers=ADMIN)[0] == 200
    assert server.process.wait(60) == 0


def test_the_access_log(start, tmp_path):
    path = tmp_path / "access.jsonl"
    server = start(f"serve.access_log={path}").wait_until_ready()
    server("POST", "/v1/completions", completion(), {"x-request-id": "mine-1"})
    assert server.end() == 0
    records = [json.loads(line) for line in path.read_text().splitlines()]
    [record] = [record for record in records if record["id"] == "mine-1"]
    assert (record["path"], record["status"]) == ("/v1/completions", 200)


def test_a_port_in_use_is_an_error(chitu, server):
    result = chitu("serve", f"models={TINY}", f"serve.port={server.port}")
    assert_error(result, f"port {server.port}", "serve.port")


def test_a_model_that_cannot_be_loaded_is_an_error(chitu):
    result = chitu("serve", "models=/nowhere", "serve.port=0")
    assert_error(result, "/nowhere")


@pytest.mark.parametrize("word, parts", [
    ("serve.tls_cert=/nowhere.pem", ["serve.tls_cert", "serve.tls_key"]),
    ("serve.api_keys='pass word'", ["serve.api_keys"]),
    ("serve.access_log=/nowhere/log", ["/nowhere/log"]),
])
def test_settings_that_cannot_be_followed(chitu, word, parts):
    assert_error(chitu("serve", f"models={TINY}", "serve.port=0", word), *parts)
