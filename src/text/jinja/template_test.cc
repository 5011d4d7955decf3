#include "text/jinja/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "text/jinja/fixed_clock.h"

namespace chitu::jinja {
namespace {

using ::testing::HasSubstr;

std::string render(std::string_view source, const boost::json::object& context = {}) {
  const auto compiled = Template::compile(source);
  if (!compiled.ok()) return "compile: " + compiled.error().message;
  const auto text = compiled->render(context, fixed_clock);
  return text.ok() ? *text : "render: " + text.error().message;
}

const boost::json::object kContext = {{"name", "World"},
                                      {"items", {1, 2, 3}},
                                      {"map", {{"b", 1}, {"a", {{"x", "y"}}}}},
                                      {"none", nullptr}};

TEST(Whitespace, BlocksTakeTheirLineAway) {
  EXPECT_EQ(render("a\n  {% if true %}\nb\n  {% endif %}\nc\n"), "a\nb\nc");
  EXPECT_EQ(render("  {{ 1 }}\n{# c #}\n x"), "  1\n x");
}

TEST(Whitespace, SignsStripAndKeep) {
  EXPECT_EQ(render("a \n {%- if true -%} \n b \n {%- endif -%} \n c"), "abc");
  EXPECT_EQ(render("  {%+ if true +%}\nx{% endif %}"), "  \nx");
  EXPECT_EQ(render("a \n {{- 1 -}} \n b"), "a1b");
  EXPECT_EQ(render("a {#- c -#} b"), "ab");
}

TEST(Whitespace, NewlinesAreOne) {
  EXPECT_EQ(render("a\r\nb\rc\n"), "a\nb\nc");
  EXPECT_EQ(render("a\n\n"), "a\n");
}

TEST(Whitespace, RawTextStays) {
  EXPECT_EQ(render("{% raw %}{{ x }}{% y %}{# z #}{% endraw %}"), "{{ x }}{% y %}{# z #}");
  EXPECT_EQ(render("{% raw -%}\n {{ x }} {%- endraw %}"), "{{ x }}");
}

TEST(Values, PrintAsPythonPrintsThem) {
  EXPECT_EQ(render("{{ [none, true, 1.0, 1e16, 0.1, -0.0, 'it\\'s', \"a\\n\", (1,), {'k': []}] }}"),
            R"([None, True, 1.0, 1e+16, 0.1, -0.0, "it's", 'a\n', (1,), {'k': []}])");
  EXPECT_EQ(render("{{ 'é\\u200b\\x00' }}{{ ['é\\u200b\\x00'] }}"),
            std::string("é\u200b\0['é\\u200b\\x00']", 22));
}

TEST(Values, ComputeAsPythonDoes) {
  EXPECT_EQ(
      render("{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 'ab' * 2 }}"),
      "-4 2 3.5 1024 0.5 abab");
  EXPECT_EQ(render("{{ 1 < 2 < 3 }} {{ 1 == 1.0 == true }} {{ 'b' in 'abc' }} {{ 2 not in [1] }}"),
            "True True True True");
  EXPECT_EQ(render("{{ 0.1 + 0.2 }} {{ 5 % -3 }} {{ -5.5 % 2 }} {{ 1e308 * 10 }}"),
            "0.30000000000000004 -1 0.5 inf");
}

TEST(Values, IntegersNeverWrap) {
  EXPECT_THAT(render("{{ 9223372036854775807 + 1 }}"), HasSubstr("does not fit into 64 bits"));
  EXPECT_THAT(render("{{ 2 ** 64 }}"), HasSubstr("does not fit into 64 bits"));
  EXPECT_THAT(render("{{ 9223372036854775808 }}"), HasSubstr("does not fit into 64 bits"));
  EXPECT_THAT(render("{{ (-9223372036854775807 - 1) // -1 }}"),
              HasSubstr("does not fit into 64 bits"));
  EXPECT_THAT(render("{{ x }}", {{"x", uint64_t{1} << 63}}),
              HasSubstr("does not fit into 64 bits"));
}

TEST(Values, SliceByCharacters) {
  EXPECT_EQ(render("{{ 'äöü'[::-1] }}{{ 'äöü'[1] }}{{ 'äöü'[-2:] }}{{ 'abcdef'[4:1:-2] }}{{ [1, 2, "
                   "3][5:] }}"),
            "üöäööüec[]");
}

TEST(Values, FindTextsWithinTexts) {
  EXPECT_EQ(
      render("{{ 'ababcababd'.find('ababd') }} {{ 'aabaaabaa'.rfind('aabaa') }} "
             "{{ 'abcabcabc'.rfind('abc') }} {{ 'aaaa'.count('aa') }} {{ 'äöüö'.rfind('ö') }} "
             "{{ 'ab'.find('abc') }} {{ 'ab'.find('') }} {{ 'ab'.rfind('') }} {{ '' in '' }}"),
      "5 4 6 2 3 -1 0 2 True");
  EXPECT_EQ(render("{{ 'aaaaa'.split('aa') }} {{ 'aaaaa'.rsplit('aa') }} "
                   "{{ 'abababa'.replace('aba', 'x') }} {{ 'a-b-c'.rsplit('-', 1) }} "
                   "{{ 'a--b'.rpartition('-') }} {{ 'x'.rpartition('-') }}"),
            "['', '', 'a'] ['a', '', ''] xbx ['a-b', 'c'] ('a-', '-', 'b') ('', '', 'x')");
  EXPECT_EQ(render("{{ 'xéayé'.strip('éx') }} {{ 'éé'.lstrip('é') }}| {{ 'aba'.rstrip('a') }}"),
            "ay | ab");
}

TEST(Undefined, PrintsNothingAndFailsBelow) {
  EXPECT_EQ(render("[{{ x }}{{ (x.y is defined) if false else '' }}{{ x|default('d') }}{{ x is "
                   "undefined }}]"),
            "[dTrue]");
  EXPECT_EQ(render("{{ x.y }}"), "render: line 1: 'x' is undefined");
  EXPECT_EQ(render("\n{{ map.zz.y }}", kContext),
            "render: line 2: 'dict object' has no attribute 'zz'");
}

TEST(Scopes, LoopsKeepTheirAssignments) {
  EXPECT_EQ(
      render("{% set x = 0 %}{% for i in items %}{% set x = i %}{% endfor %}{{ x }}", kContext),
      "0");
  EXPECT_EQ(render("{% set ns = namespace(x=0) %}{% for i in items %}{% set ns.x = ns.x + i %}{% "
                   "endfor %}{{ ns.x }}",
                   kContext),
            "6");
  EXPECT_EQ(render("{% if true %}{% set x = 1 %}{% endif %}{{ x }}"), "1");
}

TEST(Scopes, NamesAssignedFirstAreNotSoughtOutside) {
  // As Jinja compiles it: the block is read before the name has its value.
  EXPECT_EQ(render("{% set name %}[{{ name }}]{% endset %}{{ name }}", kContext), "[]");
  EXPECT_EQ(render("{% macro m() %}{{ name }}{% endmacro %}{{ m() }}{% set name = 1 %}{{ m() }}",
                   kContext),
            "1");
  EXPECT_EQ(
      render("{% macro m() %}{{ name }}{% endmacro %}{{ m() }}{% set name = name %}", kContext),
      "World");
}

TEST(Scopes, NamesFirstAssignedBelowAnIfAreSoughtOutside) {
  const boost::json::object outside = {{"x", "out"}};
  // In the order of the source, whatever the branches are.
  EXPECT_EQ(render("{% macro m() %}{{ x }}{% endmacro %}{{ m() }}"
                   "{% if false %}{% set x = 1 %}{% endif %}{{ x }}",
                   outside),
            "outout");
  EXPECT_EQ(render("{% for i in [1] %}{% if false %}{% set x = 1 %}{% elif true %}{{ x }}"
                   "{% else %}{% set x = 2 %}{% endif %}{% set x = 3 %}{{ x }}{% endfor %}",
                   outside),
            "out3");
  EXPECT_EQ(render("{% for i in [1] %}{% if false %}{% set x = 1 %}{{ x }}{% endif %}"
                   "{{ x }}{% set x = 3 %}{% endfor %}",
                   outside),
            "out");
  EXPECT_EQ(render("{% for i in [1] %}{% set x %}{{ x }}{% endset %}{% if true %}{{ x }}"
                   "{% endif %}|{% endfor %}",
                   outside),
            "|");
}

TEST(Scopes, NamesOfSeveralScopesAreOneBehindTheOther) {
  // `x` belongs to four scopes; each is asked only while those within it have not assigned it.
  EXPECT_EQ(render("{% set x = 'a' %}{% macro m() %}{% for i in [0, 1, 2] %}"
                   "{% if i == 1 %}{% set x = 'c' %}{% endif %}{{ x }}"
                   "{% with %}{% if i == 2 %}{% set x = 'd' %}{% endif %}{{ x }}{% endwith %}"
                   "{% endfor %}{% if true %}{% set x = 'b' %}{% endif %}{{ x }}{% endmacro %}"
                   "{{ m() }}{{ x }}"),
            "aaccadba");
  EXPECT_EQ(render("{% for x, y in [(1, 2), (3, 4)] if y > 2 %}{{ loop.index }}{{ x }}{{ y }}"
                   "{% else %}{{ x }}{% endfor %}{{ x }}",
                   {{"x", "out"}}),
            "134out");
  EXPECT_EQ(render("{% macro m(a, b=a, kwargs=1) %}{% set a = 9 %}{{ a }}{{ b }}{{ varargs }}"
                   "{% endmacro %}{{ m(5) }}{{ m(1, 2, 3, 4) }}"),
            "95()92(4,)");
}

TEST(Loops, KnowWhereTheyAre) {
  EXPECT_EQ(render("{% for i in items %}{{ loop.index }}/{{ loop.length }}{{ '.' if loop.last else "
                   "',' }}{% endfor %}",
                   kContext),
            "1/3,2/3,3/3.");
  EXPECT_EQ(render("{% for i in items if i != 2 %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }} "
                   "{% endfor %}",
                   kContext),
            "<1>3 1<3> ");
  EXPECT_EQ(
      render("{% for k, v in map.items() %}{{ k }}={{ v }};{% else %}none{% endfor %}", kContext),
      "b=1;a={'x': 'y'};");
  EXPECT_EQ(render("{% for i in [] %}{% else %}none{% endfor %}"), "none");
}

TEST(Loops, BreakAndContinue) {
  EXPECT_EQ(render("{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 4 "
                   "%}{% break %}{% endif %}"
                   "{{ i }}{% endfor %}"),
            "023");
  EXPECT_THAT(render("{% break %}"), HasSubstr("outside of a loop"));
}

TEST(Loops, Recurse) {
  EXPECT_EQ(render("{% for x in t recursive %}{{ x.n }}@{{ loop.depth }}({{ loop(x.c) if x.c }}){% "
                   "endfor %}",
                   {{"t", {{{"n", 1}, {"c", {{{"n", 2}}, {{"n", 3}}}}}}}}),
            "1@1(2@2()3@2())");
}

TEST(Macros, TakeArgumentsAsPythonDoes) {
  EXPECT_EQ(render("{% macro m(a, b=2) %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ "
                   "m(1) }} {{ m(1, 3, 4, z=5) }}"),
            "12(){} 13(4,){'z': 5}");
  EXPECT_THAT(render("{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}"),
              HasSubstr("at most 1 arguments"));
  EXPECT_THAT(render("{% macro m(a) %}{% endmacro %}{{ m(b=1) }}"),
              HasSubstr("no argument named 'b'"));
  EXPECT_EQ(
      render(
          "{% macro m() %}<{{ caller(1) }}>{% endmacro %}{% call(x) m() %}{{ x }}!{% endcall %}"),
      "<1!>");
}

TEST(Sandbox, HasNoWayToPythonsInternals) {
  for (const char* source : {"{{ ''.__class__ }}", "{{ ''['__class__'] }}", "{{ x.__class__ }}",
                             "{{ range.__globals__ }}", "{{ ''|attr('__class__') }}",
                             "{{ map.__init__ }}", "{{ namespace.__subclasses__ }}"}) {
    EXPECT_EQ(render(source, kContext), "") << source;
  }
  EXPECT_THAT(render("{{ ''.__class__.__mro__ }}"), HasSubstr("render: "));
  EXPECT_THAT(render("{% set ns = namespace() %}{% set ns.__class__ = 1 %}"),
              HasSubstr("cannot have the attribute"));
}

TEST(Sandbox, ChangesNothing) {
  EXPECT_THAT(render("{{ items.append(4) }}", kContext),
              HasSubstr("'append' of 'list' object is unsafe"));
  EXPECT_THAT(render("{{ map.update({}) }}", kContext), HasSubstr("unsafe"));
  EXPECT_THAT(render("{% set map.x = 1 %}", kContext), HasSubstr("not a namespace"));
}

TEST(Functions, AnswerTheClock) {
  EXPECT_EQ(render("{{ strftime_now('%d %b %Y %H:%M') }}"), "15 Jan 2026 12:34");
  EXPECT_EQ(render("{{ strftime_now('') }}"), "");
}

TEST(Functions, WriteJson) {
  EXPECT_EQ(
      render("{{ map|tojson }}{{ 'ü<'|tojson }}{{ 'ü\\U0001F600'|tojson(ensure_ascii=true) }}",
             kContext),
      R"({"b": 1, "a": {"x": "y"}}"ü<""\u00fc\ud83d\ude00")");
  EXPECT_EQ(
      render(
          "{{ [1, {}]|tojson(indent=2) }}{{ map|tojson(sort_keys=true, separators=(',', ':')) }}",
          kContext),
      "[\n  1,\n  {}\n]{\"a\":{\"x\":\"y\"},\"b\":1}");
  EXPECT_THAT(render("{{ x|tojson }}"), HasSubstr("cannot be written as JSON"));
}

TEST(Errors, NameTheLine) {
  EXPECT_EQ(render("a\n\n{{ 1 + }}"), "compile: line 3: expected an expression, found '}}'");
  EXPECT_EQ(render("a\n{% if x %}"), "compile: line 2: the template ends before 'endif'");
  EXPECT_EQ(render("{% for %}"), "compile: line 1: expected an expression, found '%}'");
  EXPECT_EQ(render("\n{{ x|nosuch }}"), "compile: line 2: there is no filter named 'nosuch'");
  EXPECT_EQ(render("{{ 'a' + \n 1 }}"), "render: line 1: '+' cannot be applied to str and int");
  EXPECT_THAT(render("{% include 'x' %}"), HasSubstr("{% include %} is not supported"));
  EXPECT_THAT(render("{% extends 'x' %}"), HasSubstr("{% extends %} is not supported"));
  EXPECT_THAT(render("{% import 'x' as y %}"), HasSubstr("{% import %} is not supported"));
}

TEST(Errors, UnknownFiltersBelowAnIfWaitUntilTheyAreUsed) {
  EXPECT_EQ(render("{% if false %}{{ 1|nosuch }}{% endif %}ok"), "ok");
  EXPECT_THAT(render("{% if true %}{{ 1|nosuch }}{% endif %}"), HasSubstr("render: "));
}

TEST(Errors, TellFiltersThatAreNotSupportedFromThoseThatDoNotExist) {
  for (const char* name : {"pprint", "random", "striptags", "urlize", "wordwrap", "xmlattr"}) {
    const std::string message =
        fmt::format("line 1: the filter '{}' is not supported in a chat template", name);
    const auto compiled = Template::compile(fmt::format("{{{{ x|{} }}}}", name));
    ASSERT_FALSE(compiled.ok());
    EXPECT_EQ(compiled.error().code, ErrorCode::kUnsupported);
    EXPECT_EQ(compiled.error().message, message);
    EXPECT_EQ(render(fmt::format("{{{{ x|{} if true }}}}", name)), "render: " + message);
    EXPECT_EQ(render(fmt::format("{{{{ '{}' is filter }}}}", name)), "True");
  }
}

TEST(Compile, RefusesWhatIsNotUtf8) {
  EXPECT_FALSE(Template::compile("\xff").ok());
  EXPECT_FALSE(Template::compile("{{ '\\ud800' }}").ok());
}

}  // namespace
}  // namespace chitu::jinja
