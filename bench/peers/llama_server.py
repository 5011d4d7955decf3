#!/usr/bin/env python3
"""Runs `chitu serve` and llama-server in turn on the same file and prints how they compare.

Started by bench/peers/llama_server.sh, which builds both. A round starts each server once, in the
opposite order of the round before, and measures it with `chitu bench serving` at each concurrency;
all random prompts differ, so that no server finds one in its cache. A ratio is that of one round;
shown are the median and the smallest and largest. All figures go into a JSON file after every round.
"""

import argparse
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from contestants import Failed, model_files, usable_cpus
from report import (ROOT, begin, broken_off, counts, from_one_to, head, in_turn, new_file, results_file,
                    spread, write)

START_SECONDS = 600
STOP_SECONDS = 30
BENCH_SECONDS = 3600
REQUESTS_PER_PLACE = 4  # of a run, for each that is sent at once
LEAST_REQUESTS = 8


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One contestant; a context in which it answers at `url`."""

    def __init__(self, options):
        self.options, self.process, self.log, self.url = options, None, None, None

    def __enter__(self):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        # pylint: disable=consider-using-with
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(list(map(str, self.command(port))), stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                self.log.seek(0)
                last = self.log.read().decode(errors="replace").strip().splitlines()[-3:]
                raise Failed(f"{self.name} ended with {self.process.returncode}: {' | '.join(last)}")
            try:
                with urllib.request.urlopen(self.url + self.ready_route, timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                pass  # not yet
            time.sleep(0.1)
        raise Failed(f"{self.name} was not ready within {START_SECONDS} s")

    def resident_mib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.M)[1]) // 1024


class ChituServer(Server):
    name = "chitu"
    ready_route = "/ready"

    def command(self, port):
        o = self.options
        return [o.chitu, "serve", f"models={o.model}", "serve.host=127.0.0.1", f"serve.port={port}",
                f"infer.num_threads={o.threads}", f"infer.max_reqs={o.parallel}",
                f"infer.max_seq_len={o.context}", *shlex.split(o.settings)]


class LlamaServer(Server):
    name = "llama-server"
    ready_route = "/health"

    def command(self, port):
        o = self.options
        return [o.cache / "build-llama-server/bin/llama-server", "-m", o.model, "--host", "127.0.0.1",
                "--port", port, "-t", o.threads, "--parallel", o.parallel,
                "-c", o.context * o.parallel, *shlex.split(o.llama_options)]


CONTESTANTS = (LlamaServer, ChituServer)


def measure(server, options, concurrency, seed):
    """The one result that `chitu bench serving` prints."""
    prompts = max(LEAST_REQUESTS, REQUESTS_PER_PLACE * concurrency)
    command = [options.chitu, "bench", "serving", "--base-url", server.url, "--endpoint", options.endpoint,
               "--concurrency", concurrency, "--num-prompts", prompts, "--warmup", 2,
               "--input-len", options.input_len, "--output-len", options.output_len, "--ignore-eos",
               "--seed", seed, "--json"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False,
                          timeout=BENCH_SECONDS)
    if done.returncode != 0:
        raise Failed(f"{server.name}: {done.stderr.strip() or done.stdout.strip()}")
    (result,) = json.loads(done.stdout)["results"]
    wanted = prompts * options.output_len
    if result["total_output_tokens"] != wanted:
        raise Failed(f"{server.name}: {result['total_output_tokens']} tokens came of {wanted} asked for")
    return result


def run_rounds(options, on_round):
    """{contestant: {concurrency: [a result for each round]}}"""
    results = {c.name: {n: [] for n in options.concurrency} for c in CONTESTANTS}
    for number in range(options.rounds):
        for contestant in in_turn(CONTESTANTS, number):
            with contestant(options) as server:
                for n in options.concurrency:
                    result = measure(server, options, n, number * 1000 + n)
                    results[server.name][n].append(result)
                    print(f"round {number + 1}, {n} at once: {server.name} "
                          f"{result['output_throughput']:.1f} tok/s, TTFT p50 {result['p50_ttft_ms']:.0f} ms",
                          file=sys.stderr)
                results[server.name][options.concurrency[-1]][-1]["peak_rss_mib"] = server.resident_mib()
        on_round(results)
    return results


def print_tables(results):
    ours, theirs = results["chitu"], results["llama-server"]
    for key, title, form in (("output_throughput", "output tok/s", ".1f"),
                             ("p50_ttft_ms", "TTFT p50, ms", ".0f"), ("p99_ttft_ms", "TTFT p99, ms", ".0f"),
                             ("p50_tpot_ms", "TPOT p50, ms", ".2f"), ("p99_itl_ms", "ITL p99, ms", ".2f")):
        print(f"\n| {title} | llama-server | chitu | chitu / llama-server |\n|---|--:|--:|--:|")
        for n in ours:
            # One token an answer has no time between tokens.
            a, b = ([r[key] for r in rows[n] if key in r] for rows in (ours, theirs))
            if not a or not b:
                continue
            ratios = [x / y for x, y in zip(a, b)]
            print(f"| {n} at once | {spread(b, form)} | {spread(a, form)} | {spread(ratios, '.2f')} |")
    print("\nTokens of a prompt, as each server counts them: " + ", ".join(
        f"{name} {rows[n][0]['total_input_tokens'] / rows[n][0]['completed']:.1f}"
        for name, rows in results.items() for n in list(rows)[:1]))


def read_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    user_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = os.environ.get("CHITU_BENCH_CACHE") or user_cache / "chitu-bench"
    parser.add_argument("--cache", type=Path, default=Path(cache))
    parser.add_argument("--chitu", type=Path, default=ROOT / "build/release/bin/chitu")
    parser.add_argument("--model", type=Path, help="a GGUF file (default: chitu's default model)")
    parser.add_argument("--rounds", type=from_one_to(10000), default=3)
    parser.add_argument("--threads", type=from_one_to(usable_cpus()), default=usable_cpus())
    parser.add_argument("--parallel", type=from_one_to(4096), default=16,
                        help="places for requests (%(default)s)")
    parser.add_argument("--concurrency", type=counts, default=[1, 4, 16], help="default: 1,4,16")
    parser.add_argument("--input-len", type=from_one_to(1_000_000), default=128, help="words (%(default)s)")
    parser.add_argument("--output-len", type=from_one_to(1_000_000), default=64, help="tokens (%(default)s)")
    parser.add_argument("--context", type=from_one_to(1_000_000),
                        help="tokens of a place (default: what the requests take)")
    parser.add_argument("--endpoint", choices=("chat", "completions"), default="completions")
    parser.add_argument("--settings", default="", help="of chitu serve")
    parser.add_argument("--llama-options", default="", help="of llama-server")
    parser.add_argument("--results", type=results_file, help="default: bench/results/<day>-<time>-server.json")
    options = parser.parse_args()
    for path in (options.chitu, options.cache / "build-llama-server/bin/llama-server"):
        if not os.access(path, os.X_OK):
            parser.error(f"{path}: no program; bench/peers/llama_server.sh --build-only makes it")
    try:
        options.model = (options.model or model_files(options.chitu)[0]).resolve()
    except Failed as error:
        parser.error(str(error))
    # Words of a prompt are about as many tokens; a template adds some.
    options.context = options.context or (options.input_len * 2 + options.output_len + 64 + 255) // 256 * 256
    options.results = options.results or new_file("server")
    return options


def main():
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server is left behind
    report = begin(model=options.model.name, threads=options.threads, parallel=options.parallel,
                   input_len=options.input_len, output_len=options.output_len, endpoint=options.endpoint,
                   settings=options.settings, llama_options=options.llama_options)
    built = options.cache / "build-llama-server/built.json"
    if built.is_file():
        report["llama_server"] = json.loads(built.read_text(encoding="utf-8"))

    def keep(results):
        report["results"] = results
        write(report, options.results)

    try:
        results = run_rounds(options, keep)
    except KeyboardInterrupt:
        print(broken_off("llama_server.py", options.results), file=sys.stderr)
        return 130
    except (Failed, OSError, subprocess.TimeoutExpired) as error:
        print(f"llama_server.py: error: {error}", file=sys.stderr)
        return 1
    print(f"{head(report)}, {options.threads} threads, "
          f"{options.parallel} places, {options.model.name}, prompts of {options.input_len} words, answers "
          f"of {options.output_len} tokens, {options.rounds} rounds.")
    print_tables(results)
    print(f"\nwritten: {options.results}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
