// Templates that try to cost more than they may. Each must end in an error that names its limit.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "text/jinja/template.h"

namespace chitu::jinja {
namespace {

using ::testing::HasSubstr;

Error error_of(std::string_view source, const boost::json::object& context = {}) {
  const auto compiled = Template::compile(source);
  if (!compiled.ok()) return compiled.error();
  const auto text = compiled->render(context, [] { return std::tm{}; });
  return text.ok()
             ? Error{ErrorCode::kInternal, "rendered " + std::to_string(text->size()) + " bytes"}
             : text.error();
}

void expect_limit(std::string_view source, std::string_view limit) {
  const Error error = error_of(source);
  EXPECT_EQ(error.code, ErrorCode::kResourceExhausted) << source.substr(0, 200);
  EXPECT_THAT(error.message, HasSubstr(limit)) << source.substr(0, 200);
}

std::string repeat(std::string_view s, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += s;
  return out;
}

TEST(Limits, Steps) {
  expect_limit("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
               "1000000 steps");
  expect_limit("{% set l = range(99999)|list %}{% for i in l %}{{ (i in l) or '' }}{% endfor %}",
               "steps");
  expect_limit(
      "{% set s = 'a' * 9999999 %}{% for i in range(99999) %}{{ '' if 'b' in s }}{% endfor %}",
      "steps");
  expect_limit("{% for i in range(99999) %}{{ (range(99999)|list|sort)[:0] or '' }}{% endfor %}",
               "steps");
}

TEST(Limits, Output) {
  expect_limit("{% set s = 'a' * 100000 %}{% for i in range(100) %}{{ s }}{% endfor %}",
               "4194304 bytes");
  expect_limit("{{ 'a' * 5000000 }}", "rendered text");
}

TEST(Limits, Memory) {
  expect_limit("{{ 'a' * 9223372036854775807 }}", "bytes of memory");
  expect_limit("{{ [1] * 9223372036854775807 }}", "bytes of memory");
  expect_limit("{{ '%2000000000d' % 1 }}", "memory");
  expect_limit("{{ 'a'.ljust(9999999999) }}", "memory");
  expect_limit("{{ 'a'|center(9999999999) }}", "memory");
  expect_limit("{{ '{:>2000000000}'.format(1) }}", "memory");
  expect_limit("{{ 'a'|indent(9999999999) }}", "memory");
  expect_limit("{{ [1]|tojson(indent=9999999999) }}", "memory");
  expect_limit("{{ ('a' * 9999)|replace('', 'b' * 99999) }}", "memory");
  expect_limit("{{ ('b' * 99999).join(['a'] * 9999) }}", "memory");
  expect_limit(
      "{% set ns = namespace(s='a') %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% "
      "endfor %}",
      "memory");
  expect_limit(
      "{% set ns = namespace(l=[1]) %}{% for i in range(64) %}{% set ns.l = ns.l + ns.l %}{% "
      "endfor %}",
      "memory");
  // Lists that share their parts are small, their text is not.
  expect_limit(
      "{% set ns = namespace(l=[1]) %}{% for i in range(64) %}{% set ns.l = [ns.l, ns.l] %}{% "
      "endfor %}{{ ns.l }}",
      "");
}

TEST(Limits, DeepValues) {
  expect_limit(
      "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% endfor "
      "%}",
      "nests deeper than its limit of 200");
  expect_limit(
      "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = {'a': ns.l} %}{% "
      "endfor %}",
      "nests deeper");
  expect_limit(
      "{% set ns = namespace(l=[1]) %}{% for i in range(99999) %}{% set ns.l = ns.l|select %}{% "
      "endfor %}",
      "nests deeper");
  expect_limit("{% set ns = namespace(a=1) %}{% set ns.a = ns %}{{ ns }}",
               "nests deeper than its limit of 1000");
}

TEST(Limits, SharedPartsCostNoExponentialTime) {
  expect_limit(
      "{% set a = namespace(l=[]) %}{% set b = namespace(l=[]) %}{% for i in range(99) %}"
      "{% set a.l = [a.l, a.l] %}{% set b.l = [b.l, b.l] %}{% endfor %}{{ a.l == b.l }}",
      "steps");
  EXPECT_EQ(error_of("{% set a = namespace(l=()) %}{% for i in range(99) %}{% set a.l = (a.l, a.l) "
                     "%}{% endfor %}"
                     "{{ {a.l: 1}|length }}")
                .message,
            "rendered 1 bytes");
}

TEST(Limits, Recursion) {
  expect_limit("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "1000 levels");
  expect_limit("{% for x in [[1]] recursive %}{{ loop([x]) }}{% endfor %}", "1000 levels");
  expect_limit(
      "{% macro m(n) %}{% if true %}{% for i in [1] %}{{ [m(n)]|map('string')|join }}{% endfor "
      "%}{% endif %}"
      "{% endmacro %}{{ m(1) }}",
      "1000 levels");
}

TEST(Limits, Nesting) {
  expect_limit("{{ " + repeat("(", 60000) + repeat(")", 60000) + " }}", "limit of 100");
  expect_limit("{{ " + repeat("[", 500) + repeat("]", 500) + " }}", "limit of 100");
  expect_limit("{{ " + repeat("not ", 50000) + "x }}", "limit of 100");
  expect_limit("{{ " + repeat("-", 50000) + "1 }}", "limit of 100");
  expect_limit("{{ 1" + repeat(" if 1 else 1", 500) + " }}", "limit of 100");
  expect_limit(repeat("{% if 1 %}", 40000) + repeat("{% endif %}", 40000), "limit of 100");
  expect_limit(repeat("{% for x in y %}", 500), "limit of 100");
  expect_limit("{{ x" + repeat(".x", 50000) + " }}", "longer than its limit");
  expect_limit("{{ x" + repeat("|list", 50000) + " }}", "longer than its limit");
  expect_limit("{{ 1" + repeat("+1", 50000) + " }}", "longer than its limit");
  expect_limit("{% if 1 %}" + repeat("{% elif 1 %}", 80000) + "{% endif %}{{ '(' * 99999999999 }}",
               "memory");
}

// A template of nearly the greatest size: `pattern` repeated between `begin` and `end`, each time
// with a number in place of {n}. What looks at every earlier one again for each of them takes
// minutes, and runs into the time limit of a test.
std::string numbered(std::string_view begin, std::string_view pattern, std::string_view end,
                     size_t size = 900'000) {
  std::string out(begin);
  for (int i = 0; out.size() < size; ++i) {
    out += fmt::format(fmt::runtime(pattern), fmt::arg("n", i));
  }
  return out += end;
}

TEST(Limits, CompilingIsLinear) {
  for (const std::string& source :
       {numbered("", "{{% if a{n} %}}{{% set b{n} = 1 %}}{{% endif %}}", ""),
        numbered("{% if x %}", "{{% elif a{n} %}}{{% set b{n} = 1 %}}", "{% endif %}"),
        numbered("{% macro m(", "p{n}, ", "p) %}{% endmacro %}"),
        numbered(repeat("{% for i in x %}", 90), "{{{{ a{n} }}}}", repeat("{% endfor %}", 90)),
        numbered(repeat("{% macro m() %}", 90), "{{% set a{n} = b{n} %}}",
                 repeat("{% endmacro %}", 90))}) {
    EXPECT_EQ(error_of(source).message, "rendered 0 bytes") << source.substr(0, 100);
  }
}

TEST(Limits, NamesCostTheSameHoweverManyThereAre) {
  EXPECT_EQ(error_of(numbered("{% if false %}", "{{% set a{n} = 1 %}}",
                              "{% endif %}{% for i in range(99999) %}{% if a1 or zzzzzz %}"
                              "{% endif %}{% endfor %}"))
                .message,
            "rendered 0 bytes");
}

TEST(Limits, ArgumentsCostTheSameHoweverManyThereAre) {
  boost::json::object d;
  std::string fields;
  for (int i = 0; i < 50'000; ++i) {
    d[fmt::format("q{}", i)] = 1;
    fields += fmt::format("{{q{}}}", i);
  }
  const boost::json::object context = {{"d", d}, {"f", fields}};
  EXPECT_EQ(error_of("{{ f.format(**d) }}", context).message, "rendered 50000 bytes");
  EXPECT_EQ(error_of(numbered("{% macro m(", "q{n}, ",
                              "q) %}{{ kwargs|length }}{% endmacro %}"
                              "{{ m(**d) }}",
                              300'000),
                     context)
                .message,
            "rendered 5 bytes");
  EXPECT_EQ(error_of(numbered("{% macro m() %}{{ kwargs|length }}{% endmacro %}{{ m(", "p{n}=1, ",
                              "**d) }}"),
                     context)
                .message,
            "rendered 6 bytes");
}

TEST(Limits, SearchingIsLinear) {
  // A search that begins again at every place would compare 10^12 bytes.
  const std::string texts =
      "{% set s = 'a' * 2000000 %}{% set p = 'a' * 1000000 ~ 'b' %}"
      "{% set q = 'b' ~ 'a' * 1000000 %}";
  for (const char* expression :
       {"p in s", "s.find(p) >= 0", "s.rfind(q) >= 0", "s.count(p)", "s.replace(p, '') != s",
        "s|replace(p, '') != s", "s.split(p)|length > 1", "s.rsplit(q)|length > 1",
        "s.partition(p)[1]", "s.rpartition(q)[1]", "('b' * 1000000).strip(p) != ''",
        "('b' * 1000000).rstrip(p) != ''", "(('b' * 1000000)|trim(p)) != ''"}) {
    EXPECT_EQ(error_of(texts + "{{ 'found' if " + expression + " }}").message, "rendered 0 bytes")
        << expression;
  }
}

TEST(Limits, BytesArePartOfTheBudget) {
  // A few steps of an expression each, and 200,000 bytes.
  const std::string begin =
      "{% set s = 'a' * 200000 %}{% set t = 'a' * 200000 %}{% set u = 'é' * 100000 %}"
      "{% set d = {s: 1} %}{% set l = range(50000)|list %}{% for i in range(3000) %}{% if ";
  for (const char* expression : {"s == t",
                                 "s != t",
                                 "s < t",
                                 "s >= t",
                                 "[s] == [t]",
                                 "s in [t]",
                                 "t in (s,)",
                                 "t in d",
                                 "d[t]",
                                 "d.get(t)",
                                 "{t: 1, s: 2}",
                                 "s in t",
                                 "s.startswith(t)",
                                 "s.endswith(t)",
                                 "s.startswith(('b', t))",
                                 "s.removeprefix(t)",
                                 "s.removesuffix(t)",
                                 "s.removeprefix('b')",
                                 "s.expandtabs(0)",
                                 "s|e",
                                 "s|forceescape",
                                 "s|safe",
                                 "'a'|replace(s, t)",
                                 "'a'|indent(200000)",
                                 "'a'|indent(s)",
                                 "1|tojson(indent=200000)",
                                 "1|tojson(indent=s)",
                                 "1|tojson(separators=(s, t))",
                                 "s|int",
                                 "s|float",
                                 "u[50000]",
                                 "u[50000:50001]",
                                 "u.find('é', 50000)",
                                 "u.rfind('é')",
                                 "u.startswith('é', 99000)",
                                 "s ~ 1",
                                 "s + 'b'",
                                 "'%s' % s",
                                 "'{}'.format(s)",
                                 "dict(a=s)|string",
                                 "d[s ~ i]",
                                 "l[1:]",
                                 "l + l",
                                 "l * 2",
                                 "'{:0200000}'.format(1)",
                                 "s.ljust(200001)",
                                 "s|center(200001)"}) {
    expect_limit(begin + expression + " %}{% endif %}{% endfor %}", "steps");
  }
  expect_limit(
      "{% set s = 'a' * 200000 %}{% for i in range(3000) %}{% set x %}{{ s }}{% endset %}"
      "{% endfor %}",
      "steps");
}

TEST(Limits, ScopesArePartOfTheBudget) {
  expect_limit(numbered("{% for i in range(99999) %}{% if false %}", "{{% set a{n} = 1 %}}",
                        "{% endif %}{% endfor %}"),
               "steps");
  expect_limit(numbered("{% macro m() %}{{ m() }}{% if false %}", "{{% set a{n} = 1 %}}",
                        "{% endif %}{% endmacro %}{{ m() }}"),
               "memory");
}

TEST(Limits, Size) {
  expect_limit(std::string((1 << 20) + 1, 'a'), "1048576");
  expect_limit("{{ range(100001) }}", "limit of 100000");
  expect_limit("{{ range(-2305843009213693952, 2305843009213693952) }}", "limit of 100000");
  expect_limit("{{ '%.2000f' % 1.5 }}", "limit of 1000");
}

TEST(Limits, CirclesAreCleanedUp) {
  // The leak checker of the dev build watches this one.
  EXPECT_EQ(error_of("{% set ns = namespace() %}{% set ns.ns = [ns] %}{% macro m() %}{% macro n() "
                     "%}{% endmacro %}"
                     "{% set ns.m = n %}{% endmacro %}{{ m() }}{% for i in [1] recursive %}{% set "
                     "ns.l = loop %}{% endfor %}")
                .message,
            "rendered 0 bytes");
}

}  // namespace
}  // namespace chitu::jinja
