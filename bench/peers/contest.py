#!/usr/bin/env python3
"""Runs chitu and its peers in turn on the same files and prints how they compare.

Started by bench/peers/llama_cpp.sh, which builds everything first:

    bench/peers/llama_cpp.sh [--rounds 5] [--models llama-3.2-1b-q4_0,...] [--tests pp512,tg128,...]

A round runs each program once for each test, in the opposite order of the round before. A ratio is
that of one round; shown are the median and the smallest and largest. The ceilings of the machine are
measured before and after, and the better of the two counts. All single numbers and the machine go
into a JSON file.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from contestants import PEERS, Chitu, Failed, measure_ceilings, parse_test, usable_cpus
from floor import bound, make_shapes
from machine import machine

ROOT = Path(__file__).resolve().parent.parent.parent
TESTS = "pp512,tg128,tg128@2048,tg64x4,tg64x16,tg64x32"
MODELS = ",".join(f"{shape}-{form}" for shape in make_shapes.SHAPES for form in make_shapes.FORMATS)


def better(first, second):
    return {group: {name: max(speed, second[group][name]) for name, speed in names.items()}
            for group, names in first.items()}


def run_rounds(contestants, models, tests, rounds):
    """{model: {test: {contestant: [tokens a second of each round, None where it failed]}}}"""
    speeds = {model: {test: {c.name: [] for c in contestants} for test in tests} for model in models}
    for model, path in models.items():
        for number in range(rounds):
            for test in tests:
                for c in contestants if number % 2 == 0 else reversed(contestants):
                    speed = None
                    try:
                        speed = c.measure(path, test)
                    except (Failed, subprocess.TimeoutExpired) as error:
                        print(f"{c.name}: {error}", file=sys.stderr)
                    speeds[model][test][c.name].append(speed)
                    print(f"{model} {test} round {number + 1}: {c.name} {speed}", file=sys.stderr)
    return speeds


def spread(values, form):
    if not values:
        return "failed"
    middle = format(statistics.median(values), form)
    if len(values) == 1:
        return middle
    return f"{middle} ({format(min(values), form)} to {format(max(values), form)})"


def ratios(ours, theirs):
    return [a / b for a, b in zip(ours, theirs) if a and b]


def speed_cell(values, limit):
    values = [v for v in values if v]
    if not values:
        return "failed"
    middle = statistics.median(values)
    return f"{middle:.1f} ({middle / limit:.0%})"


def print_tables(speeds, ceilings, names):
    peers = [name for name in names if name != "chitu"]
    for model, tests in speeds.items():
        print(f"\n### {model}\n")
        print("| test | " + " | ".join([*peers, "chitu"]) + " | "
              + " | ".join(f"chitu / {p}" for p in peers) + " | bound, by |")
        print("|---|" + "--:|" * (2 * len(peers) + 1) + "--:|")
        for test, row in tests.items():
            limit, what = bound(ceilings, model, test)
            cells = [speed_cell(row[name], limit) for name in [*peers, "chitu"]]
            cells += [spread(ratios(row["chitu"], row[p]), ".2f") for p in peers]
            print(f"| {test} | " + " | ".join(cells) + f" | {limit:.0f}, {what} |")


def print_ceilings(ceilings, threads):
    print(f"\nCeilings with {threads} threads: " + ", ".join(
        [f"{name} {speed / 1e9:.1f} GB/s" for name, speed in ceilings["bandwidth"].items()]
        + [f"{name} {speed / 1e9:.0f} GOP/s" for name, speed in ceilings["arithmetic"].items()])
        + ".")


def absolute_path(text):
    return Path(text).resolve()


def read_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    cpus = usable_cpus()
    parser.add_argument("--cache", type=absolute_path, default=make_shapes.cache_folder(),
                        help="where the peers were built and models are kept")
    parser.add_argument("--chitu", type=absolute_path, default=ROOT / "build/release/bin/chitu")
    parser.add_argument("--ceilings", type=absolute_path,
                        default=ROOT / "build/release/bench/ceilings/bench_ceilings")
    parser.add_argument("--models", default=MODELS, help="default: %(default)s")
    parser.add_argument("--tests", default=TESTS, help="default: %(default)s")
    parser.add_argument("--peers", default=",".join(PEERS), help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=cpus, help="default: all, %(default)s here")
    parser.add_argument("--settings", default="", help="of chitu, as in infer.cache_type=skew")
    parser.add_argument("--results", type=Path, help="default: bench/results/DATE-<threads>t.json")
    parser.add_argument("--report", type=Path, metavar="FILE",
                        help="measure nothing: print the tables of an earlier run's file")
    options = parser.parse_args()
    options.models, options.tests = options.models.split(","), options.tests.split(",")
    options.peers = options.peers.split(",")
    try:
        for test in options.tests:
            parse_test(test)
        for model in options.models:
            make_shapes.split_name(model)
    except ValueError as error:
        parser.error(str(error))
    for peer in options.peers:
        if peer not in PEERS:
            parser.error(f"--peers {peer}: expected some of {', '.join(PEERS)}")
    return options


def measure(options):
    """Everything that is known after a run, as it goes into the file."""
    models = {name: make_shapes.make(name, options.cache / "shapes") for name in options.models}
    contestants = [PEERS[name](options.cache, options.threads) for name in options.peers]
    contestants.append(Chitu(options.chitu, options.threads, options.settings.split()))
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    about = machine()
    if about["load_average"] > 0.5:
        print(f"contest.py: the load average is {about['load_average']:.1f}: other programs disturb "
              "the measurement, some contestants more than others", file=sys.stderr)
    before = measure_ceilings(options.ceilings, options.threads)
    speeds = run_rounds(contestants, models, options.tests, options.rounds)
    ceilings = better(before, measure_ceilings(options.ceilings, options.threads))
    return {"started_utc": started, "machine": about, "threads": options.threads,
            "rounds": options.rounds, "ceilings": ceilings,
            "contestants": {c.name: c.description() for c in contestants},
            "tokens_per_second": speeds}


def show(report):
    about = report["machine"]
    print(f"{report['started_utc']} UTC, {about['processor']} (family {about['family']}, model "
          f"{about['model']}), {report['threads']} of {about['cpus']} CPUs, {report['rounds']} rounds.\n")
    for name, what in report["contestants"].items():
        print(f"- {name}: " + ", ".join(f"{key} `{value}`" for key, value in what.items() if value))
    print_ceilings(report["ceilings"], report["threads"])
    print_tables(report["tokens_per_second"], report["ceilings"], list(report["contestants"]))


def main():
    options = read_options()
    if options.report:
        show(json.loads(options.report.read_text(encoding="utf-8")))
        return 0
    report = measure(options)
    day = report["started_utc"].split()[0]
    path = options.results or ROOT / f"bench/results/{day}-{options.threads}t.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    show(report)
    print(f"\nwritten: {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
