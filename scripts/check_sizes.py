#!/usr/bin/env python3
"""Keeps files and functions small enough to read in one sitting, and the repository small to clone.

Fails on a source file past MAX_LINES, a function past MAX_FUNCTION_LINES and a tracked file past
MAX_BYTES, unless ALLOWED says why. Past the softer limits it only says so.
"""

import ast
import re
import sys

from repo import CPP_SUFFIXES, ROOT, read, report, tracked_files

WARN_LINES, MAX_LINES = 500, 600
WARN_FUNCTION_LINES, MAX_FUNCTION_LINES = 60, 100
MAX_BYTES = 4 << 20

# path, or path:function -> the reason why it may be larger
ALLOWED = {}

NOISE = re.compile(
    r'R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"'  # raw strings
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"  # but not the ' of 1'000
    r"|//[^\n]*|/\*.*?\*/"
    r"|^[ \t]*#(?:\\\n|[^\n])*",  # preprocessor lines
    re.DOTALL | re.MULTILINE,
)
# What stands before the brace of a function's body: `name(...) const noexcept -> T : init(x)`.
SIGNATURE = re.compile(r"([~\w:]+|operator[^\s(]+)\s*\(")
NOT_A_FUNCTION = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b[^()]*$")
KEYWORDS = {"if", "for", "while", "switch", "catch", "decltype", "sizeof", "alignas", "requires"}


def cpp_functions(text):
    """(name, first line, lines) of every function body at namespace or class level."""
    code = NOISE.sub(lambda m: "\n" * m[0].count("\n"), text)
    functions = []
    stack = []  # of (is_scope, name, offset of the declaration)
    start = 0  # of the text before the next brace
    for match in re.finditer(r"[{};]", code):
        at, symbol = match.start(), match[0]
        inside = all(is_scope for is_scope, _, _ in stack)
        if symbol == "{":
            head = code[start:at]
            signature = SIGNATURE.search(head) if inside else None
            is_function = bool(signature) and not NOT_A_FUNCTION.search(head)
            is_scope = inside and not is_function and "=" not in head
            name = signature[1] if is_function else ""
            first = start + len(head) - len(head.lstrip())
            stack.append((is_scope, "" if name in KEYWORDS else name, first))
        elif symbol == "}" and stack:
            _, name, first = stack.pop()
            if name:
                line = code.count("\n", 0, first) + 1
                functions.append((name, line, code.count("\n", first, at) + 1))
        if not stack or all(is_scope for is_scope, _, _ in stack):
            start = at + 1
    return functions


def python_functions(text):
    return [
        (node.name, node.lineno, node.end_lineno - node.lineno + 1)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def check_file(path, text, allowed):
    """(errors, warnings)"""
    errors, warnings = [], []

    def judge(where, key, what, size, soft, hard):
        if key in allowed or size <= soft:
            return
        (errors if size > hard else warnings).append(f"{where}: {what} {size} lines (limit {hard})")

    lines = text.count("\n")
    judge(path, path, "", lines, WARN_LINES, MAX_LINES)
    functions = python_functions(text) if path.endswith(".py") else cpp_functions(text)
    for name, line, size in functions:
        judge(f"{path}:{line}", f"{path}:{name}", f"{name}()", size, WARN_FUNCTION_LINES, MAX_FUNCTION_LINES)
    return errors, warnings


def main():
    errors, warnings = [], []
    for path in tracked_files():
        size = (ROOT / path).stat().st_size
        if size > MAX_BYTES:
            errors.append(f"{path}: {size} bytes (limit {MAX_BYTES})")
        if path.suffix in CPP_SUFFIXES or path.suffix == ".py":
            found = check_file(path.as_posix(), read(ROOT, path), ALLOWED)
            errors += found[0]
            warnings += found[1]
    for warning in warnings:
        print(f"note: {warning}")
    return report(errors, "too large")


if __name__ == "__main__":
    sys.exit(main())
