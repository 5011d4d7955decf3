"""Bytes that no honest client sends: each has an answer of 4xx or a closed connection, and the server
goes on. What the limits are is set by the fixture `strict`: 4 KB of header, 1 MB of body, 1 s."""

import json
import socket
import time

import pytest
from helpers import KEY
from raw_http import Reader, connect, exchange, head, post

AUTH = f"Authorization: Bearer {KEY}"
ASK = {"prompt": "The river", "max_tokens": 2}


def refused(answer, *statuses):
    """With OpenAI's error body, whichever part of the server says it."""
    assert answer is not None
    assert answer.status in statuses, (answer.status, answer.body)
    error = answer.error
    assert error["message"] and error["type"]
    assert set(error) >= {"message", "type", "param", "code"}
    return error


def still_answers(server):
    answer = exchange(server, post("/v1/completions", ASK, AUTH))
    assert answer.status == 200, answer.body


@pytest.fixture(autouse=True)
def unharmed(strict):
    yield
    still_answers(strict)


MALFORMED = {
    "garbage": b"\x00\x01\x02\xff\xfe garbage\r\n\r\n",
    "TLS to a plain port": bytes.fromhex("16030100a5010000a10303") + b"\x00" * 160 + b"\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /health\r\n\r\n",
    "HTTP/9.9": b"GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "no host": head("GET", "/health", AUTH, host=""),
    "two hosts": head("GET", "/health", AUTH, "Host: localhost"),
    "no path": head("GET", "health", AUTH),
    "a blank in the path": head("GET", "/hea lth", AUTH),
    "NUL in a field": head("GET", "/health", AUTH, "X: a\0b"),
    "a field without a colon": head("GET", "/health", AUTH, "nonsense"),
    "a blank before the colon": head("GET", "/health", AUTH, "Content-Length : 5"),
    "a field without a name": head("GET", "/health", AUTH, ": x"),
    "length is no number": head("POST", "/v1/completions", AUTH, "Content-Length: ten"),
    "length is negative": head("POST", "/v1/completions", AUTH, "Content-Length: -1"),
    "length has a sign": head("POST", "/v1/completions", AUTH, "Content-Length: +5"),
    "length overflows": head("POST", "/v1/completions", AUTH, "Content-Length: " + "9" * 40),
    "two lengths": head("POST", "/v1/completions", AUTH, "Content-Length: 5", "Content-Length: 6"),
    "length and chunks": head("POST", "/v1/completions", AUTH, "Content-Length: 5",
                              "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "unknown coding": head("POST", "/v1/completions", AUTH, "Transfer-Encoding: gzip, chunked"),
    "coding in the wrong order": head("POST", "/v1/completions", AUTH,
                                      "Transfer-Encoding: chunked, identity"),
    "a chunk without a size": head("POST", "/v1/completions", AUTH, "Transfer-Encoding: chunked")
    + b"xyz\r\nabc\r\n",
    "a chunk's size overflows": head("POST", "/v1/completions", AUTH, "Transfer-Encoding: chunked")
    + b"fffffffffffffffff\r\nabc\r\n",
    "a chunk's size is negative": head("POST", "/v1/completions", AUTH, "Transfer-Encoding: chunked")
    + b"-5\r\nabc\r\n",
    "a chunk longer than its size": head("POST", "/v1/completions", AUTH,
                                         "Transfer-Encoding: chunked") + b"2\r\nabcdef\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_malformed(strict, data):
    with connect(strict) as connection:
        connection.sendall(data)
        reader = Reader(connection)
        refused(reader.answer(), 400)
        assert reader.is_closed()  # what comes after it cannot be told apart from it


HUGE_HEADERS = {
    "one field": head("GET", "/health", AUTH, "X: " + "a" * 20_000),
    "many fields": head("GET", "/health", AUTH, *(f"X-{i}: a" for i in range(2000))),
    "a path": head("GET", "/" + "a" * 20_000, AUTH),
    "a name": head("GET", "/health", AUTH, "X" * 20_000 + ": a"),
    "a method": head("G" * 20_000, "/health", AUTH),
    "without an end": b"GET /health HTTP/1.1\r\nX: " + b"a" * 300_000,
}


@pytest.mark.parametrize("data", HUGE_HEADERS.values(), ids=HUGE_HEADERS)
def test_huge_headers(strict, data):
    refused(exchange(strict, data), 431)


def test_a_header_within_the_limit(strict):
    assert exchange(strict, head("GET", "/health", AUTH, "X: " + "a" * 3000)).status == 200


def test_huge_bodies(strict):
    refused(exchange(strict, post("/v1/completions", b"a" * (2 << 20), AUTH)), 413)
    promised = head("POST", "/v1/completions", AUTH, "Content-Length: 1000000000000")
    refused(exchange(strict, promised), 413)
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    chunked = head("POST", "/v1/completions", AUTH, "Transfer-Encoding: chunked") + chunk * 40
    refused(exchange(strict, chunked), 413)


def test_a_promised_body_takes_no_memory(strict):
    before = strict.memory()
    connections = [connect(strict) for _ in range(40)]
    for connection in connections:
        connection.sendall(head("POST", "/v1/completions", AUTH, "Content-Length: 1000000") + b"{")
    time.sleep(0.3)
    assert strict.memory() - before < 20 << 20
    for connection in connections:
        connection.close()


def is_ended_within(connection, seconds):
    """The connection is closed, or answered with 408 and closed."""
    connection.settimeout(seconds)
    reader = Reader(connection)
    answer = reader.answer()
    if answer is not None:
        refused(answer, 408, 400)
    return reader.is_closed()


def test_a_body_shorter_than_it_says(strict):
    data = post("/v1/completions", ASK, AUTH).replace(b"Content-Length: ", b"Content-Length: 1")
    with connect(strict) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        assert is_ended_within(connection, 5)
    with connect(strict) as connection:  # and one that waits for what never comes
        connection.sendall(data)
        assert is_ended_within(connection, 5)


def test_a_body_longer_than_it_says(strict):
    """The rest is another request, and none."""
    with connect(strict) as connection:
        connection.sendall(post("/v1/completions", ASK, AUTH) + b"and more\r\n\r\n")
        reader = Reader(connection)
        assert reader.answer().status == 200
        refused(reader.answer(), 400)
        assert reader.is_closed()


@pytest.mark.parametrize("begin", [b"", b"GET /health HTTP/1.1\r\nHost: local",
                                   head("POST", "/v1/completions", AUTH, "Content-Length: 500") + b"{",
                                   head("POST", "/v1/completions", AUTH,
                                        "Transfer-Encoding: chunked") + b"5\r\nab"],
                         ids=["nothing", "a header", "a body", "a chunk"])
def test_slow_bytes(strict, begin):
    """A byte now and then does not keep a connection for ever."""
    with connect(strict) as connection:
        connection.sendall(begin)
        connection.settimeout(0.2)
        start, received = time.monotonic(), None
        while received != b"" and time.monotonic() - start < 6:
            try:
                received = connection.recv(1 << 16)
            except TimeoutError:
                connection.sendall(b"a")
            except ConnectionResetError:
                received = b""
        assert received == b""


def test_an_idle_connection_is_closed(strict):
    with connect(strict) as connection:
        connection.sendall(head("GET", "/health", AUTH))
        reader = Reader(connection)
        assert reader.answer("GET").status == 200
        connection.settimeout(6)
        assert reader.is_closed()


def test_keep_alive_and_pipelining(strict):
    with connect(strict) as connection:
        connection.sendall(head("GET", "/health", AUTH) * 3 + post("/v1/completions", ASK, AUTH)
                           + head("GET", "/version", AUTH))
        reader = Reader(connection)
        answers = [reader.answer() for _ in range(5)]
        assert [answer.status for answer in answers] == [200] * 5
        assert json.loads(answers[3].body)["object"] == "text_completion"
        assert "version" in json.loads(answers[4].body)


def test_head_and_options(strict):
    with connect(strict) as connection:
        connection.sendall(head("HEAD", "/health", AUTH) + head("GET", "/health", AUTH))
        reader = Reader(connection)
        first, second = reader.answer("HEAD"), reader.answer("GET")
        assert first.status == second.status == 200
        assert first.headers["content-length"] == second.headers["content-length"]


def test_close_is_heeded(strict):
    for data in (head("GET", "/health", AUTH, "Connection: close"),
                 head("GET", "/health", AUTH, version="HTTP/1.0")):
        with connect(strict) as connection:
            connection.sendall(data)
            reader = Reader(connection)
            assert reader.answer("GET").status == 200
            assert reader.is_closed()


def test_a_stream_for_http_1_0(strict):
    """It knows no chunks: the end of the connection is the end of the stream."""
    body = {**ASK, "stream": True}
    data = post("/v1/completions", body, AUTH).replace(b" HTTP/1.1", b" HTTP/1.0", 1)
    received = b""
    with connect(strict) as connection:
        connection.sendall(data)
        while piece := connection.recv(1 << 16):
            received += piece
    header, _, text = received.partition(b"\r\n\r\n")
    assert b"chunked" not in header.lower()
    assert text.startswith(b"data: ")
    assert text.endswith(b"data: [DONE]\n\n")


def test_expect_continue(strict):
    data = post("/v1/completions", ASK, AUTH, "Expect: 100-continue")
    header, _, body = data.partition(b"\r\n\r\n")
    with connect(strict) as connection:
        connection.sendall(header + b"\r\n\r\n")
        time.sleep(0.1)
        connection.sendall(body)
        assert Reader(connection).answer().status == 200
    unknown = exchange(strict, post("/v1/completions", ASK, AUTH, "Expect: the-impossible"))
    assert unknown.status == 200


def test_methods_and_paths(strict):
    answer = exchange(strict, head("GET", "/v1/completions", AUTH))
    refused(answer, 405)
    assert "POST" in answer.headers["allow"]
    refused(exchange(strict, head("DELETE", "/health", AUTH)), 405)
    refused(exchange(strict, head("BREW", "/health", AUTH)), 405)
    for path in ("/", "/v1", "/v1/chat", "/../../etc/passwd", "/v1/completions/", "/%2e%2e/etc/passwd",
                 "/health%00", "//health", "*"):
        refused(exchange(strict, head("GET", path, AUTH)), 404)


def test_a_query_is_no_part_of_the_path(strict):
    assert exchange(strict, head("GET", "/health?probe=1", AUTH)).status == 200


@pytest.mark.parametrize("fields", [[], ["Authorization: Bearer wrong"], ["Authorization: Bearer "],
                                    [f"Authorization: Basic {KEY}"], [f"Authorization: {KEY}"],
                                    [f"X-Api-Key: {KEY}x"], ["Authorization: Bearer " + "a" * 3000]],
                         ids=lambda fields: str(fields)[:40])
def test_without_the_key(strict, fields):
    for path in ("/v1/models", "/health", "/metrics", "/nowhere"):
        refused(exchange(strict, head("GET", path, *fields)), 401)
    for path in ("/v1/completions", "/stop", "/nowhere"):
        refused(exchange(strict, post(path, ASK, *fields)), 401)


def test_request_ids(strict):
    answer = exchange(strict, head("GET", "/health", AUTH, "X-Request-Id: mine-42"))
    assert answer.headers["x-request-id"] == "mine-42"
    made = exchange(strict, head("GET", "/health", AUTH)).headers["x-request-id"]
    assert made and made != exchange(strict, head("GET", "/health", AUTH)).headers["x-request-id"]


def test_an_id_breaks_no_header(strict):
    """What cannot stand in an answer's header is not put there."""
    answer = exchange(strict, head("GET", "/health", AUTH, "X-Request-Id: " + "a" * 2000))
    assert answer.status == 200
    assert len(answer.headers["x-request-id"]) < 1000


def test_web_pages_of_others(server):
    """A page of another origin, or of a name that was bound to 127.0.0.1, drives nothing."""
    page = "Origin: https://evil.example"
    for data in (post("/v1/completions", ASK, page), head("GET", "/v1/models", page),
                 post("/v1/completions", ASK, page, "Content-Type: text/plain"),
                 head("OPTIONS", "/v1/completions", page, "Access-Control-Request-Method: POST"),
                 head("GET", "/v1/models", host="Host: evil.example"),
                 head("GET", "/v1/models", host=f"Host: evil.example:{server.port}"),
                 head("GET", "/v1/models", "Origin: null")):
        answer = exchange(server, data)
        refused(answer, 403)
        assert "access-control-allow-origin" not in answer.headers


def test_names_of_this_machine(server):
    for host in ("localhost", f"localhost:{server.port}", "127.0.0.1", f"127.0.0.1:{server.port}",
                 f"[::1]:{server.port}"):
        assert exchange(server, head("GET", "/v1/models", host=f"Host: {host}")).status == 200
    own = f"Origin: http://127.0.0.1:{server.port}"
    assert exchange(server, head("GET", "/v1/models", own,
                                 host=f"Host: 127.0.0.1:{server.port}")).status == 200


def test_no_cors_unless_allowed(strict):
    answer = exchange(strict, head("GET", "/v1/models", AUTH, "Origin: https://evil.example"))
    assert "access-control-allow-origin" not in answer.headers


def test_too_many_connections(strict):
    """Beyond serve.max_connections=64 they are refused; afterwards there is room again."""
    connections = [connect(strict) for _ in range(64)]
    time.sleep(0.2)
    answers = []
    for _ in range(8):
        try:
            answers.append(exchange(strict, head("GET", "/health", AUTH), timeout=5))
        except (ConnectionResetError, BrokenPipeError):
            answers.append(None)
    for connection in connections:
        connection.close()
    assert all(answer is None or answer.status == 503 for answer in answers)
    assert strict.wait_until(lambda: ends_well(strict))


def ends_well(server):
    answer = exchange(server, head("GET", "/health", AUTH))
    return answer is not None and answer.status == 200
