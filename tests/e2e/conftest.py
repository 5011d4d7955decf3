"""Runs the built program from outside, as a user does."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "models/tiny-random"


def find_program():
    if os.environ.get("CHITU"):
        return Path(os.environ["CHITU"]).resolve()
    for preset in ("test", "release", "dev"):
        path = ROOT / "build" / preset / "bin/chitu"
        if path.exists():
            return path
    pytest.exit("no chitu under build/: build it, or name it in CHITU", returncode=2)
    return None


class Chitu:
    """Calls the program in an environment of its own: nothing is read from or left in the user's."""

    def __init__(self, folder):
        self.program = find_program()
        self.folder = folder
        keep = ("PATH", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS")
        self.env = {key: os.environ[key] for key in keep if key in os.environ}
        self.env.update(HOME=str(folder), XDG_CACHE_HOME=str(folder / "cache"), TERM="xterm")

    def __call__(self, *words, stdin="", stdout=subprocess.PIPE, env=None, timeout=60):
        return subprocess.run([str(self.program), *map(str, words)], input=stdin, text=True,
                              stdout=stdout, stderr=subprocess.PIPE, timeout=timeout, check=False,
                              cwd=self.folder, env={**self.env, **(env or {})})

    def start(self, *words):
        return subprocess.Popen([str(self.program), *map(str, words)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder,
                                env=self.env)

    def tiny(self, command, *words, **options):
        """With the tiny model of the repository."""
        return self(command, f"models={TINY}", *words, **options)


@pytest.fixture
def chitu(tmp_path):
    return Chitu(tmp_path)


def assert_error(result, *parts, code=1):
    """One line on standard error, with every part, and nothing that looks like a crash."""
    assert result.returncode == code, result.stderr
    lines = result.stderr.strip().splitlines()
    errors = [line for line in lines if line.startswith("chitu: error: ")]
    assert len(errors) == 1, result.stderr
    for part in parts:
        assert part in errors[0], result.stderr
