#!/usr/bin/env python3
"""Measures how speed grows with threads: `chitu bench` for each number of threads, in turn.

    bench/scaling.py [--threads 1,2,4,8,16] [--tests pp512,tg128,...] [--rounds 3] MODEL.gguf ...

A round runs every number of threads once for each test, in the opposite order of the round before.
Shown are the median and, in brackets, its ratio to that of the first number. All single numbers and
the machine go into a JSON file after every round: Ctrl-C keeps what is there. Needs nothing but
Python and a built chitu (--chitu).
"""

import argparse
import json
import signal
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench/peers"))
from contestants import Chitu, Failed, parse_test, usable_cpus  # noqa: E402
from report import (begin, broken_off, counts, from_one_to, head, in_turn, new_file,  # noqa: E402
                    results_file, write)


def powers_of_two(most):
    """1, 2, 4 ... and `most` itself."""
    return sorted({most, *(2**i for i in range(most.bit_length()) if 2**i <= most)})


def measure(programs, models, tests, rounds, on_round=lambda speeds: None):
    """{model: {test: {threads: [tokens a second of each round]}}}; `programs` by threads."""
    # As JSON has it, whose keys are strings.
    speeds = {m.stem: {t: {str(n): [] for n in programs} for t in tests} for m in models}
    for model in models:
        for number in range(rounds):
            for test in tests:
                for threads in in_turn(programs, number):
                    speed = programs[threads].measure(model, test)
                    speeds[model.stem][test][str(threads)].append(speed)
                    print(f"{model.stem} {test} round {number + 1}: {threads} threads {speed:.1f}",
                          file=sys.stderr)
            on_round(whole(speeds))
    return speeds


def whole(speeds):
    """What is there when a run is broken off: models that have been run."""
    return {model: tests for model, tests in speeds.items()
            if all(all(row.values()) for row in tests.values())}


def show(report):
    threads = report["threads"]
    print(f"{head(report)}, {report['rounds']} rounds, chitu {report['chitu']['commit']}; tokens a second "
          "by threads.\n")
    print("| model, test | " + " | ".join(map(str, threads)) + " |\n|---|" + "--:|" * len(threads))
    for model, tests in report["tokens_per_second"].items():
        for test, row in tests.items():
            middle = [statistics.median(row[str(n)]) for n in threads]
            cells = [f"{speed:.1f} ({speed / middle[0]:.2f})" for speed in middle]
            print(f"| {model}, {test} | " + " | ".join(cells) + " |")


def read_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chitu", type=Path, default=ROOT / "build/release/bin/chitu")
    parser.add_argument("--threads", type=counts, metavar="N,...", help="default: powers of two up to all CPUs",
                        default=",".join(map(str, powers_of_two(usable_cpus()))))
    parser.add_argument("--tests", default="pp512,tg128,tg64x16", help="default: %(default)s")
    parser.add_argument("--rounds", type=from_one_to(10000), default=3, help="default: %(default)s")
    parser.add_argument("--settings", default="", help="of chitu, as in infer.numa=false")
    parser.add_argument("--results", type=results_file, help="default: bench/results/<day>-<time>-scaling.json")
    parser.add_argument("--report", type=Path, metavar="FILE",
                        help="measure nothing: print the table of an earlier run's file")
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL")
    options = parser.parse_args()
    if not options.models and not options.report:
        parser.error("name at least one model file")
    options.tests = options.tests.split(",")
    try:
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
    report = begin(threads=options.threads, rounds=options.rounds,
                   chitu=next(iter(programs.values())).description())
    path = options.results or new_file("scaling")

    def keep(speeds):
        report["tokens_per_second"] = speeds
        write(report, path)

    try:
        measure(programs, models, options.tests, options.rounds, keep)
    except KeyboardInterrupt:
        print(broken_off("scaling.py", path), file=sys.stderr)
        return 130
    except (Failed, OSError, subprocess.TimeoutExpired) as error:
        print(f"scaling.py: error: {error}", file=sys.stderr)
        return 1
    show(report)
    print(f"\nwritten: {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # of `--report FILE | head`
    sys.exit(main())
