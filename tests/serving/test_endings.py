"""How a server lives and ends when its standard error is of no use, or its engine hangs."""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from chitu_server import TINY, Server, die_with_parent, find_program
from raw_http import Reader, connect, exchange, head, post

LONG = {"prompt": "The river", "max_tokens": 1500, "ignore_eos": True, "stream": True}


class Mute:
    """A server whose log nobody can read: its port is chosen here."""

    def __init__(self, folder, errors):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [str(find_program()), "serve", f"models={TINY}", f"serve.port={self.port}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)}, preexec_fn=die_with_parent)

    def wait_until_ready(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.process.returncode
            with contextlib.suppress(OSError):
                if exchange(self, head("GET", "/ready")).status == 200:
                    return
            time.sleep(0.02)
        raise TimeoutError

    def end_while_it_streams(self):
        """SIGTERM in the middle of a stream: the stream comes to its end, then the process."""
        connection = connect(self)
        connection.sendall(post("/v1/completions", LONG))
        reader = Reader(connection)
        assert reader.answer(stream=True).status == 200
        chunks = reader.chunks()
        next(chunks)
        self.process.send_signal(signal.SIGTERM)
        assert b"".join(chunks).endswith(b"data: [DONE]\n\n")
        connection.close()
        assert self.process.wait(30) == 0


@pytest.fixture
def mute(tmp_path):
    made = []

    def make(errors):
        made.append(Mute(tmp_path, errors))
        return made[-1]
    yield make
    for server in made:
        server.process.kill()
        server.process.wait()


def test_a_full_disk_for_standard_error(mute):
    with open("/dev/full", "wb") as full:
        server = mute(full)
    server.wait_until_ready()
    server.end_while_it_streams()


def test_nobody_reads_standard_error_any_more(mute):
    reading, writing = os.pipe()
    server = mute(writing)
    os.close(writing)
    assert b"listening" in os.read(reading, 4096)
    os.close(reading)
    server.wait_until_ready()
    server.end_while_it_streams()


def test_standard_error_is_a_full_pipe(mute):
    reading, writing = os.pipe()
    server = mute(writing)
    server.wait_until_ready()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(1))
    # The description is the server's, too: there a write waits as before.
    os.set_blocking(writing, True)
    server.end_while_it_streams()
    os.close(reading)
    os.close(writing)


PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


def reap(threads):
    """What is traced and has ended is not gone before its tracer takes note, and its process neither."""
    left = set(threads)
    deadline = time.monotonic() + 10
    while left and time.monotonic() < deadline:
        for thread in list(left):
            try:
                if os.waitpid(thread, WALL | os.WNOHANG)[0] == thread:
                    left.remove(thread)
            except ChildProcessError:  # not traced, or not any more
                left.remove(thread)
        time.sleep(0.01)


@contextlib.contextmanager
def all_threads_but_the_first_stopped(pid):
    """The engine hangs, while the thread of the connections goes on."""
    libc = ctypes.CDLL(None, use_errno=True)
    threads = [int(path.name) for path in Path(f"/proc/{pid}/task").iterdir()]
    threads.remove(pid)
    try:
        for thread in threads:
            if libc.ptrace(PTRACE_SEIZE, thread, None, None) != 0:
                pytest.skip(f"ptrace: {os.strerror(ctypes.get_errno())}")
            libc.ptrace(PTRACE_INTERRUPT, thread, None, None)
            os.waitpid(thread, WALL)
        yield threads
    finally:
        for thread in threads:
            libc.ptrace(PTRACE_DETACH, thread, None, None)
        reap(threads)


@pytest.mark.parametrize("timeout", [1, 60])
def test_a_step_that_hangs_does_not_keep_the_program(tmp_path, timeout):
    """It is ended when it counts as stuck; before, a second signal ends it, as always."""
    settings = ("serve.grace_period_s=0.2", f"serve.step_timeout_s={timeout}")
    with Server(tmp_path, *settings) as server:
        connection = connect(server)
        connection.sendall(post("/v1/completions", LONG))
        reader = Reader(connection)
        assert reader.answer(stream=True).status == 200
        next(reader.chunks())
        with all_threads_but_the_first_stopped(server.process.pid) as threads:
            server.process.send_signal(signal.SIGTERM)
            assert server.wait_until(lambda: "cut short" in server.log())
            if timeout > 1:
                time.sleep(0.2)
                assert server.process.poll() is None
                server.process.send_signal(signal.SIGTERM)
            reap(threads)
        server.assert_ended(timeout=10, code=128 + signal.SIGTERM if timeout > 1 else 1)
        assert ("stuck" in server.log()) == (timeout == 1)
        connection.close()


def test_as_many_files_as_the_system_allows(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
    try:
        server = Server(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with server:
        limits = Path(f"/proc/{server.process.pid}/limits").read_text()
        line = next(line for line in limits.splitlines() if line.startswith("Max open files"))
        assert line.split()[3] == line.split()[4]


def test_lines_of_the_access_log_that_are_lost(tmp_path):
    with Server(tmp_path, "serve.access_log=/dev/full") as server:
        server.get("/version")
        assert server.wait_until(lambda: "serve.access_log" in server.log())
        assert server.metric("chitu:access_log_lines_dropped_total") > 0
