"""How each program is told to measure the same thing, and how its answer is read.

A test is pp512 (a prompt), tg128 (decoding from an empty cache), tg128@2048 (decoding after that
many tokens), or tg64x16 (16 requests at once, each decoding 64 tokens after a prompt of 16).
"""

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

BATCH_PROMPT = 16
TIMEOUT_SECONDS = 1800


class Failed(Exception):
    """A program did not print the number it was asked for."""


def parse_test(test):
    """'tg128@2048' -> (0, 128, 2048, 1): tokens of prompt, of decoding, of depth; requests."""
    match = re.fullmatch(r"pp(\d+)|tg(\d+)(?:@(\d+)|x(\d+))?", test)
    if not match:
        raise ValueError(f"{test}: expected a test such as pp512, tg128, tg128@2048 or tg64x16")
    prompt, decode, depth, batch = (int(group or 0) for group in match.groups())
    if not (prompt or decode) or (match[4] and not batch):
        raise ValueError(f"{test}: expected at least one token and one request")
    return prompt, decode, BATCH_PROMPT if batch else depth, batch or 1


def run(command, here=False):
    """(everything it printed, standard output); `here`: its words may be paths from this folder."""
    with tempfile.TemporaryDirectory() as folder:  # some write a log where they are
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False,
                              timeout=TIMEOUT_SECONDS, cwd=None if here else folder)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: exit code {done.returncode}: "
                     + what_went_wrong(done.stderr.strip() or done.stdout.strip()))
    return done.stdout + done.stderr, done.stdout


def what_went_wrong(output):
    """The first line that speaks of an error, else the last."""
    lines = output.splitlines()
    return next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")


class Chitu:
    name = "chitu"

    def __init__(self, program, threads, settings=()):
        self.program, self.settings = Path(program), [f"infer.num_threads={threads}", *settings]

    def check_settings(self):
        """Failed, with chitu's own words, where it does not take the settings."""
        done = subprocess.run([self.program, "settings", *self.settings], capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            raise Failed(what_went_wrong(done.stderr.strip()))

    def measure(self, model, test):
        prompt, decode, depth, batch = parse_test(test)
        words = ["-p", prompt, "-n", decode, "-b", batch, "-d", max(depth, 1), "-r", 1]
        if depth > BATCH_PROMPT:
            words += ["--warmup", 0]  # the tokens before are warm-up enough
        _, out = run([self.program, "bench", *words, "--json", f"models={model}", *self.settings])
        return json.loads(out)["results"][0]["median_tokens_per_second"]

    def description(self):
        commit = subprocess.run(["git", "-C", self.program.parent, "describe", "--always", "--dirty"],
                                capture_output=True, text=True, check=False).stdout.strip()
        return {"commit": commit, "settings": self.settings}


class LlamaCpp:
    """llama-bench, which warms up by itself, and llama-batched-bench."""

    name = "llama.cpp"
    folder = "build-llama"
    options = ()  # of llama-bench
    batched_options = ()

    def __init__(self, cache, threads):
        self.bin = Path(cache) / self.folder / "bin"
        self.threads = threads

    def measure(self, model, test):
        prompt, decode, depth, batch = parse_test(test)
        if batch > 1:
            return self.measure_batch(model, decode, batch)
        _, out = run([self.bin / "llama-bench", "-m", model, "-t", self.threads, "-r", 1, "-o", "json",
                      *self.options, *self.words(prompt, decode, depth)])
        return json.loads(out[out.index("["):])[0]["avg_ts"]

    def words(self, prompt, decode, depth):
        return ["-p", prompt, "-n", decode, "-d", depth]

    def measure_batch(self, model, decode, batch):
        out, _ = run([self.bin / "llama-batched-bench", "-m", model, "-t", self.threads,
                      "-c", batch * (BATCH_PROMPT + decode), "-npp", BATCH_PROMPT, "-ntg", decode,
                      "-npl", batch, *self.batched_options])
        # | PP | TG | B | N_KV | T_PP s | S_PP t/s | T_TG s | S_TG t/s | T s | S t/s |
        for line in out.splitlines():
            cells = [cell.strip() for cell in line.split("|")[1:-1]]
            if cells[:3] == [str(BATCH_PROMPT), str(decode), str(batch)]:
                return float(cells[7])
        raise Failed(f"llama-batched-bench printed no row for {batch} sequences")

    def description(self):
        return {**json.loads((self.bin.parent / "built.json").read_text(encoding="utf-8")),
                "options": list(self.options), "batched_options": list(self.batched_options)}


class IkLlamaCpp(LlamaCpp):
    name = "ik_llama.cpp"
    folder = "build-ik"
    # Its flash attention ends version 0.1.5 of the package at several sequences ("GGML_ASSERT(S > 0)
    # failed").
    batched_options = ("-no-fa",)

    def words(self, prompt, decode, depth):
        if depth:
            return ["-p", 0, "-n", 0, "-gp", f"{depth},{decode}"]
        return ["-p", prompt, "-n", decode]


class IkRepacked(IkLlamaCpp):
    """With weights rearranged at load, which it does not do unless asked."""

    name = "ik_llama.cpp -rtr"
    options = ("-rtr", 1)
    batched_options = ("-no-fa", "-rtr")


PEERS = {peer.name: peer for peer in (LlamaCpp, IkLlamaCpp, IkRepacked)}


def model_files(program, settings=()):
    """Those of the model that chitu takes with the settings, as `chitu info` names them."""
    told, _ = run([program, "info", *settings], here=True)
    path = Path(re.search(r"^  files\s+(.*)$", told, re.M)[1])
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors"))
    if not files:
        raise Failed(f"{path}: there are no weights; `chitu pull` fetches the default model's")
    return files


def measure_ceilings(program, threads):
    """{"bandwidth": {...}, "arithmetic": {...}} for that many threads."""
    _, out = run([program, "--threads", threads, "--json"])
    return json.loads(out)["threads"][str(threads)]


def usable_cpus():
    return len(os.sched_getaffinity(0))
