#!/usr/bin/env python3
"""Runs chitu and its peers in turn on the same files and prints how they compare.

Started by bench/peers/llama_cpp.sh, which builds everything first:

    bench/peers/llama_cpp.sh [--rounds 5] [--models llama-3.2-1b-q4_0,...] [--tests pp512,tg128,...]

A round runs each program once for each test, in the opposite order of the round before. A ratio is
that of one round; shown are the median and the smallest and largest. The ceilings of the machine are
measured before and after, and the better of the two counts. All single numbers and the machine go
into a JSON file, which is written anew after every round: Ctrl-C keeps what is there.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
from pathlib import Path

from contestants import PEERS, Chitu, Failed, measure_ceilings, parse_test, usable_cpus
try:
    from floor import bound, make_shapes
except ModuleNotFoundError as lacking:
    sys.exit(f"contest.py: error: Python lacks {lacking.name}; bench/peers/llama_cpp.sh --build-only makes "
             "~/.cache/chitu-bench/venv, whose bin/python has it")
from report import (ROOT, begin, broken_off, from_one_to, head, in_turn, new_file, results_file, spread,
                    write)

TESTS = "pp512,tg128,tg128@2048,tg64x4,tg64x16,tg64x32"
DISTURBING_LOAD = 0.5  # CPUs
MODELS = ",".join(f"{shape}-{form}" for shape in make_shapes.SHAPES for form in make_shapes.FORMATS)


def better(first, second):
    return {group: {name: max(speed, second[group][name]) for name, speed in names.items()}
            for group, names in first.items()}


def run_rounds(contestants, models, tests, rounds, on_round=lambda speeds: None):
    """{model: {test: {contestant: [tokens a second of each round, None where it failed]}}}"""
    speeds = {model: {test: {c.name: [] for c in contestants} for test in tests} for model in models}
    for model, path in models.items():
        for number in range(rounds):
            for test in tests:
                for c in in_turn(contestants, number):
                    speed = None
                    try:
                        speed = c.measure(path, test)
                    except (Failed, subprocess.TimeoutExpired) as error:
                        print(f"{c.name}: {error}", file=sys.stderr)
                    speeds[model][test][c.name].append(speed)
                    print(f"{model} {test} round {number + 1}: {c.name} {speed}", file=sys.stderr)
            on_round(speeds)
    return speeds


def without_unfinished(speeds):
    """What is there when a run is broken off: tests that everybody has run."""
    kept = {model: {test: row for test, row in tests.items() if all(row.values())}
            for model, tests in speeds.items()}
    return {model: tests for model, tests in kept.items() if tests}


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


def earlier_run(text):
    try:
        report = json.loads(Path(text).read_text(encoding="utf-8"))
        missing = {"started_utc", "machine", "threads", "rounds", "ceilings", "contestants",
                   "tokens_per_second"} - set(report)
    except (OSError, ValueError, TypeError) as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from error
    if missing:
        raise argparse.ArgumentTypeError(f"{text}: no results of this program: {sorted(missing)[0]} "
                                         "is missing")
    return report


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
    parser.add_argument("--rounds", type=from_one_to(10000), default=5, help="default: %(default)s")
    parser.add_argument("--threads", type=from_one_to(cpus), default=cpus, help="default: all, %(default)s here")
    parser.add_argument("--settings", default="", help="of chitu, as in infer.cache_type=skew")
    parser.add_argument("--results", type=results_file,
                        help="default: bench/results/<day>-<time>-<threads>t.json")
    parser.add_argument("--report", type=earlier_run, metavar="FILE",
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
    if not options.report:
        check_built(options, parser)
    return options


def check_built(options, parser):
    """What can be known to fail before hours of measurement do."""
    for option, path in (("--chitu", options.chitu), ("--ceilings", options.ceilings)):
        if not path.is_file() or not os.access(path, os.X_OK):
            parser.error(f"{option} {path}: no program; bench/peers/llama_cpp.sh --build-only makes it")
    for peer in options.peers:
        folder = options.cache / PEERS[peer].folder
        if not (folder / "built.json").is_file():
            parser.error(f"--cache {options.cache}: {peer} is not built there; "
                         "bench/peers/llama_cpp.sh --build-only does")
    try:
        Chitu(options.chitu, options.threads, options.settings.split()).check_settings()
    except Failed as error:
        parser.error(f"--settings {options.settings}: {error}")


def warn_of_load(load):
    if load > DISTURBING_LOAD:
        print(f"contest.py: the load average is {load:.1f}: other programs disturb "
              "the measurement, some contestants more than others", file=sys.stderr)


def measure(options, path):
    """Everything that is known after a run; it goes into the file after every round."""
    models = {name: make_shapes.make(name, options.cache / "shapes") for name in options.models}
    contestants = [PEERS[name](options.cache, options.threads) for name in options.peers]
    contestants.append(Chitu(options.chitu, options.threads, options.settings.split()))
    report = begin(threads=options.threads, rounds=options.rounds,
                   contestants={c.name: c.description() for c in contestants})
    warn_of_load(report["machine"]["load_average"])
    before = measure_ceilings(options.ceilings, options.threads)

    def keep(speeds, ceilings):
        report.update(ceilings=ceilings, load_average_after=os.getloadavg()[0],
                      tokens_per_second=without_unfinished(speeds))
        write(report, path)

    speeds = run_rounds(contestants, models, options.tests, options.rounds,
                        lambda speeds: keep(speeds, before))
    keep(speeds, better(before, measure_ceilings(options.ceilings, options.threads)))
    return report


def show_load(report):
    loads = {"before": report["machine"]["load_average"], "after": report.get("load_average_after", 0)}
    told = [f"{load:.1f} {when}" for when, load in loads.items() if load > DISTURBING_LOAD]
    if told:
        print(f"Load average: {', '.join(told)}; the run itself raises it, other programs disturb it.")


def show(report):
    print(f"{head(report)}, {report['threads']} threads, {report['rounds']} rounds.\n")
    for name, what in report["contestants"].items():
        print(f"- {name}: " + ", ".join(f"{key} `{value}`" for key, value in what.items() if value))
    show_load(report)
    print_ceilings(report["ceilings"], report["threads"])
    print_tables(report["tokens_per_second"], report["ceilings"], list(report["contestants"]))


def main():
    options = read_options()
    if options.report:
        show(options.report)
        return 0
    path = options.results or new_file(f"{options.threads}t")
    try:
        report = measure(options, path)
    except KeyboardInterrupt:
        print(broken_off("contest.py", path), file=sys.stderr)
        return 130
    except (Failed, OSError, subprocess.TimeoutExpired) as error:
        print(f"contest.py: error: {error}", file=sys.stderr)
        return 1
    show(report)
    print(f"\nwritten: {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # of `--report FILE | head`
    sys.exit(main())
