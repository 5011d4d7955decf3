"""From the start of a server to its end."""

import json
import signal
import ssl
import subprocess
import threading
import time
import urllib.request

import pytest
from chitu_server import Server
from helpers import ADMIN_KEY, KEY, openai_client
from raw_http import Reader, connect, exchange, head, post

LONG = {"prompt": "The river", "max_tokens": 1500, "ignore_eos": True, "stream": True}


def begin_stream(server, body):
    connection = connect(server)
    connection.sendall(post("/v1/completions", body))
    reader = Reader(connection)
    assert reader.answer(stream=True).status == 200
    return connection, reader


def test_ready_after_alive(tmp_path):
    with Server(tmp_path) as server:
        assert server.json("/health")["status"] == "ok"
        assert server.metric("chitu:ready") == 1
        assert "127.0.0.1" in server.log()


def test_a_model_that_cannot_be_loaded(tmp_path):
    with pytest.raises(AssertionError, match="absent"):
        Server(tmp_path, model=tmp_path / "absent")


def test_sigterm_finishes_what_runs(tmp_path):
    """Streams that run are finished, new requests are refused, then it ends with 0."""
    with Server(tmp_path) as server:
        connection, reader = begin_stream(server, {**LONG, "n": 4})
        idle, half = connect(server), connect(server)
        late = post("/v1/completions", {**LONG, "stream": False})
        half.sendall(late[:30])
        assert server.get("/ready")[0] == 200  # and with that, it has read the half
        chunks = reader.chunks()
        next(chunks)
        server.process.send_signal(signal.SIGTERM)
        assert server.wait_until(lambda: "SIGTERM" in server.log())
        half.sendall(late[30:])
        assert Reader(half).answer().status == 503
        text = b"".join(chunks)
        assert text.endswith(b"data: [DONE]\n\n")
        assert Reader(idle).is_closed()
        half.close()
        connection.close()
        server.assert_ended()
    with pytest.raises(ConnectionRefusedError):
        connect(server)


def begin_much(server):
    """Work for some seconds."""
    connections = [connect(server) for _ in range(8)]
    for connection in connections:
        connection.sendall(post("/v1/completions", {**LONG, "n": 16}))
    assert server.wait_until(lambda: server.metric("vllm:num_requests_waiting") > 64)
    return connections


def received(connection):
    data = b""
    try:
        while piece := connection.recv(1 << 16):
            data += piece
    except ConnectionResetError:
        pass
    return data


def test_the_grace_period_is_kept(tmp_path):
    """What is not finished by then is cut short."""
    with Server(tmp_path, "serve.grace_period_s=0.2", "infer.max_reqs=16") as server:
        connections = begin_much(server)
        server.process.send_signal(signal.SIGTERM)
        server.assert_ended(timeout=20)
        assert not received(connections[-1]).endswith(b"data: [DONE]\n\n")
        for connection in connections:
            connection.close()


def test_a_second_signal_ends_at_once(tmp_path):
    with Server(tmp_path, "infer.max_reqs=16") as server:
        connections = begin_much(server)
        server.process.send_signal(signal.SIGTERM)
        assert server.wait_until(lambda: "SIGTERM" in server.log())
        server.process.send_signal(signal.SIGTERM)
        server.assert_ended(timeout=5, code=128 + signal.SIGTERM)
        for connection in connections:
            connection.close()


@pytest.mark.parametrize("key", [KEY, None])
def test_the_administrator_stops_it(tmp_path, key):
    settings = [f"serve.api_keys={key}"] if key else []
    with Server(tmp_path, f"serve.admin_key={ADMIN_KEY}", *settings, key=key) as server:
        assert server.get("/stop", {"Authorization": f"Bearer {ADMIN_KEY}"})[0] == 405
        assert server.post("/stop", {})[0] in (401, 403)
        assert server.post("/stop", {}, {"Authorization": "Bearer guess"})[0] in (401, 403)
        assert server.get("/ready")[0] == 200
        assert server.post("/stop", {}, {"Authorization": f"Bearer {ADMIN_KEY}"})[0] == 200
        server.assert_ended()


def test_comments_while_a_request_waits(tmp_path):
    with Server(tmp_path, "infer.max_reqs=1", "serve.keep_alive_s=0.1") as server:
        first, _ = begin_stream(server, {**LONG, "n": 16})
        with connect(server) as second:
            second.sendall(post("/v1/completions", {**LONG, "max_tokens": 2}))
            waiting = Reader(second)
            assert waiting.answer(stream=True).status == 200
            text = b"".join(waiting.chunks())
        assert text.startswith(b": keep-alive\n\n")
        assert text.endswith(b"data: [DONE]\n\n")
        first.close()


def test_cors_for_those_that_may(tmp_path):
    origin = "Origin: https://app.example"
    with Server(tmp_path, "serve.cors_origins=https://app.example") as server:
        answer = exchange(server, head("GET", "/v1/models", origin))
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        preflight = exchange(server, head("OPTIONS", "/v1/completions", origin,
                                          "Access-Control-Request-Method: POST",
                                          "Access-Control-Request-Headers: content-type"))
        assert preflight.status in (200, 204)
        assert "POST" in preflight.headers["access-control-allow-methods"]
        other = exchange(server, head("GET", "/v1/models", "Origin: https://evil.example"))
        assert other.status == 403


def test_tls(tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out",
         str(certificate)], capture_output=True, check=False)
    assert made.returncode == 0, made.stderr
    with Server(tmp_path, f"serve.tls_cert={certificate}", f"serve.tls_key={key}") as server:
        trust = ssl.create_default_context(cafile=certificate)
        body = json.dumps({"prompt": "The river", "max_tokens": 3}).encode()
        request = urllib.request.Request(f"{server.url}/v1/completions", data=body)
        with urllib.request.urlopen(request, context=trust, timeout=20) as response:
            assert json.loads(response.read())["usage"]["completion_tokens"] == 3
        with connect(server) as plain:  # no TLS: no answer, and no harm
            plain.sendall(head("GET", "/health"))
            plain.settimeout(5)
            assert not plain.recv(100).startswith(b"HTTP/1.1 200")
        with urllib.request.urlopen(f"{server.url}/health", context=trust, timeout=20) as response:
            assert response.status == 200


@pytest.mark.parametrize(("settings", "said"), [
    (["serve.tls_cert=/absent.pem"], r"serve\.tls_cert.*serve\.tls_key"),
    (["serve.tls_cert=/absent.pem", "serve.tls_key=/absent.key"], r"/absent\.pem"),
    (["serve.max_queue=-1"], r"serve\.max_queue"), (["serve.api_keys='pass word'"], r"serve\.api_keys"),
    (["serve.host=no.such.host.invalid"], r"serve\.host")], ids=str)
def test_settings_that_are_wrong(tmp_path, settings, said):
    with pytest.raises(AssertionError, match=f"chitu: error: .*{said}"):
        Server(tmp_path, *settings)


def test_priority(tmp_path):
    """Of two that wait, the one of higher priority is computed first, whichever came first."""
    ended = []

    def read(priority, chunks):
        assert b"".join(chunks).endswith(b"data: [DONE]\n\n")
        ended.append(priority)

    settings = ("infer.max_reqs=1", "infer.max_seq_len=2048", "serve.keep_alive_s=0.1",
                "serve.max_priority=10")
    with Server(tmp_path, *settings) as server:
        first, _ = begin_stream(server, {**LONG, "n": 16, "priority": 10})
        threads, connections = [], []
        for priority in (-3, 5):
            body = {**LONG, "max_tokens": 200, "priority": priority}
            connection, reader = begin_stream(server, body)
            chunks = reader.chunks()
            assert next(chunks).startswith(b":")  # it waits
            threads.append(threading.Thread(target=read, args=(priority, chunks)))
            connections.append(connection)
        for thread in threads:
            thread.start()
        first.close()
        for thread in threads:
            thread.join()
        for connection in connections:
            connection.close()
    assert ended == [5, -3]


@pytest.mark.parametrize("scheduler", ["fcfs", "prefill_first", "stride", "deadline", "prefix_align",
                                       "balance"])
@pytest.mark.parametrize("hybrid", [True, False])
def test_schedulers(tmp_path, words, scheduler, hybrid):
    """Whichever is chosen, everybody is served, and with the same answers."""
    settings = (f"scheduler.type={scheduler}", f"scheduler.{scheduler}.enable_hybrid={hybrid}",
                "infer.max_reqs=4")
    texts = {}
    with Server(tmp_path, *settings) as server, openai_client(server) as client:
        model = client.models.list().data[0].id

        def ask(i):
            answer = client.completions.create(
                model=model, prompt=f"number {i} " * (1 + 20 * (i % 3)), max_tokens=20,
                temperature=1.0, seed=i, logit_bias=words)
            texts[i] = answer.choices[0].text
        threads = [threading.Thread(target=ask, args=(i,)) for i in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        together = dict(texts)
        for i in range(12):
            ask(i)
        assert texts == together
        assert len(together) == 12


def test_it_listens_before_the_model_is_loaded(tmp_path):
    with Server(tmp_path) as server:
        assert server.log().index("listening on") < server.log().index("ready: ")
