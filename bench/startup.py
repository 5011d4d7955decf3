#!/usr/bin/env python3
"""Prints how long the default model takes from process start to the first token, and its peak memory.

    bench/startup.py [--chitu build/release/bin/chitu] [--runs 10] [key=value ...]

The file is read once before, so that the page cache is warm. Time: of `chitu run`, from before the
process is made to the first byte of its answer. Memory: the peak of the resident set (the kernel's
ru_maxrss, with pages of mapped files) while a prompt fills the KV cache, against what it may be: the
file's size, the KV cache and 50 MB. Ends with 1 where time or memory are beyond their limits.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 0.5
LIMIT_BEYOND = 50_000_000  # bytes, beside the file and the KV cache
UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def run(command, prompt):
    """(seconds to the first byte of the answer, peak bytes of memory, what it said on stderr)"""
    started = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        process.stdin.write(prompt.encode())
        process.stdin.close()
        first = os.read(process.stdout.fileno(), 1)
        seconds = time.monotonic() - started
        process.stdout.read()
        said = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 or not first:
        raise SystemExit(f"startup.py: {' '.join(command)}: {said.strip()}")
    return seconds, usage.ru_maxrss * 1024, said


def planned(said):
    """The KV cache in bytes and its tokens, of the line that the program prints about its memory."""
    match = re.search(r"KV cache ([\d.]+) (\w+) for 1 x (\d+) tokens", said)
    if not match:
        raise SystemExit(f"startup.py: found no plan of one request's memory in: {said.strip()}")
    return float(match[1]) * UNITS[match[2]], int(match[3])


def model_bytes(chitu, settings):
    """Size of the model's files, which are read, so that they are in the page cache."""
    told = subprocess.run([chitu, "info", *settings], capture_output=True, text=True, check=True).stdout
    path = Path(re.search(r"^  files\s+(.*)$", told, re.M)[1])
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors"))
    for file in files:
        with file.open("rb") as data:
            while data.read(1 << 24):
                pass
    return sum(file.stat().st_size for file in files)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chitu", default=str(ROOT / "build/release/bin/chitu"))
    parser.add_argument("--runs", type=int, default=10, help="default: %(default)s")
    parser.add_argument("settings", nargs="*", metavar="key=value")
    options = parser.parse_args()

    size = model_bytes(options.chitu, options.settings)
    command = [options.chitu, "run", "request.max_new_tokens=1", *options.settings]
    runs = [run(command, "Why is the sky blue?") for _ in range(options.runs + 1)][1:]
    seconds = [time for time, _, _ in runs]
    kv_bytes, kv_tokens = planned(runs[0][2])
    # One word is one token or more; the program refuses a prompt that does not fit.
    _, peak, said = run([*command, "--raw"], " ".join(["a"] * (kv_tokens - 8)))
    filled = int(re.search(r"prompt (\d+) tokens", said)[1])
    limit = size + kv_bytes + LIMIT_BEYOND

    print(f"time to the first token: {statistics.median(seconds):.3f} s, median of {len(seconds)} runs "
          f"({min(seconds):.3f} to {max(seconds):.3f}); limit {LIMIT_SECONDS} s")
    print(f"peak memory: {peak / 1e6:.1f} MB with {filled} of {kv_tokens} tokens in the KV cache; limit "
          f"{limit / 1e6:.1f} MB (files {size / 1e6:.1f} MB, KV cache {kv_bytes / 1e6:.1f} MB, "
          f"{LIMIT_BEYOND / 1e6:.0f} MB)")
    return int(statistics.median(seconds) > LIMIT_SECONDS or peak > limit)


if __name__ == "__main__":
    sys.exit(main())
