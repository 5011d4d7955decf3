#!/usr/bin/env python3
"""Compares our Jinja with Python's jinja2 on templates that a grammar makes up.

    python3 fuzz_templates.py RENDER_CASES [--cases N] [--seed N] [--save FILE]

RENDER_CASES is the program of that name in the build folder. Both render the same templates over
the same values; the text must be the same, or both must fail. Left out are templates whose result
Python does not fix (addresses of objects) and those that we refuse as unsupported or past a limit.
The same seed makes the same templates. --save appends the templates that differ to a file.
"""

import argparse
import copy
import json
import random
import re
import subprocess
import sys
import warnings

import oracle

warnings.simplefilter("ignore")

CONTEXT = {
    "s": "Hello, World", "t": "a-b c_d\n  e\tf", "u": "ÄÖ ß ŉ ǆ İ 日本 👍🏽 é", "e": "", "w": "  x y ",
    "i": 7, "j": -3, "z": 0, "big": 1234567890123, "f": 2.5, "g": -0.1, "h": 1e20, "yes": True, "no": False,
    "n": None, "l": [3, 1, 2], "m": ["b", "A", "c", "a"], "el": [], "mixed": [1, "1", None, 2.0, True, [1], {"k": 1}],
    "d": {"a": 1, "b": [1, 2], "c": {"x": "y"}, "items": 5}, "ed": {},
    "rows": [{"k": "x", "v": 2, "w": {"p": 1}}, {"k": "Y", "v": 1, "w": {"p": 2}}, {"k": "x", "v": 3}],
    "pairs": [["a", 1], ["b", 2]],
    "messages": [{"role": "system", "content": "Be <nice> & \"kind\"."}, {"role": "user", "content": "Hi 'you'\n\n"},
                 {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": {"q": [1, 2.0, "ü"]}}}]}],
}
NAMES = list(CONTEXT) + ["x", "y", "q", "ns", "undefd", "loop", "item", "foo"]
STRING_METHODS = [
    "upper()", "lower()", "title()", "capitalize()", "strip()", "lstrip()", "rstrip()", "swapcase()", "casefold()",
    "strip('x ')", "lstrip('H')", "rstrip('dl')", "split()", "split('l')", "split(',', 1)", "split(None, 1)",
    "split('-', maxsplit=1)", "rsplit(' ', 1)", "rsplit()", "rsplit(None, 1)", "splitlines()", "splitlines(True)",
    "startswith('H')", "startswith(('a', 'H'))", "endswith('d', 2)", "endswith('')", "replace('l', 'L')",
    "replace('', '-')", "replace('l', '', 1)", "find('o')", "find('o', 5)", "rfind('o')", "find('zz')", "index('e')",
    "count('l')", "count('')", "count('l', -4)", "isdigit()", "isalpha()", "isalnum()", "isspace()", "isupper()",
    "islower()", "istitle()", "isnumeric()", "isidentifier()", "isascii()", "isprintable()", "join(m)", "join(['1', '2'])",
    "join(l)", "zfill(8)", "center(20)", "center(21, '*')", "ljust(15)", "rjust(15, '.')", "partition(' ')",
    "rpartition('o')", "removeprefix('He')", "removesuffix('ld')", "expandtabs(4)", "format(1, x=2)",
    "format_map(d)", "nosuch()", "encode",
]
OTHER_METHODS = [
    "items()", "keys()", "values()", "get('a')", "get('zz')", "get('zz', 1)", "get(1)", "copy()", "items", "append(1)",
    "pop()", "update({})", "index(1)", "count(1)", "items()|list", "keys()|list", "values()|sum", "real", "__class__",
    "_x", "a", "b", "c", "c.x", "role", "content", "k", "v", "w.p", "first", "bit_length()", "is_integer()", "start",
]
FILTERS = [
    "upper", "lower", "title", "capitalize", "trim", "trim('x')", "length", "count", "list", "first", "last", "join",
    "join(', ')", "join('-', attribute='k')", "default('D')", "default('D', true)", "d", "string", "int", "int(5)",
    "int(base=16)", "float", "float(1.5)", "abs", "round", "round(1)", "round(2, 'ceil')", "round(-1)", "round(method='floor')",
    "sum", "sum(attribute='v')", "sum(start=10)", "min", "max", "max(attribute='v')", "min(case_sensitive=true)", "sort",
    "sort(reverse=true)", "sort(attribute='k')", "sort(attribute='k,v')", "sort(case_sensitive=true)", "unique|list",
    "unique(attribute='k')|list", "unique(true)|list", "reverse|list", "dictsort", "dictsort(by='value')",
    "dictsort(reverse=true)", "items|list", "indent", "indent(2)", "indent(2, true)", "indent('>', blank=true)", "escape",
    "e", "safe", "forceescape", "batch(2)|list", "batch(2, 'F')|list", "slice(2)|list", "slice(2, 'F')|list",
    "groupby('k')", "groupby('w.p', default=0)", "groupby('k', case_sensitive=true)", "wordcount", "truncate(5)",
    "truncate(8, true)", "truncate(8, false, '..', 0)", "urlencode", "tojson", "tojson(indent=2)", "tojson(ensure_ascii=true)",
    "tojson(sort_keys=true)", "tojson(separators=(',', ':'))", "tojson(indent='--')", "replace('l', 'L')",
    "replace('a', 'b', 1)", "map('upper')|list", "map(attribute='k')|list", "map(attribute='zz', default='?')|list",
    "map('default', 'x')|list", "map('int')|list", "map('string')|join", "select|list", "select('string')|list",
    "select('gt', 1)|list", "reject('none')|list", "reject|list", "selectattr('k', 'equalto', 'x')|list",
    "selectattr('w')|list", "rejectattr('w', 'defined')|list", "rejectattr('v', '>', 1)|map(attribute='k')|join",
    "format(1, 2)", "format", "center(9)", "attr('k')", "attr('upper')()", "filesizeformat", "filesizeformat(true)",
    "xnosuch",
]
TEXT_FILTERS = ["upper", "lower", "title", "capitalize", "trim", "trim('x ')", "indent", "indent(2, true)", "indent('> ', blank=true)", "e", "escape",
                "truncate(6)", "truncate(4, true, '')", "replace('l', 'LL')", "replace('', '.', 2)", "default('D')", "string", "urlencode", "wordcount", "center(15)",
                "length", "list", "first", "last", "reverse", "tojson", "tojson(ensure_ascii=true)", "int", "safe", "forceescape", "batch(3)|list", "sort|join",
                "unique|join", "map('upper')|join('.')", "select('in', 'aeiou')|list", "groupby(0)", "slice(3)|list", "max", "min", "format(1)"]
NUMBER_FILTERS = ["abs", "round", "round(1)", "round(2)", "round(-1)", "round(0, 'floor')", "round(1, 'ceil')", "int", "float", "string", "filesizeformat",
                  "filesizeformat(true)", "default(1)", "tojson", "e"]
ITEM_FILTERS = ["list", "reverse|list", "first", "last", "length", "map('string')|list", "select|list", "reject('none')|list", "batch(2)|list", "batch(3, 0)|list",
                "slice(2)|list", "slice(3, 'F')|list", "map('default', 1)|list", "unique|list", "join('|')", "tojson", "tojson(indent=1)", "string", "select('defined')|list",
                "reject('string')|list", "map('length')|list", "count"]
ROW_FILTERS = ["map(attribute='k')|list", "map(attribute='w.p', default='-')|list", "selectattr('v', 'gt', 1)|list", "rejectattr('k', 'eq', 'x')|list", "sort(attribute='v')",
               "sort(attribute='k,v', reverse=true)", "groupby('k')", "groupby('k')|map(attribute='list')|list", "groupby('v')|map(attribute='grouper')|list", "sum(attribute='v')",
               "join(', ', attribute='k')", "max(attribute='v')", "min(attribute='k')", "unique(attribute='k')|list", "selectattr('w')|map(attribute='w')|list"]
SAFE_TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false", "mapping", "iterable", "sequence", "callable", "lower", "upper",
              "sameas(none)", "in(mixed)", "eq(1)", "ne 'a'", "not none", "not defined", "equalto(s)", "escaped", "not mapping"]
TESTS = [
    "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false", "mapping",
    "iterable", "sequence", "callable", "odd", "even", "divisibleby(3)", "divisibleby 2", "lower", "upper", "sameas(none)",
    "sameas true", "in(l)", "in [1, 2]", "eq(1)", "equalto('x')", "ne 1", "gt(1)", "lt 5", "ge(2)", "le(2)", "escaped",
    "filter", "test", "== 1", "not none", "not defined",
]
LITERALS = [
    "0", "1", "2", "-1", "3", "10", "1_000", "0x1F", "0b11", "0o17", "1.5", "0.1", "1e3", "1.0", "2e-7", "1e22", "''",
    "'a'", "\"b\"", "'it\\'s'", "'\\n'", "'\\x41\\u00e9'", "'a' 'b'", "'%s-%d'", "'%5.2f|%-4s|%x'", "'{}{}'", "'{0!r:>6}|{x}'",
    "true", "false", "none", "True", "None", "[]", "{}", "()", "(1,)", "(1, 2)", "[1, 2, 3]", "['a', 'B']", "{'a': 1, 'b': 2}",
    "{1: 2, 'x': [1]}", "[[1, 2], [3, 4]]", "range(4)", "range(5, 1, -2)", "'äé'", "dict(a=1)", "'<b>'", "'\\\\d'",
]
BINARY = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
FORMATS = ["'%d' % i", "'%s' % s", "'%s %s' % (i, f)", "'%(a)s' % d", "'%05d|%+d|% d' % (i, i, i)", "'%.3f' % f", "'%e' % h",
           "'%g' % f", "'%r' % s", "'%c' % 65", "'%%' % ()", "'%x %o %X' % (i, i, big)", "'%-10s|' % s", "'%10.2s|' % s",
           "'{:>10}|{:<5}|{:^7}'.format(s, i, f)", "'{:05d} {:x} {:,}'.format(i, i, big)", "'{:.2f} {:e} {:%}'.format(f, f, f)",
           "'{a[k]} {b.k}'.format(a=rows[0], b=rows[0])", "'{:{w}}'.format(i, w=6)", "'{!r} {!s}'.format(s, s)",
           "'{:+} {: } {:#x} {:_}'.format(i, i, i, big)", "'{:.3}|{:10.4}'.format(f, s)", "'{:b} {:o} {:c}'.format(i, i, 65)"]


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.names = NAMES

    def pick(self, items):
        return self.r.choice(items)

    def chance(self, p):
        return self.r.random() < p

    def name(self):
        return self.pick(self.names)

    def target(self):
        return self.pick(["x", "y", "q", "item", "foo", "s", "l"])

    def atom(self):
        if self.chance(0.55):
            return self.name()
        return self.pick(LITERALS)

    # Expressions of a known type, which mostly do not fail.
    def text(self, depth):
        if depth <= 0:
            return self.pick(["s", "t", "u", "e", "w", "'aB c'", "'x,y'", "'é\\n'", "'12'", "' 3.5 '", "rows[0].k", "messages[1].content"])
        sub = self.text(depth - 1)
        return self.pick([
            f"({sub})|{self.pick(TEXT_FILTERS)}", f"({sub}).{self.pick(STRING_METHODS[:-2])}", f"({sub} + {self.text(depth - 1)})",
            f"(e ~ {sub})[{self.pick(['1:', ':-1', '::2', '::-1', '2:5', '-3:', ':0'])}]", f"({self.expr(depth - 1)})|string",
            f"({self.expr(depth - 1)} ~ {sub})", f"({sub} * {self.pick(['2', '0', '3', '-1'])})", f"({self.items(depth - 1)})|join({self.pick(['', repr(', '), 's'])})",
            f"({self.expr(depth - 1)})|tojson", self.pick(FORMATS), f"({sub} if {self.truth(depth - 1)} else {self.text(depth - 1)})"])

    def number(self, depth):
        if depth <= 0:
            return self.pick(["i", "j", "z", "f", "g", "big", "1", "2", "-3", "10", "2.5", "0.1", "l[0]", "rows[1].v", "yes"])
        sub = self.number(depth - 1)
        return self.pick([
            f"({sub} {self.pick(['+', '-', '*', '%', '//', '/'])} {self.number(depth - 1)})", f"({sub} ** {self.pick(['2', '0', '0.5', '3'])})",
            f"-{self.pick(['i', 'f', 'l[0]'])}", f"({sub})|{self.pick(NUMBER_FILTERS)}", f"({self.items(depth - 1)})|length", f"({self.text(depth - 1)})|length",
            f"({self.text(depth - 1)})|int", f"({self.text(depth - 1)})|float(1.5)", f"(l|{self.pick(['sum', 'max', 'min', 'first', 'last'])})"])

    def items(self, depth):
        if depth <= 0:
            return self.pick(["l", "m", "el", "[1, 'a', none]", "range(4)", "rows", "messages", "pairs", "mixed", "(3, 4)", "d", "'abc'", "d.values()"])
        sub = self.items(depth - 1)
        return self.pick([
            f"(({sub})|{self.pick(ITEM_FILTERS)})", f"(l + {self.pick(['[1]', 'el', 'm'])})", f"[{self.expr(depth - 1)}, {self.number(depth - 1)}]",
            f"(rows|{self.pick(ROW_FILTERS)})", f"(m|{self.pick(['sort', 'map(repr)|list'.replace('repr', repr('upper')), 'unique|list', 'sort(case_sensitive=true)'])})",
            f"({self.text(depth - 1)}).split({self.pick(['', repr(','), repr('l'), 'None, 2'])})", f"(l[{self.pick(['1:', '::-1', ':2', '-2:'])}])",
            f"(d|{self.pick(['items|list', 'dictsort', 'list'])})", f"d.{self.pick(['keys', 'values', 'items'])}()"])

    def truth(self, depth):
        if depth <= 0:
            return self.pick(["yes", "no", "s", "e", "el", "undefd", "n", "i > 3", "'a' in d", "l"])
        sub = self.truth(depth - 1)
        return self.pick([
            f"not {sub}", f"({sub} and {self.truth(depth - 1)})", f"({sub} or {self.expr(depth - 1)})", f"({self.number(depth - 1)} {self.pick(['<', '<=', '==', '!=', '>', '>='])} {self.number(depth - 1)})",
            f"({self.expr(depth - 1)} is {self.pick(SAFE_TESTS)})", f"({self.text(depth - 1)} {self.pick(['in', 'not in', '<', '==', '>='])} {self.text(depth - 1)})",
            f"({self.expr(depth - 1)} in {self.items(depth - 1)})", f"({self.number(depth - 1)} < {self.number(depth - 1)} <= {self.number(depth - 1)})",
            f"({self.expr(depth - 1)} {self.pick(['==', '!='])} {self.expr(depth - 1)})"])

    def expr(self, depth=3):
        if self.chance(0.65):
            return self.pick([self.text, self.text, self.number, self.items, self.truth])(depth)
        return self.any_expr(depth)

    def any_expr(self, depth=3):
        if depth <= 0:
            return self.atom()
        kind = self.r.randrange(17)
        sub = lambda: self.expr(depth - 1)
        if kind < 3:
            return self.atom()
        if kind < 5:
            return f"{self.operand(depth)}|{self.filter(depth)}"
        if kind == 5:
            return f"{self.operand(depth)} is {self.pick(['', '', 'not '])}{self.pick(TESTS)}"
        if kind < 8:
            return f"{self.operand(depth)} {self.pick(BINARY)} {self.operand(depth)}"
        if kind == 8:
            return f"({sub()} if {sub()} else {sub()})" if self.chance(0.7) else f"({sub()} if {sub()})"
        if kind == 9:
            return f"{self.operand(depth)}[{self.pick(['0', '-1', '1', '5', repr('a'), repr('k'), sub()])}]"
        if kind == 10:
            bound = lambda: self.pick(["", "", "1", "-1", "2", "-2", "0", "10", "-10", "i"])
            step = self.pick(["", "", ":", ":2", ":-1", ":-2", ":1"])
            sliced = self.pick(["s", "u", "l", "m", "rows", "messages", "'abcdef'", "range(9)", "(1, 2, 3)", self.name()])
            return f"{sliced}[{bound()}:{bound()}{step}]"
        if kind == 11:
            return f"{self.pick(['s', 't', 'u', 'w', 'e', self.operand(depth)])}.{self.pick(STRING_METHODS)}"
        if kind == 12:
            return f"{self.operand(depth)}.{self.pick(OTHER_METHODS)}"
        if kind == 13:
            return self.pick(["not ", "-", "+", "- ", "not not "]) + self.operand(depth)
        if kind == 14:
            return self.pick([f"[{sub()}, {sub()}]", f"({sub()}, {sub()})", f"{{'a': {sub()}, {sub()}: 1}}", f"({sub()},)"])
        if kind == 15:
            return self.pick(FORMATS)
        return f"{self.operand(depth)} {self.pick(['<', '==', '<=', 'in', '!='])} {self.operand(depth)} {self.pick(['<', '==', '>', 'not in'])} {self.operand(depth)}"

    def operand(self, depth):
        text = self.expr(depth - 1)
        return text if re.fullmatch(r"\w+|'[^']*'|\[[^\]]*\]", text) else f"({text})" if self.chance(0.9) else text

    def filter(self, depth):
        text = self.pick(FILTERS)
        if self.chance(0.25):
            text += "|" + self.pick(FILTERS)
        return text

    def space(self):
        return self.pick(["", "", "", " ", "\n", "\n\n", "  ", "\t", "\n  ", " \n"])

    def open(self, kind="%"):
        return "{" + kind + self.pick(["", "", "", "-", "-", "+"]) + " "

    def close(self, kind="%"):
        sign = self.pick(["", "", "", "-", "-", "+" if kind != "}" else ""])
        return " " + sign + kind + "}"

    def tag(self, text):
        return self.space() + self.open() + text + self.close() + self.space()

    def data(self):
        return self.space() + self.pick(["text", "a b", "é", "}}", "%}", "{ x }", "#", "'", "", ".", "-"]) + self.space()

    def body(self, depth, loop=False):
        return "".join(self.statement(depth, loop) for _ in range(self.r.randrange(1, 4)))

    def macro_call(self):
        return self.pick(["foo()", "foo(1)", "foo(s, 2)", "foo(x=3)", "foo(1, 2, 3)", "foo(zz=1)", "foo(*l)", "foo(**d)", "foo(y=1, x=2)"])

    def output(self, depth):
        begin = "{{" + self.pick(["", "", "-", "+"]) + " "
        text = self.macro_call() if self.chance(0.06) else self.expr(depth + 1)
        return begin + text + self.pick(["", "", " -"]) + "}}"

    def loop_output(self):
        return "{{ " + self.pick([
            "loop.index", "loop.index0", "loop.first", "loop.last", "loop.length", "loop.revindex", "loop.revindex0", "loop.depth",
            "loop.previtem", "loop.nextitem", "loop.cycle('a', 'b')", "loop.changed(item)", "loop.changed(x, i)", "loop", "loop|length",
            "loop.depth0", "loop['index']", "loop.previtem is defined", "loop.nextitem|default('-')"]) + " }}"

    def statement(self, depth, loop):
        kind = self.r.randrange(24) if depth > 0 else self.r.randrange(9)
        if kind < 2:
            return self.data()
        if kind < 7:
            return self.loop_output() if loop and self.chance(0.4) else self.output(depth)
        if kind == 7:
            return self.tag(f"set {self.target()} = {self.expr(2)}")
        if kind == 8:
            return self.pick([
                self.space() + "{#" + self.pick(["", "-"]) + " c " + self.pick(["", "-", "+"]) + "#}" + self.space(),
                self.tag(f"set {self.target()}, {self.target()} = {self.pick(['1, 2', 'pairs[0]', 'l', 's', self.expr(1)])}"),
                self.tag(f"set ns = namespace({self.pick(['', 'a=1', 'd', 'x=l, y=s'])})"),
                self.tag(f"set ns.{self.pick(['a', 'x', 'y'])} = {self.expr(2)}"),
                self.tag("break") if loop else "", self.tag("continue") if loop else "",
                self.tag(f"print {self.expr(1)}"),
            ])
        if kind < 13:
            text = self.tag(f"if {self.expr(2)}") + self.body(depth - 1, loop)
            if self.chance(0.3):
                text += self.tag(f"elif {self.expr(2)}") + self.body(depth - 1, loop)
            if self.chance(0.5):
                text += self.tag("else") + self.body(depth - 1, loop)
            return text + self.tag("endif")
        if kind < 18:
            over = self.pick(["l", "m", "rows", "messages", "range(3)", "d", "s", "el", "undefd", "mixed", "d.items()", "pairs",
                              "l|reverse", "rows|map(attribute='k')", "m|map('upper')", "mixed|select", "d|items", "l|batch(2)", self.expr(2)])
            names = self.pick(["item", "item", "x", "x, y", "i"])
            text = f"for {names} in {over}"
            if self.chance(0.2):
                text += f" if {self.expr(1)}"
            if self.chance(0.08):
                text += " recursive"
            text = self.tag(text) + self.body(depth - 1, True)
            if "recursive" in text and self.chance(0.5):
                text += "{{ loop(item) if item is iterable and item is not string }}"
            if self.chance(0.2):
                text += self.tag("else") + self.body(depth - 1, loop)
            return text + self.tag("endfor")
        if kind == 18:
            return self.tag("set " + self.target() + self.pick(["", " | upper", " | trim | length", "|default('z')"])) + self.body(depth - 1, loop) + self.tag("endset")
        if kind == 19:
            return self.tag("filter " + self.pick(["upper", "trim", "indent(2)", "replace('e', 'E')|length", "tojson"])) + self.body(depth - 1, loop) + self.tag("endfilter")
        if kind == 20:
            return self.tag("with " + self.pick(["", "x = 1", f"x = {self.expr(1)}, y = x", "x, y = pairs[0]"])) + self.body(depth - 1, loop) + self.tag("endwith")
        if kind == 21:
            parameters = self.pick(["", "x", "x, y=2", "x=l, y=x", "y=1, x=y", "x, caller=none"])
            extra = self.pick(["", "", "{{ varargs }}", "{{ kwargs }}", "{{ caller() if caller }}", "{{ varargs|length }}{{ kwargs|dictsort }}", "{{ foo.name }}{{ foo.arguments }}"])
            return self.tag(f"macro foo({parameters})") + self.body(depth - 1, False) + extra + self.tag("endmacro")
        if kind == 22:
            return self.tag(self.pick(["call foo(1)", "call(x) foo()", "call foo(y=2)", "call foo(**d)"])) + self.body(depth - 1, False) + self.tag("endcall")
        return self.pick([
            self.tag("generation") + self.body(depth - 1, False) + self.tag("endgeneration"),
            self.space() + "{%" + self.pick(["", "-"]) + " raw " + self.pick(["", "-"]) + "%}" + self.space() + "{{ x }} {% if %}" + self.space()
            + "{%" + self.pick(["", "-", "+"]) + " endraw " + self.pick(["", "-", "+"]) + "%}" + self.space(),
        ])

    def template(self):
        size = self.r.randrange(4)
        if size == 0:
            return "{{ " + self.expr(3) + " }}"
        return "".join(self.statement(size - 1, False) for _ in range(self.r.randrange(1, 5)))


UNFIXED = re.compile(r" at 0x[0-9a-f]+|<built-in|<bound method|<function|<class|<TemplateReference|<oracle|_GroupTuple")


def expected(env, template):
    """(text or None for a failure, comparable)"""
    try:
        compiled = env.from_string(template)
    except TypeError:  # a defect of jinja2's: it computes {[]: 1} even where it is never reached
        return None, False
    except AssertionError as error:  # another: names in the filter of a set block
        return None, "unknown to the frame" not in str(error)
    except Exception:
        return None, True
    try:
        text = compiled.render(copy.deepcopy(CONTEXT))  # jinja2's indent can change a list
    except (MemoryError, RecursionError):
        return None, False
    except Exception:
        return None, True
    return text, not UNFIXED.search(text)


def make(seed, cases):
    return [Maker(seed * 1_000_003 + n).template() for n in range(cases)]


def compare(program, templates):
    """[(template, what Python gives, what we give)] where they differ, how many were left out, and
    how many failed in both."""
    lines = "".join(json.dumps({"template": t, "context": CONTEXT}) + "\n" for t in templates)
    done = subprocess.run([program], input=lines.encode(), stdout=subprocess.PIPE, check=True)
    answers = done.stdout.decode().rstrip("\n").split("\n")
    if len(answers) != len(templates):
        sys.exit(f"{program} answered {len(answers)} of {len(templates)} templates")
    env = oracle.environment()
    skipped = failed = 0
    different = []
    for template, line in zip(templates, answers):
        answer = json.loads(line)
        if answer.get("code") in ("unsupported", "limit"):
            skipped += 1
            continue
        text, comparable = expected(env, template)
        if not comparable:
            skipped += 1
            continue
        failed += text is None
        if answer.get("output") != text:
            different.append((template, text, answer))
    return different, skipped, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save")
    options = parser.parse_args()
    templates = make(options.seed, options.cases)
    different, skipped, failed = compare(options.program, templates)
    for template, text, answer in different[:20]:
        print(f"template {template!r}\n  jinja2 {text!r}\n  chitu  {answer!r}")
    if options.save:
        with open(options.save, "a") as file:
            file.writelines(json.dumps(template) + "\n" for template, _, _ in different)
    print(f"{len(templates)} templates, {failed} of them failing, {skipped} left out, {len(different)} different")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
