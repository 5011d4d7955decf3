"""What the programs of bench/ that measure in rounds share: their options, order, files and tables."""

import argparse
import json
import statistics
import time
from pathlib import Path

from machine import machine

ROOT = Path(__file__).resolve().parent.parent.parent


def from_one_to(most):
    def parse(text):
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text}: expected an integer in [1, {most}]")
        return int(text)
    return parse


def counts(text):
    """1,2,16"""
    return [from_one_to(100_000)(word) for word in text.split(",")]


def results_file(text):
    """A file that can be written and is not there: what can be known to fail before hours of measurement."""
    path = Path(text).resolve()
    if path.exists():
        raise argparse.ArgumentTypeError(f"{text}: is there already")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: there is no directory {path.parent}")
    return path


def new_file(kind):
    """bench/results/2026-11-22-140501-<kind>.json, of no earlier run."""
    return ROOT / "bench/results" / time.strftime(f"%Y-%m-%d-%H%M%S-{kind}.json", time.gmtime())


def begin(**about):
    return {"started_utc": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()), "machine": machine(), **about}


def write(report, path):
    """Either the whole report is in the file, or what was there before."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def in_turn(contestants, number):
    """In the opposite order of the round before, so that what drifts favours nobody."""
    return list(contestants) if number % 2 == 0 else list(contestants)[::-1]


def spread(values, form):
    """The median (and the smallest to the largest)."""
    if not values:
        return "failed"
    middle = format(statistics.median(values), form)
    if len(values) == 1:
        return middle
    return f"{middle} ({format(min(values), form)} to {format(max(values), form)})"


def head(report):
    about = report["machine"]
    return (f"{report['started_utc']} UTC, {about['processor']} (family {about['family']}, model "
            f"{about['model']}), {about['cpus']} CPUs")


def broken_off(program, path):
    kept = f"{path} has the rounds before" if path.exists() else "no round was complete"
    return f"\n{program}: broken off; {kept}"
