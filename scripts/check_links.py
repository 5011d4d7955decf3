#!/usr/bin/env python3
"""Every relative link of a Markdown file, and every path it names in backticks, exists."""

import re
import sys
from pathlib import Path

from repo import ROOT, read, report, tracked_files

LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
CODE_BLOCK = re.compile(r"^(```|~~~).*?^\1|(?<=\n\n)(?: {4}[^\n]*\n+)+", re.DOTALL | re.MULTILINE)
# `src/io/gguf.cc`, `docs/adr/`: a path of the repository, without patterns or placeholders.
NAMED_PATH = re.compile(r"`((?:src|scripts|cmake|docs|tests|configs|examples|bench|models)/[\w./-]*)`")
HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)


def anchor(heading):
    """As GitHub forms it."""
    heading = re.sub(r"[`*]", "", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")


def anchors(text):
    return {anchor(match[1]) for match in HEADING.finditer(CODE_BLOCK.sub("", text))}


def check_text(path, text, root, known):
    """`known`: the paths of the repository's files and folders, relative to the root."""
    findings = []
    prose = CODE_BLOCK.sub(lambda m: "\n" * m[0].count("\n"), text)
    for match in LINK.finditer(prose):
        target, _, fragment = match[1].partition("#")
        where = f"{path}:{prose.count(chr(10), 0, match.start()) + 1}"
        if re.match(r"[a-z]+:", target):
            continue
        linked = (root / path.parent / target).resolve() if target else root / path
        if not linked.exists():
            findings.append(f"{where}: broken link: {match[1]}")
        elif fragment and linked.suffix == ".md":
            if fragment not in anchors(linked.read_text(encoding="utf-8")):
                findings.append(f"{where}: no heading for the link {match[1]}")
    for match in NAMED_PATH.finditer(prose):
        if match[1].rstrip("/") not in known:
            where = f"{path}:{prose.count(chr(10), 0, match.start()) + 1}"
            findings.append(f"{where}: no such path: {match[1]}")
    return findings


def main():
    files = tracked_files()
    known = {path.as_posix() for path in files}
    known |= {parent.as_posix() for path in files for parent in path.parents}
    findings = []
    for path in files:
        # A change log speaks of what was there at its time.
        if path.suffix == ".md" and path != Path("CHANGELOG.md"):
            findings += check_text(path, read(ROOT, path), ROOT, known)
    return report(findings, "broken links")


if __name__ == "__main__":
    sys.exit(main())
