#!/usr/bin/env python3
"""Holds src/ to layers.txt.

A row `model: ops io cache` says which folders of src/ a folder includes; what those may include, it
may include too. Unit tests (*_test.cc) and their helpers (*_testing.h, *_testing.cc) may include
every folder. Besides, a few rules keep hidden state and devices where they belong (RULES).
"""

import re
import sys
from collections import deque
from pathlib import Path

from repo import CPP_SUFFIXES, ROOT, read, report, tracked_files

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
CUDA_HEADER = re.compile(r"^(cuda|cublas|cudnn|nccl|nvml|cutlass|cute/|cub/|thrust/|mma\.h)|\.cuh$")
COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)
MODULE = re.compile(r"chitu_module\(\s*(\w+)(.*?)\n?\)", re.DOTALL)

# (pattern, folders of src/ where it is allowed, what to do instead)
RULES = [
    (re.compile(r"\b(secure_)?getenv\b"), ("app",), "pass the setting as a parameter"),
    (re.compile(r"\bthread_local\b"), (), "pass the context as a parameter"),
    (re.compile(r"\b[iI]nstance\(\)"), (), "no singletons: pass the object as a parameter"),
    (re.compile(r"\bstd::w?regex\b"), (), "std::regex recurses on its input: use PCRE2"),
    (re.compile(r"\bcatch\s*\(\.\.\.\)\s*\{\s*\}"), (), "an exception is swallowed: return an error"),
]


class LayersError(Exception):
    pass


def parse_layers(text):
    """{"model": {"ops", "io", "cache"}, ...}"""
    rows = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        folder, colon, targets = line.partition(":")
        if not colon or folder.strip() in rows:
            raise LayersError(f"layers.txt:{number}: expected 'folder: folders', each folder once")
        rows[folder.strip()] = set(targets.split())
    for folder, targets in rows.items():
        for target in targets - rows.keys():
            raise LayersError(f"layers.txt: {folder}: {target} has no row of its own")
    return rows


def closure(rows):
    """Everything each folder may include, itself included. Error on a cycle."""
    allowed = {}

    def visit(folder, path):
        if folder in path:
            raise LayersError("layers.txt: a cycle: " + " -> ".join((*path, folder)))
        if folder not in allowed:
            reached = {folder}
            for target in rows[folder]:
                reached |= visit(target, (*path, folder))
            allowed[folder] = reached
        return allowed[folder]

    for folder in rows:
        visit(folder, ())
    return allowed


def folder_of(path, rows):
    """The row that governs a file of src/: the longest folder that is a prefix of its path."""
    parts = Path(path).parent.parts
    for length in range(len(parts), 0, -1):
        folder = "/".join(parts[:length])
        if folder in rows:
            return folder
    return None


def is_test(path):
    return Path(path).stem.endswith(("_test", "_testing"))


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def shortest_chain(graph, target):
    """The include chain from a file that nobody includes down to `target`."""
    parents = {}
    for source, includes in graph.items():
        for include in includes:
            parents.setdefault(include, []).append(source)
    chains = deque([[target]])
    seen = {target}
    while True:
        chain = chains.popleft()
        above = [source for source in parents.get(chain[0], []) if source not in seen]
        if not above:
            return chain
        seen.update(above)
        chains.extend([source, *chain] for source in above)


def check_includes(sources, rows, allowed):
    """`sources` maps paths relative to src/ to their text."""
    findings = []
    graph = {path: [] for path in sources}
    for path, text in sources.items():
        for match in INCLUDE.finditer(text):
            if match[1] == '"' and match[2] in sources:
                graph[path].append(match[2])

    for path, text in sources.items():
        folder = folder_of(path, rows)
        if folder is None:
            findings.append(f"src/{path}: its folder has no row in layers.txt")
            continue
        for match in INCLUDE.finditer(text):
            where = f"src/{path}:{line_of(text, match.start())}"
            if CUDA_HEADER.search(match[2]) and folder != "backend/cuda":
                findings.append(f"{where}: {match[2]}: only src/backend/cuda includes CUDA headers")
                continue
            if match[1] == "<":
                continue
            target = folder_of(match[2], rows)
            if match[2] not in sources or target is None:
                findings.append(f'{where}: "{match[2]}" is no file of src/')
            elif is_test(match[2]) and not is_test(path):
                findings.append(f"{where}: {match[2]} is for tests only")
            elif target not in allowed[folder] and not is_test(path):
                chain = " -> ".join([*shortest_chain(graph, path), match[2]])
                may = " ".join(sorted(allowed[folder] - {folder})) or "nothing"
                findings.append(f"{where}: {folder} may not include {target} (it may: {may}): {chain}")
    return findings


def check_rules(sources, rows):
    findings = []
    for path, text in sources.items():
        folder = folder_of(path, rows) or ""
        # Blank out comments and strings, keeping the lines.
        code = COMMENT_OR_STRING.sub(lambda m: "\n" * m[0].count("\n"), text)
        for pattern, folders, remedy in RULES:
            if folder in folders or is_test(path):
                continue
            for match in pattern.finditer(code):
                findings.append(f"src/{path}:{line_of(code, match.start())}: {match[0]}: {remedy}")
    return findings


def check_modules(cmake_files, rows, allowed):
    """The DEPS of chitu_module() obey the same rows. `cmake_files`: path relative to src/ -> text."""
    by_target = {folder.replace("/", "_"): folder for folder in rows}
    findings = []
    for path, text in cmake_files.items():
        for match in MODULE.finditer(text):
            name, arguments = match[1], match[2].split()
            folder = by_target.get(name)
            where = f"src/{path}:{line_of(text, match.start())}"
            if folder is None:
                findings.append(f"{where}: chitu_module({name}): no such row in layers.txt")
                continue
            keyword = ""
            for argument in arguments:
                if argument.isupper():
                    keyword = argument
                elif keyword == "DEPS" and by_target.get(argument) not in allowed[folder]:
                    findings.append(f"{where}: {folder} may not depend on {argument}")
    return findings


def main():
    rows = parse_layers(read(ROOT, "layers.txt"))
    allowed = closure(rows)
    in_src = [path for path in tracked_files() if path.parts[0] == "src"]

    def texts(paths):
        return {path.relative_to("src").as_posix(): read(ROOT, path) for path in paths}

    sources = texts(path for path in in_src if path.suffix in CPP_SUFFIXES)
    cmake_files = texts(path for path in in_src if path.name == "CMakeLists.txt")
    findings = check_includes(sources, rows, allowed)
    findings += check_rules(sources, rows)
    findings += check_modules(cmake_files, rows, allowed)
    return report(findings, "violations of the layering")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LayersError as error:
        sys.exit(str(error))
