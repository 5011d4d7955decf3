"""Tests of the checks: each finds what it is for, and nothing else."""

from pathlib import Path

import pytest

import check_layers
import check_links
import check_sizes

ROWS = check_layers.parse_layers("app: model  # all\nmodel: ops\nops: base\ncache: base\nbase:\n")
ALLOWED = check_layers.closure(ROWS)


def includes(sources):
    return check_layers.check_includes(sources, ROWS, ALLOWED)


def test_layers_are_transitive():
    assert ALLOWED["app"] == {"app", "model", "ops", "base"}
    assert includes({"app/a.cc": '#include "base/b.h"\n', "base/b.h": ""}) == []


def test_an_upward_include_is_found_with_its_chain():
    sources = {
        "app/a.cc": '#include "ops/o.h"\n',
        "ops/o.h": '// first\n#include "model/m.h"\n',
        "model/m.h": "",
    }
    (finding,) = includes(sources)
    assert finding.startswith("src/ops/o.h:2: ops may not include model")
    assert finding.endswith("app/a.cc -> ops/o.h -> model/m.h")


def test_siblings_may_not_include_each_other():
    (finding,) = includes({"cache/c.h": '#include "ops/o.h"\n', "ops/o.h": ""})
    assert "cache may not include ops" in finding


def test_tests_may_include_everything_but_nobody_includes_a_test_helper():
    sources = {
        "base/b_test.cc": '#include "app/a.h"\n#include "base/b_testing.h"\n',
        "base/b_testing.h": "",
        "app/a.h": "",
    }
    assert includes(sources) == []
    sources["base/b.cc"] = '#include "base/b_testing.h"\n'
    assert "for tests only" in includes(sources)[0]


def test_an_include_of_nothing_and_a_folder_without_a_row_are_found():
    assert "is no file of src/" in includes({"base/b.cc": '#include "base/gone.h"\n'})[0]
    assert "no row in layers.txt" in includes({"extra/x.h": ""})[0]


def test_cuda_headers_belong_to_the_cuda_back_end():
    assert "CUDA" in includes({"ops/o.cc": "#include <cuda_runtime_api.h>\n"})[0]
    assert includes({"ops/o.cc": "#include <cstdint>\n"}) == []


def test_layers_refuse_cycles_and_unknown_folders():
    with pytest.raises(check_layers.LayersError, match="a -> b -> a"):
        check_layers.closure(check_layers.parse_layers("a: b\nb: a\n"))
    with pytest.raises(check_layers.LayersError, match="c has no row"):
        check_layers.parse_layers("a: c\n")


def test_rules_read_code_and_not_comments():
    def rules(path, text):
        return check_layers.check_rules({path: text}, ROWS)

    assert "src/ops/o.cc:2: getenv" in rules("ops/o.cc", "\nstd::getenv(name);\n")[0]
    assert rules("ops/o.cc", '// getenv\nf("getenv"); /* thread_local */\n') == []
    assert rules("app/a.cc", "std::getenv(name);\n") == []
    assert len(rules("app/a.cc", "thread_local int x;\n")) == 1


def test_modules_depend_as_folders_include():
    def modules(text):
        return check_layers.check_modules({"ops/CMakeLists.txt": text}, ROWS, ALLOWED)

    assert modules("chitu_module(ops\n  SOURCES a.cc\n  DEPS base)\n") == []
    assert "ops may not depend on model" in modules("chitu_module(ops SOURCES a.cc DEPS model)\n")[0]
    assert "no such row" in modules("chitu_module(nope SOURCES a.cc)\n")[0]


FUNCTIONS = """
#define BRACE {
namespace x {
struct S {
  S() : a_(0) {}
  int f() const {
    const char* s = "}";  // }
    return [&] { return 1'000; }();
  }
  int a_;
};
const int kTable[] = {1, 2};
template <class T>
Result<T> S::g(int a,
               int b) {
  if (a) {
    b = 1;
  }
  return b;
}
}  // namespace x
"""


def test_functions_are_measured_from_their_first_line_to_the_last():
    assert check_sizes.cpp_functions(FUNCTIONS) == [("S", 5, 1), ("f", 6, 4), ("S::g", 13, 8)]
    assert check_sizes.python_functions("def f():\n    a = 1\n    return a\n") == [("f", 1, 3)]


def test_large_files_and_functions_are_found_unless_allowed():
    body = "void f() {\n" + "  g();\n" * 700 + "}\n"
    errors, _ = check_sizes.check_file("a.cc", body, {})
    assert errors == ["a.cc:  702 lines (limit 600)", "a.cc:1: f() 702 lines (limit 100)"]
    reasons = {"a.cc": "a table", "a.cc:f": "a table"}
    assert check_sizes.check_file("a.cc", body, reasons) == ([], [])
    _, warnings = check_sizes.check_file("a.cc", "void f() {\n" + "  g();\n" * 70 + "}\n", {})
    assert len(warnings) == 1


def test_links_lead_somewhere(tmp_path):
    (tmp_path / "b.md").write_text("# The `one` heading\n")

    def links(text):
        return check_links.check_text(Path("a.md"), text, tmp_path, {"src/io", "src/io/a.h"})

    assert links("[b](b.md) [h](b.md#the-one-heading) [w](https://x.org/y)") == []
    assert "broken link: c.md" in links("[c](c.md)")[0]
    assert "no heading" in links("[b](b.md#two)")[0]
    assert links("`src/io/` and `src/io/a.h`\n```\n[c](c.md)\n```\n") == []
    assert links("Code:\n\n    [&](const auto& x) {}\n\n    [c](c.md)\n") == []
    assert "no such path: src/io/b.h" in links("`src/io/b.h`")[0]
