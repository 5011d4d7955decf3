"""A server that speaks enough of OpenAI's API to be measured, and that can be told to misbehave."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class OpenAiLike(ThreadingHTTPServer):
    """Answers each POST with `tokens` pieces of text, `delay` seconds apart. `behave(number, request)`
    may answer in place of that: it is given the count of requests before and the handler."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, tokens=5, delay=0.0, behave=None, usage=True):
        super().__init__(("127.0.0.1", 0), Handler)
        self.tokens, self.delay, self.behave, self.usage = tokens, delay, behave, usage
        self.lock = threading.Lock()
        self.bodies, self.headers, self.running, self.most, self.connections = [], [], 0, 0, 0
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """Clients that go away are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 0
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def log_message(self, *_):
        pass

    def answer(self, status, body, content_type="application/json", headers=()):
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def begin_stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data):
        data = data.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def event(self, value):
        self.chunk(f"data: {json.dumps(value)}\n\n")

    def end_stream(self):
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self):
        if self.path == "/v1/models":
            self.answer(200, json.dumps({"object": "list", "data": [{"id": "small"}]}))
        else:
            self.answer(404, json.dumps({"error": {"message": "no such route"}}))

    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            number = len(server.bodies)
            server.bodies.append((self.path, body))
            server.headers.append(dict(self.headers))
            server.running += 1
            server.most = max(server.most, server.running)
        try:
            if not (server.behave and server.behave(number, self)):
                self.stream(body)
        finally:
            with server.lock:
                server.running -= 1

    def stream(self, body):
        server = self.server
        chat = self.path.endswith("/chat/completions")
        self.begin_stream()
        if chat:
            self.event({"choices": [{"delta": {"role": "assistant", "content": ""}}]})
        for _ in range(server.tokens):
            time.sleep(server.delay)
            self.event({"choices": [{"delta": {"content": "a"}} if chat else {"text": "a"}]})
        self.event({"choices": [{"delta": {}, "text": "", "finish_reason": "length"}]})
        if server.usage:
            words = body["messages"][0]["content"] if chat else body["prompt"]
            self.event({"choices": [], "usage": {"prompt_tokens": len(words.split()),
                                                 "completion_tokens": server.tokens}})
        self.chunk("data: [DONE]\n\n")
        self.end_stream()
