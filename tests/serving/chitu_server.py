"""`chitu serve` as a process of a test: started, watched and ended for sure."""

import ctypes
import json
import os
import re
import resource
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "models/tiny-random"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
DEFAULT_MODEL = CACHE / "chitu/models/SmolLM2-135M-Instruct.Q4_1.gguf"

# What must never appear on the server's standard error.
CRASH = re.compile(
    r"Sanitizer|runtime error:|terminate called|CHECK failed|check failed|Segmentation fault|"
    r"caught an exception|Assertion|core dumped", re.IGNORECASE)

PR_SET_PDEATHSIG = 1


def find_program():
    if os.environ.get("CHITU"):
        return Path(os.environ["CHITU"]).resolve()
    for preset in ("test", "release", "dev"):
        path = ROOT / "build" / preset / "bin/chitu"
        if path.exists():
            return path
    raise FileNotFoundError("no chitu under build/: build it, or name it in CHITU")


def die_with_parent():
    """In the child: killed with the tests, whatever ends them."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def raise_file_limit():
    """For thousands of sockets; as far as the system lets us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Server:
    """A running server. Leave it with `with`: that ends it and looks at how it ended."""

    def __init__(self, folder, *settings, model=TINY, key=None, ready_timeout=120):
        self.key = key
        self.errors_path = Path(folder) / f"serve-{time.monotonic_ns()}.log"
        keep = ("PATH", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")
        env = {name: os.environ[name] for name in keep if name in os.environ}
        env.update(HOME=str(folder), XDG_CACHE_HOME=str(Path(folder) / "cache"))
        with open(self.errors_path, "wb") as errors:
            self.process = subprocess.Popen(
                [str(find_program()), "serve", f"models={model}", "serve.port=0",
                 *map(str, settings)],
                stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, cwd=folder, env=env,
                preexec_fn=die_with_parent)
        self.port = None
        self.ended = False
        self.is_tls = any(str(word).startswith("serve.tls_cert=") for word in settings)
        try:
            self._wait_until_ready(ready_timeout)
        except BaseException:
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None and not self.ended:
            self.stop()
        self.kill()

    @property
    def url(self):
        return f"{'https' if self.is_tls else 'http'}://127.0.0.1:{self.port}"

    def _wait_until_ready(self, timeout):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            log = self.log()
            assert self.process.poll() is None, f"the server ended while it started:\n{log}"
            match = re.search(r"listening on https?://\S+:(\d+)", log)
            if match:
                self.port = int(match[1])
                # With TLS the certificate is a test's own business.
                if self.is_tls and re.search(r"^ready: ", log, re.MULTILINE):
                    return
                if not self.is_tls and self._is_ready():
                    return
            time.sleep(0.02)
        raise TimeoutError(f"the server was not ready within {timeout} s:\n{self.log()}")

    def _is_ready(self):
        try:
            return self.get("/ready")[0] == 200
        except OSError:  # it ends at this moment: the loop says with what words
            return False

    def log(self):
        return self.errors_path.read_text(errors="replace")

    def get(self, path, headers=None):
        """(status, body) of a GET, without any library's opinion."""
        return self._open(urllib.request.Request(self.url + path, headers=headers or {}))

    def post(self, path, body, headers=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._open(urllib.request.Request(
            self.url + path, data=data,
            headers={"Content-Type": "application/json", **(headers or {})}))

    def _open(self, request):
        if self.key and not request.has_header("Authorization"):
            request.add_header("Authorization", f"Bearer {self.key}")
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def json(self, path, body=None):
        status, text = self.get(path) if body is None else self.post(path, body)
        assert status == 200, (status, text)
        return json.loads(text)

    def metrics(self):
        """Samples by name, those of all labels together."""
        status, text = self.get("/metrics")
        assert status == 200, text
        values = {}
        for line in text.decode().splitlines():
            if line.startswith("#") or not line.strip():
                continue
            name, value = re.fullmatch(r"(\S+?)(?:\{.*\})? (\S+)", line).groups()
            values[name] = values.get(name, 0.0) + float(value)
        return values

    def metric(self, name):
        return self.metrics()[name]

    def memory(self):
        """Resident bytes; 0 with a sanitizer, which keeps what the program gives back."""
        if re.search(r"/lib[at]san\.so", Path(f"/proc/{self.process.pid}/maps").read_text()):
            return 0
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) * 1024

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait_until(self, condition, timeout=10):
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def assert_idle(self, timeout=10):
        """Nothing runs, waits or holds a block of the cache: every request was ended in full."""
        assert self.process.poll() is None, self.log()
        names = ("vllm:num_requests_running", "vllm:num_requests_waiting",
                 "vllm:kv_cache_usage_perc")
        idle = self.wait_until(lambda: not any(map(self.metrics().get, names)), timeout)
        assert idle, {name: self.metric(name) for name in names}

    def stop(self):
        """Ends it as an operator does, and checks that it ended well."""
        try:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            self.assert_ended()
        finally:
            self.kill()

    def assert_ended(self, timeout=60, code=0):
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end within {timeout} s:\n{self.log()}") from None
        log = self.log()
        assert self.process.returncode == code, (self.process.returncode, log)
        assert not CRASH.search(log), log
        self.ended = True

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
