#!/usr/bin/env python3
"""Compares chitu's tokenizers with the Python libraries on the corpus, id for id.

    compare.py TOKENIZE_CORPUS [family ...]

TOKENIZE_CORPUS is the program of that name (build/test/src/text/tokenize_corpus). Prints a line per
family, with both speeds; the exit status is 1 when one differs.
"""

import random
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import corpus
from families import FAMILIES


def with_special(family):
    """Texts around the family's special tokens."""
    rng = random.Random(7)
    pieces = [*family.special[:12], *family.special[-4:], " ", "  ", "\n", "a", "word", " kept", "kept", "<r>", "<"]
    texts = ["".join(rng.choices(pieces, k=rng.randint(1, 12))) for _ in range(400)]
    return [text.encode() for text in texts]


def run_ours(program, family, documents, plain, folder):
    packed, out = folder / "corpus", folder / "out"
    packed.write_bytes(b"".join(struct.pack("<I", len(doc)) + doc for doc in documents))
    command = [program, family.path, packed, out] + (["--plain"] if plain else [])
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{family.name}: {done.stderr}")
    return unpack(out.read_bytes(), len(documents)), done.stdout.strip()


def unpack(data, count):
    at, results = 0, []
    for _ in range(count):
        (length,) = struct.unpack_from("<I", data, at)
        ids = list(struct.unpack_from(f"<{length}i", data, at + 4))
        at += 4 + 4 * length
        (length,) = struct.unpack_from("<I", data, at)
        results.append((ids, data[at + 4 : at + 4 + length].decode()))
        at += 4 + length
    assert at == len(data)
    return results


def first_difference(ours, theirs):
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    return f"at {at}: {ours[at:at+6]} instead of {theirs[at:at+6]}"


def compare(program, family, documents, plain, folder):
    """The number of documents that differ, and a line about speed."""
    texts = [doc.decode("utf-8", "replace") for doc in documents]
    results, ours = run_ours(program, family, documents, plain, folder)
    start = time.monotonic()
    expected = family.encode(texts, plain)
    speed = sum(map(len, documents)) / (time.monotonic() - start) / 1e6
    differing = 0
    for text, (ids, decoded), theirs in zip(texts, results, expected):
        if ids != theirs:
            problem = f"ids {first_difference(ids, theirs)}"
        elif decoded != family.decode(theirs):
            problem = f"decoded {first_difference(decoded, family.decode(theirs))!r}"
        else:
            continue
        differing += 1
        if differing <= 5:
            print(f"  {family.name}: {text[:60]!r}: {problem}")
    return differing, f"{ours}, oracle {speed:.1f} MB/s"


def check(program, build, documents, folder):
    family = build(folder)
    documents = [doc[: family.longest] for doc in documents]
    differing = 0
    if not family.plain_only:
        differing, _ = compare(program, family, documents[:60] + with_special(family), False, folder)
    more, speeds = compare(program, family, documents, True, folder)
    differing += more
    print(f"{family.name}: {'ok' if differing == 0 else f'{differing} documents differ'} ({speeds})", flush=True)
    return differing == 0


def main():
    program, names = Path(sys.argv[1]), sys.argv[2:]
    documents = corpus.documents()
    print(f"{len(documents)} documents, {sum(map(len, documents)) / 1e6:.2f} MB")
    with tempfile.TemporaryDirectory() as folder:
        chosen = [build for build in FAMILIES if not names or build.__name__ in names]
        results = [check(program, build, documents, Path(folder)) for build in chosen]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
