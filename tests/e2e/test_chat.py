"""`chitu chat`, through a pipe and on a terminal."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import pytest
from conftest import TINY, assert_error

SHORT = "request.max_new_tokens=8"


def test_a_piped_conversation(chitu):
    result = chitu.tiny("chat", SHORT, stdin="Hello\nAnd again\n")
    assert result.returncode == 0, result.stderr
    assert "> " not in result.stdout, "no prompt in a pipe"
    assert len(result.stdout.splitlines()) >= 2


def test_answers_depend_on_what_was_said_before(chitu):
    first = chitu.tiny("chat", SHORT, stdin="Hello\n").stdout
    both = chitu.tiny("chat", SHORT, stdin="Hello\nHello\n").stdout
    assert both.startswith(first)
    assert both != first * 2
    assert chitu.tiny("chat", SHORT, stdin="Hello\n/reset\nHello\n").stdout == first * 2
    assert chitu.tiny("chat", SHORT, stdin="Hello\n/undo\nHello\n").stdout == first * 2


def test_slash_commands(chitu):
    result = chitu.tiny("chat", SHORT, stdin="/help\n/hlep\n/nothing\n/stats\n/quit\nHello\n")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "/regen" in result.stderr
    assert "chitu: error: standard input:2: unknown command /hlep (did you mean /help?)" in result.stderr
    assert "unknown command /nothing" in result.stderr
    assert "of 2048 tokens" in result.stderr


@pytest.mark.parametrize("line, part", [
    (b"/nothing", "unknown command /nothing"),
    (b"/load /no/such/file", "/no/such/file: no such file"),
    (b"/load", "/load needs a file"),
    (b"/set infer.tp_size=1", "cannot be changed"),
    (b"/undo", "nothing to take back"),
    (b"caf\xe9", "not valid UTF-8: byte 4 is 0xe9"),
    (b"word " * 600, "infer.max_seq_len=48"),
])
def test_a_script_learns_of_every_error(chitu, line, part):
    lines = (b"/stats\n" + line + b"\nHello\n").decode("utf-8", "surrogateescape")
    result = subprocess.run([chitu.program, "chat", f"models={TINY}", SHORT, "infer.max_seq_len=48"],
                            input=lines.encode("utf-8", "surrogateescape"), capture_output=True,
                            timeout=60, check=False, env=chitu.env)
    assert result.returncode == 1
    assert "chitu: error: standard input:2: " in result.stderr.decode()
    assert part in result.stderr.decode()
    assert len(result.stdout) > 1, "the lines after it are answered"


def test_what_cut_an_answer_is_named(chitu):
    words = ("infer.stop_with_eos=False",)
    assert "(request.max_new_tokens=8 has ended the answer)" in chitu.tiny(
        "chat", SHORT, *words, stdin="Hello\n").stderr
    assert "(infer.max_seq_len=48 has ended the answer)" in chitu.tiny(
        "chat", "infer.max_seq_len=48", *words, stdin="Hello\n").stderr
    result = chitu.tiny("run", "Hello", SHORT, *words)
    assert "(length: request.max_new_tokens=8)" in result.stderr


def test_the_same_answer_again_is_explained(chitu):
    cold = chitu.tiny("chat", SHORT, stdin="Hello\n/regen\n")
    assert "the temperature is 0, so the seed changes nothing" in cold.stderr
    warm = chitu.tiny("chat", SHORT, "request.temperature=1", stdin="Hello\n/regen\n")
    assert warm.returncode == 0 and "seed" not in warm.stderr


def test_system_message(chitu):
    plain = chitu.tiny("chat", SHORT, stdin="Hello\n").stdout
    option = chitu.tiny("chat", SHORT, "--system", "Be brief.", stdin="Hello\n").stdout
    command = chitu.tiny("chat", SHORT, stdin="/system Be brief.\nHello\n").stdout
    assert plain != option == command
    removed = chitu.tiny("chat", SHORT, "--system", "Be brief.", stdin="/system -\nHello\n").stdout
    assert removed == plain


def test_set_and_regenerate(chitu):
    result = chitu.tiny("chat", SHORT, stdin="/set request.max_new_tokens=1\nHello\n/stats\n"
                        "/set infer.tp_size=1\n/set request.top_k=x\n/set nothing\n/set\n")
    assert "answer 1 token " in result.stderr
    assert result.returncode == 1
    assert "infer.tp_size cannot be changed while the model is loaded" in result.stderr
    assert "request.top_k=x: expected integer" in result.stderr
    assert "request.max_new_tokens=1" in result.stderr

    warm = chitu.tiny("chat", SHORT, "request.temperature=1.5", stdin="Hello\n/regen\n").stdout
    lines = warm.splitlines()
    assert lines[: len(lines) // 2] != lines[len(lines) // 2:]


def test_save_and_load(chitu, tmp_path):
    saved = tmp_path / "talk.json"
    chitu.tiny("chat", SHORT, "--system", "Be brief.", stdin=f"Hello\n/save {saved}\n")
    messages = json.loads(saved.read_text())["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant"]
    through = chitu.tiny("chat", SHORT, "--system", "Be brief.", stdin="Hello\nNext\n").stdout
    for words, first in ((["--load", saved], ""), ([], f"/load {saved}\n")):
        resumed = chitu.tiny("chat", SHORT, *words, stdin=f"{first}Next\n").stdout
        assert through.endswith(resumed) and resumed
    result = chitu.tiny("chat", stdin="/save /no/such/folder/x\n/load /no/such/file\n")
    assert result.returncode == 1
    assert result.stderr.count("chitu: error: ") == 2
    assert_error(chitu.tiny("chat", "--load", "/no/such/file"), "/no/such/file")


def test_a_message_of_several_lines(chitu, tmp_path):
    saved = tmp_path / "talk.json"
    result = chitu.tiny("chat", SHORT, stdin=f"/system Be brief.\n/save {saved}\none\\\ntwo\n"
                        f"/save {saved}\n/load {saved}\n")
    assert f"1 message in {saved}\n" in result.stderr
    assert f"3 messages in {saved}\n" in result.stderr
    assert f"3 messages from {saved}\n" in result.stderr
    assert json.loads(saved.read_text())["messages"][1]["content"] == "one\ntwo"


def test_a_conversation_that_is_too_long(chitu):
    result = chitu.tiny("chat", "infer.max_seq_len=48", SHORT,
                        stdin="Hello\n" + "word " * 60 + "\nHello\n")
    assert_error(result, "standard input:2: ", "infer.max_seq_len=48", "/undo or /reset makes room")


class Terminal:
    """The program on a pseudo-terminal."""

    def __init__(self, chitu, *words):
        self.master, slave = pty.openpty()
        mode = termios.tcgetattr(slave)
        mode[3] |= termios.NOFLSH  # Ctrl-C discards no output that the test waits for
        termios.tcsetattr(slave, termios.TCSANOW, mode)
        self.process = subprocess.Popen([str(chitu.program), *map(str, words)], stdin=slave,
                                        stdout=slave, stderr=slave, env=chitu.env,
                                        cwd=chitu.folder, start_new_session=True,
                                        preexec_fn=lambda: make_controlling(slave))
        os.close(slave)
        self.seen = ""

    def send(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern, timeout=20):
        """Waits until the output since the last match has the pattern."""
        end = time.monotonic() + timeout
        while not (match := re.search(pattern, self.seen)):
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            assert ready, f"no {pattern!r} in {self.seen!r}"
            try:
                self.seen += os.read(self.master, 65536).decode("utf-8", "replace")
            except OSError as error:  # the program has ended
                raise AssertionError(f"no {pattern!r} in {self.seen!r}") from error
        found, self.seen = self.seen[: match.end()], self.seen[match.end():]
        return found

    def prompt(self):
        """Waits until a line can be typed: the prompt is shown a moment before the line editor takes
        the terminal over, and until then Ctrl-C would be a signal."""
        seen = self.expect("> $")
        end = time.monotonic() + 20
        while termios.tcgetattr(self.master)[3] & termios.ICANON:
            assert time.monotonic() < end, "the line editor does not start"
            time.sleep(0.005)
        return seen

    def wait(self, timeout=20):
        """Reads what is left, so that the program can write it, and returns the exit code."""
        end = time.monotonic() + timeout
        while self.process.poll() is None and time.monotonic() < end:
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    os.read(self.master, 65536)
                except OSError:
                    break
        return self.process.wait(timeout=timeout)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


def make_controlling(slave):
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


@pytest.fixture
def terminal(chitu):
    opened = []

    def start(*words):
        opened.append(Terminal(chitu, *words))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


LONG = ("request.max_new_tokens=2000", "infer.stop_with_eos=False", "infer.max_seq_len=2048")


def test_ctrl_c_stops_the_answer_and_not_the_program(terminal):
    chat = terminal("chat", f"models={TINY}", *LONG)
    chat.expect("/help lists the commands")
    chat.prompt()
    # The tiny model is quick: on a busy machine its answer may end before Ctrl-C arrives.
    for _ in range(10):
        chat.send("Hello\r")
        chat.expect("Hello\r\n.")
        chat.send("\x03")
        stopped = "(stopped)" in chat.expect(r"\((stopped|request.max_new_tokens=2000 has ended the answer)\)")
        chat.prompt()
        if stopped:
            break
        chat.send("/reset\r")
        chat.prompt()
    assert stopped
    chat.send("/stats\r")
    chat.expect(r"\(cancelled\)")
    chat.send("/quit\r")
    assert chat.wait() == 0


def test_ctrl_c_between_answers_does_no_harm(terminal):
    chat = terminal("chat", f"models={TINY}", "request.max_new_tokens=1")
    chat.prompt()
    for _ in range(20):
        os.kill(chat.process.pid, signal.SIGINT)
        chat.send("Hello\r")
        os.kill(chat.process.pid, signal.SIGINT)
        chat.prompt()
    chat.send("/quit\r")
    assert chat.wait() == 0


def test_ctrl_c_drops_the_line_and_ctrl_d_leaves(terminal):
    chat = terminal("chat", f"models={TINY}", SHORT)
    chat.prompt()
    chat.send("half a line")
    chat.expect("half a line")
    chat.send("\x03")
    chat.prompt()
    chat.send("/set\r")
    chat.expect("request.temperature=auto")
    chat.prompt()
    chat.send("\x04")
    assert chat.wait() == 0


def test_the_history_comes_back(terminal):
    chat = terminal("chat", f"models={TINY}", SHORT)
    chat.prompt()
    chat.send("/system Remember me\r")
    chat.prompt()
    chat.send("/quit\r")
    assert chat.wait() == 0
    again = terminal("chat", f"models={TINY}", SHORT)
    again.prompt()
    again.send("\x1b[A\x1b[A")
    again.expect("/system Remember me")


def test_the_history_may_lie_elsewhere_or_nowhere(chitu, terminal, tmp_path):
    default = tmp_path / "cache/chitu/chat_history"
    for setting, kept in ((str(tmp_path / "elsewhere/lines"), True), ("", False)):
        chitu.env["CHITU_HISTORY"] = setting
        chat = terminal("chat", f"models={TINY}", SHORT)
        chat.prompt()
        chat.send("/system Remember me\r")
        chat.prompt()
        chat.send("/quit\r")
        assert chat.wait() == 0
        assert (tmp_path / "elsewhere/lines").exists() == kept
        if kept:
            (tmp_path / "elsewhere/lines").unlink()
        assert not default.exists()


def test_pasted_lines_are_one_message(terminal, tmp_path):
    saved = tmp_path / "talk.json"
    chat = terminal("chat", f"models={TINY}", SHORT)
    chat.expect("\x1b\\[\\?2004h")
    chat.prompt()
    chat.send("See: \x1b[200~one\rzwei \u00fc\r\x1b[201~\r")
    chat.prompt()
    chat.send(f"/save {saved}\r")
    chat.expect("2 messages in")
    assert json.loads(saved.read_text())["messages"][0]["content"] == "See: one\nzwei \u00fc"
    chat.send("/quit\r")
    assert chat.wait() == 0


def test_a_dumb_terminal_gets_no_escape_sequences(chitu, terminal):
    chitu.env["TERM"] = "dumb"
    run = terminal("run", f"models={TINY}", "Hello", SHORT)
    assert "\x1b" not in run.expect("tok/s")


def test_a_file_of_prompts_shows_progress(terminal, tmp_path):
    (tmp_path / "prompts.txt").write_text("Hello\n" * 200)
    run = terminal("run", f"models={TINY}", "-f", tmp_path / "prompts.txt", "-o", tmp_path / "out",
                   "request.max_new_tokens=64", "infer.stop_with_eos=False")
    run.expect(r"answering \[#*\.+\] \d+ of 200")
    run.expect("200 of 200 prompts answered")
    assert run.wait() == 0


def test_bench_shows_progress(terminal):
    bench = terminal("bench", f"models={TINY}", "-p", "64", "-n", "64", "-r", "100")
    bench.expect(r"timing \[#*\.+\] \d+ of 202")
    bench.expect(r"\| tg64 ")
    assert bench.wait() == 0


def test_ctrl_c_ends_run_with_130(terminal):
    codes = []
    for _ in range(10):
        run = terminal("run", f"models={TINY}", "Hello", *LONG)
        run.expect("memory: ")
        run.expect("\n.")
        run.send("\x03")
        codes.append(run.wait())
        if codes[-1] != 0:  # 0: the answer was complete before Ctrl-C arrived
            break
    assert codes[-1] in (130, -signal.SIGINT)


def test_no_color_is_respected(chitu, terminal):
    run = terminal("run", f"models={TINY}", "Hello", SHORT)
    run.expect("\x1b\\[2m")
    assert run.wait() == 0
    chitu.env["NO_COLOR"] = "1"
    run = terminal("run", f"models={TINY}", "Hello", SHORT)
    seen = run.expect("tok/s")
    assert "\x1b[2m" not in seen
