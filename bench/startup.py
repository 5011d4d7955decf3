#!/usr/bin/env python3
"""Prints how long the default model takes from process start to the first token, and its peak memory.

    bench/startup.py [--chitu build/release/bin/chitu] [--runs 10] [key=value ...]

The file is read once before, so that the page cache is warm. Time: that of `chitu bench startup`, from
before the process is made to the first byte of its answer. Memory: the peak of the resident set (the kernel's
ru_maxrss, with pages of mapped files) while a prompt fills the KV cache, against what it may be: the
file's size, the KV cache and 50 MB. Ends with 1 where time or memory are beyond their limits.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench/peers"))
from contestants import Failed, model_files, run  # noqa: E402
from report import from_one_to  # noqa: E402

LIMIT_SECONDS = 0.5
LIMIT_BEYOND = 50_000_000  # bytes, beside the file and the KV cache
UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def fill(command, prompt):
    """(peak bytes of memory, what it said on stderr)"""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as process:
        process.stdin.write(prompt.encode())
        process.stdin.close()
        said = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Failed(f"{' '.join(command)}: {said.strip()}")
    return usage.ru_maxrss * 1024, said


def planned(said):
    """The KV cache in bytes and its tokens, of the line that the program prints about its memory."""
    match = re.search(r"KV cache ([\d.]+) (\w+) for 1 x (\d+) tokens", said)
    if not match:
        raise Failed(f"found no plan of one request's memory in: {said.strip()}")
    return float(match[1]) * UNITS[match[2]], int(match[3])


def model_bytes(chitu, settings):
    """Size of the model's files, which are read, so that they are in the page cache."""
    files = model_files(chitu, settings)
    for file in files:
        with file.open("rb") as data:
            while data.read(1 << 24):
                pass
    return sum(file.stat().st_size for file in files)


def measure(options):
    size = model_bytes(options.chitu, options.settings)
    start = json.loads(run([options.chitu, "bench", "startup", "--iterations", options.runs, "--json",
                            *options.settings], here=True)[1])
    command = [options.chitu, "run", "request.max_new_tokens=1", "--raw", *options.settings]
    kv_bytes, kv_tokens = planned(fill(command, "a")[1])
    # One word is one token or more; the program refuses a prompt that does not fit.
    peak, said = fill(command, " ".join(["a"] * (kv_tokens - 8)))
    filled = int(re.search(r"prompt (\d+) tokens", said)[1])
    limit = size + kv_bytes + LIMIT_BEYOND

    median = start["p50_startup_s"]
    print(f"time to the first token: {median:.3f} s, median of {start['iterations']} runs "
          f"({start['min_startup_s']:.3f} to {start['max_startup_s']:.3f}); limit {LIMIT_SECONDS} s")
    print(f"peak memory: {peak / 1e6:.1f} MB with {filled} of {kv_tokens} tokens in the KV cache; limit "
          f"{limit / 1e6:.1f} MB (files {size / 1e6:.1f} MB, KV cache {kv_bytes / 1e6:.1f} MB, "
          f"{LIMIT_BEYOND / 1e6:.0f} MB)")
    return int(median > LIMIT_SECONDS or peak > limit)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chitu", default=str(ROOT / "build/release/bin/chitu"))
    parser.add_argument("--runs", type=from_one_to(10000), default=10, help="default: %(default)s")
    parser.add_argument("settings", nargs="*", metavar="key=value")
    options = parser.parse_args()
    try:
        return measure(options)
    except (Failed, OSError, subprocess.TimeoutExpired) as error:
        print(f"startup.py: error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
