#!/usr/bin/env python3
"""Measures how speed grows with threads: `chitu bench` for each number of threads, in turn.

    bench/scaling.py [--threads 1,2,4,8,16] [--tests pp512,tg128,...] [--rounds 3] MODEL.gguf ...

A round runs every number of threads once for each test, in the opposite order of the round before.
Shown are the median and, in brackets, its ratio to that of the first number. All single numbers and
the machine go into a JSON file. Needs nothing but Python and a built chitu (--chitu).
"""

import argparse
import json
import signal
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench/peers"))
from contestants import Chitu, parse_test, usable_cpus  # noqa: E402
from machine import machine  # noqa: E402


def powers_of_two(most):
    """1, 2, 4 ... and `most` itself."""
    return sorted({most, *(2**i for i in range(most.bit_length()) if 2**i <= most)})


def measure(programs, models, tests, rounds):
    """{model: {test: {threads: [tokens a second of each round]}}}; `programs` by threads."""
    speeds = {m.stem: {t: {n: [] for n in programs} for t in tests} for m in models}
    for model in models:
        for number in range(rounds):
            for test in tests:
                for threads in list(programs) if number % 2 == 0 else reversed(programs):
                    speed = programs[threads].measure(model, test)
                    speeds[model.stem][test][threads].append(speed)
                    print(f"{model.stem} {test} round {number + 1}: {threads} threads {speed:.1f}",
                          file=sys.stderr)
    return speeds


def show(report):
    about, counts = report["machine"], report["threads"]
    print(f"{report['started_utc']} UTC, {about['processor']} (family {about['family']}, model "
          f"{about['model']}), {about['cpus']} CPUs, {report['rounds']} rounds, chitu "
          f"{report['chitu']['commit']}; tokens a second by threads.\n")
    print("| model, test | " + " | ".join(map(str, counts)) + " |\n|---|" + "--:|" * len(counts))
    for model, tests in report["tokens_per_second"].items():
        for test, row in tests.items():
            middle = [statistics.median(row[str(n)]) for n in counts]
            cells = [f"{speed:.1f} ({speed / middle[0]:.2f})" for speed in middle]
            print(f"| {model}, {test} | " + " | ".join(cells) + " |")


def read_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chitu", type=Path, default=ROOT / "build/release/bin/chitu")
    parser.add_argument("--threads", metavar="N,...", help="default: powers of two up to all CPUs",
                        default=",".join(map(str, powers_of_two(usable_cpus()))))
    parser.add_argument("--tests", default="pp512,tg128,tg64x16", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--settings", default="", help="of chitu, as in infer.numa=false")
    parser.add_argument("--results", type=Path, help="default: bench/results/<day>-<time>-scaling.json")
    parser.add_argument("--report", type=Path, metavar="FILE",
                        help="measure nothing: print the table of an earlier run's file")
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL")
    options = parser.parse_args()
    if not options.models and not options.report:
        parser.error("name at least one model file")
    options.tests = options.tests.split(",")
    try:
        options.threads = [int(n) for n in options.threads.split(",")]
        for test in options.tests:
            parse_test(test)
    except ValueError as error:
        parser.error(str(error))
    return options


def main():
    options = read_options()
    if options.report:
        show(json.loads(options.report.read_text(encoding="utf-8")))
        return 0
    models = [path.resolve() for path in options.models]
    programs = {n: Chitu(options.chitu.resolve(), n, options.settings.split())
                for n in options.threads}
    report = {"started_utc": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),
              "machine": machine(), "threads": options.threads, "rounds": options.rounds,
              "chitu": next(iter(programs.values())).description()}
    speeds = measure(programs, models, options.tests, options.rounds)
    # As JSON has it, whose keys are strings.
    report["tokens_per_second"] = json.loads(json.dumps(speeds))
    name = time.strftime("%Y-%m-%d-%H%M%S-scaling.json", time.gmtime())
    path = options.results or ROOT / "bench/results" / name
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    show(report)
    print(f"\nwritten: {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # of `--report FILE | head`
    sys.exit(main())
