"""What goes wrong around a server: clients that die, never read or come in thousands; a full disk."""

import json
import socket
import threading
import time
from pathlib import Path

import pytest
from chitu_server import Server
from helpers import KEY
from raw_http import Reader, connect, exchange, head, post, reset

AUTH = f"Authorization: Bearer {KEY}"
LONG = {"prompt": "The river", "max_tokens": 1900, "ignore_eos": True, "stream": True}


class Neighbour:
    """Streams that go on while something happens to others: each must be what it is alone."""

    BODY = {"prompt": "The numbers are", "max_tokens": 400, "temperature": 1.0, "seed": 3,
            "ignore_eos": True}

    def __init__(self, server):
        self.server = server
        self.alone = self.ask()
        self.different = []
        self.count = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def ask(self):
        answer = exchange(self.server, post("/v1/completions", self.BODY), timeout=60)
        assert answer.status == 200, answer
        return json.loads(answer.body)["choices"][0]["text"]

    def _run(self):
        while not self.stop.is_set():
            try:
                text = self.ask()
            except Exception as error:  # told to the test, which runs on another thread
                text = repr(error)
            self.count += 1
            if text != self.alone:
                self.different.append(text)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.stop.set()
        self.thread.join()
        if kind is None:
            assert self.count > 0
            assert not self.different


def test_clients_killed_in_the_middle_of_a_stream(server):
    with Neighbour(server):
        for _ in range(5):
            connections = [connect(server) for _ in range(20)]
            for connection in connections:
                connection.sendall(post("/v1/completions", LONG))
            time.sleep(0.1)
            for i, connection in enumerate(connections):
                if i % 2 == 0:
                    reset(connection)
                else:
                    connection.close()
    server.assert_idle(timeout=5)


def test_clients_that_read_nothing(strict):
    """Their answers do not pile up in the server: they are put out after serve.write_timeout_s."""
    before = strict.metrics()
    memory = strict.memory()
    connections = []
    for _ in range(2):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", strict.port))
        connection.sendall(post("/v1/completions", {**LONG, "n": 1, "logprobs": 20}, AUTH))
        connections.append(connection)
        assert strict.wait_until(
            lambda: strict.metric("chitu:http_evictions_total")
            >= before["chitu:http_evictions_total"] + len(connections), timeout=20)
    assert strict.memory() - memory < 50 << 20
    for connection in connections:
        connection.close()


CONNECTIONS = 10_000


def test_connections_opened_and_dropped(server):
    with Neighbour(server):
        for i in range(CONNECTIONS // 100):
            connections = [connect(server) for _ in range(100)]
            for j, connection in enumerate(connections):
                if j % 4 == 1:
                    connection.sendall(b"GET /health HTTP/1.1\r\nHost")
                elif j % 4 == 2:
                    connection.sendall(head("GET", "/health"))
            for j, connection in enumerate(connections):
                if (i + j) % 3 == 0:
                    connection.close()
                else:
                    reset(connection)
    assert server.wait_until(lambda: server.metric("chitu:http_connections_open") <= 1)


def test_many_slow_clients(server):
    """Hundreds of half requests hold up nobody."""
    connections = [connect(server) for _ in range(400)]
    with Neighbour(server):
        for byte in b"GET /":
            for connection in connections:
                connection.sendall(bytes([byte]))
            time.sleep(0.1)
        assert exchange(server, head("GET", "/health")).status == 200
    for connection in connections:
        connection.close()


def test_a_full_disk_for_the_access_log(tmp_path):
    with Server(tmp_path, "serve.access_log=/dev/full") as server:
        with Neighbour(server):
            for _ in range(200):
                assert exchange(server, head("GET", "/version")).status == 200


def test_the_access_log(tmp_path):
    path = tmp_path / "access.log"
    with Server(tmp_path, f"serve.access_log={path}", f"serve.api_keys={KEY}", key=KEY) as server:
        path.write_text("")
        exchange(server, post("/v1/completions", {"prompt": "secret text", "max_tokens": 2}, AUTH,
                              "X-Request-Id: mine-42"))
        exchange(server, head("GET", '/no"where\x7f', AUTH))
        exchange(server, head("GET", "/health"))
        assert server.wait_until(lambda: len(path.read_text().splitlines()) >= 3)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    by_id = {line["id"]: line for line in lines}
    assert by_id["mine-42"]["status"] == 200
    assert by_id["mine-42"]["path"] == "/v1/completions"
    assert by_id["mine-42"]["method"] == "POST"
    assert {line["status"] for line in lines} >= {200, 401}
    text = path.read_text()
    assert "secret" not in text
    assert KEY not in text


def test_an_access_log_that_cannot_be_opened(tmp_path):
    with pytest.raises(AssertionError, match="/absent/access.log"):
        Server(tmp_path, "serve.access_log=/absent/access.log")


def test_a_port_that_is_taken(tmp_path, server):
    with pytest.raises(AssertionError, match=rf"port {server.port}.*serve\.port"):
        Server(tmp_path, f"serve.port={server.port}")


def test_no_memory_is_lost_by_failures(server):
    """Cancelled streams, refused bodies and dropped connections leave nothing behind."""
    def fail(count):
        for _ in range(count):
            connection = connect(server)
            connection.sendall(post("/v1/completions", {**LONG, "n": 8}))
            Reader(connection).answer(stream=True)
            reset(connection)
            exchange(server, post("/v1/completions", b'{"prompt": "a", "n": 99}'))
            exchange(server, post("/v1/completions", {"prompt": "x " * 5000}))
    fail(30)
    server.assert_idle()
    before = server.memory()
    fail(60)
    server.assert_idle()
    assert server.memory() - before < 8 << 20, Path(f"/proc/{server.process.pid}/status").read_text()
