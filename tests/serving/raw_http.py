"""HTTP by hand, for what no library would send."""

import json
import socket
import struct
from dataclasses import dataclass, field


@dataclass
class Answer:
    status: int
    headers: dict = field(default_factory=dict)
    body: bytes = b""

    @property
    def error(self):
        return json.loads(self.body)["error"]


def connect(server, timeout=20):
    return socket.create_connection(("127.0.0.1", server.port), timeout=timeout)


def reset(connection):
    """Closes with a reset, as when a process is killed with data unread."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def head(method, path, *fields, version="HTTP/1.1", host="Host: localhost"):
    lines = [f"{method} {path} {version}", *([host] if host else []), *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def post(path, body, *fields):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head("POST", path, "Content-Type: application/json", f"Content-Length: {len(data)}",
                *fields) + data


class Reader:
    """Answers from a connection, one after the other; None when it was closed in between."""

    def __init__(self, connection):
        self.connection = connection
        self.buffer = b""

    def _receive(self):
        try:
            data = self.connection.recv(1 << 16)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        self.buffer += data
        return data

    def _take(self, count):
        while len(self.buffer) < count and self._receive():
            pass
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def line(self):
        while b"\r\n" not in self.buffer:
            if not self._receive():
                return None
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def chunks(self):
        while (size := self.line()) is not None and int(size, 16) > 0:
            yield self._take(int(size, 16))
            self._take(2)
        self.line()

    def answer(self, method="POST", stream=False):
        status = self.line()
        if status is None:
            return None
        assert status.startswith(b"HTTP/1.1 "), status
        answer = Answer(int(status.split(b" ")[1]))
        while line := self.line():
            name, _, value = line.decode("latin-1").partition(":")
            answer.headers[name.lower()] = value.strip()
        if answer.status == 100:
            return self.answer(method, stream)
        if method == "HEAD" or stream:
            return answer
        if answer.headers.get("transfer-encoding") == "chunked":
            answer.body = b"".join(self.chunks())
        else:
            answer.body = self._take(int(answer.headers.get("content-length", 0)))
        return answer

    def is_closed(self):
        """Waits for the end of the connection."""
        return self._take(1) == b""


def exchange(server, data, method="POST", timeout=20):
    """Sends bytes and reads one answer. None: the server closed the connection without a word."""
    with connect(server, timeout) as connection:
        try:
            connection.sendall(data)
        except (ConnectionResetError, BrokenPipeError):
            pass  # it answered before it had read everything
        return Reader(connection).answer(method)
