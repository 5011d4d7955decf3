#!/usr/bin/env python3
"""All checks of `make lint`, one after the other; exits with 1 when any of them found something.

    scripts/lint.py [--jobs N] [--base COMMIT] [check ...]

clang-tidy takes seconds a file, so it reads only the files that changed since --base (by default
where the branch left origin/main, or else the last commit). It needs build/test configured.
"""

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from repo import CPP_SUFFIXES, ROOT, tracked_files

SCRIPTS = ROOT / "scripts"


def run(*command):
    """(passed, what it printed)"""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def git(*arguments):
    passed, out = run("git", *arguments)
    return out.strip() if passed else None


def check_format(_):
    files = [str(path) for path in tracked_files() if path.suffix in CPP_SUFFIXES]
    passed, out = run("clang-format-14", "--dry-run", "--Werror", *files) if files else (True, "")
    return passed, out if passed else out + "`make format` formats in place.\n"


def check_shell(_):
    files = [path for path in tracked_files() if path.suffix == ".sh" or path == Path(".ci/run")]
    return run("shellcheck", *map(str, files))


def changed_since(base):
    """Sources that differ from `base`, the working tree included; none in a first commit."""
    if base is None:
        head = git("rev-parse", "HEAD")
        base = git("merge-base", "HEAD", "origin/main")
        if base in (None, head):
            base = git("rev-parse", "--verify", "--quiet", "HEAD~1")
    if base is None:
        return []
    changed = set((git("diff", "--name-only", base) or "").splitlines())
    changed |= set((git("ls-files", "--others", "--exclude-standard") or "").splitlines())
    sources = (path for path in tracked_files() if path.suffix in CPP_SUFFIXES)
    return [path for path in sources if path.as_posix() in changed]


def check_tidy(options):
    database = ROOT / "build/test/compile_commands.json"
    if not database.exists():
        return False, "clang-tidy needs build/test: cmake --preset test\n"
    compiled = database.read_text(encoding="utf-8")
    # A header is read through the source beside it.
    wanted = {path.with_suffix(".cc") for path in changed_since(options.base)}
    files = sorted(str(ROOT / path) for path in wanted if f'{path.as_posix()}"' in compiled)
    if not files:
        return True, ""
    tidy = ["clang-tidy-19", "--quiet", "-p", str(database.parent)]
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda file: run(*tidy, file), files))
    # Without findings it still prints how many it suppressed.
    return all(passed for passed, _ in results), "".join(out for passed, out in results if not passed)


CHECKS = {
    "format": check_format,
    "layers": lambda _: run(sys.executable, str(SCRIPTS / "check_layers.py")),
    "sizes": lambda _: run(sys.executable, str(SCRIPTS / "check_sizes.py")),
    "links": lambda _: run(sys.executable, str(SCRIPTS / "check_links.py")),
    "shell": check_shell,
    "tidy": check_tidy,
}


def run_checks(options):
    """{name: passed}; prints one line a check, and the findings."""
    results = {}
    for name in options.checks or CHECKS:
        start = time.monotonic()
        passed, out = CHECKS[name](options)
        results[name] = passed
        print(f"lint {name}: {'ok' if passed else 'FAILED'} ({time.monotonic() - start:.1f} s)")
        print(out, end="", flush=True)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--base", help="clang-tidy reads what changed since this commit")
    parser.add_argument("checks", nargs="*", metavar="check", help=", ".join(CHECKS))
    options = parser.parse_args()
    for name in options.checks:
        if name not in CHECKS:
            parser.error(f"no check '{name}'; there are {', '.join(CHECKS)}")
    return 0 if all(run_checks(options).values()) else 1


if __name__ == "__main__":
    sys.exit(main())
