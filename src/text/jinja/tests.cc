#include "text/jinja/tests.h"

#include <algorithm>
#include <array>

#include "text/jinja/arithmetic.h"
#include "text/jinja/bound.h"
#include "text/jinja/compare.h"
#include "text/jinja/filters.h"
#include "text/jinja/iterate.h"
#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

template <bool (*kPredicate)(const Value&)>
bool simple(Runtime&, const Value& operand, const Args& args) {
  expect_no_arguments("the test", args);
  return kPredicate(operand);
}

bool is_defined(const Value& v) { return !v.is_undefined(); }
bool is_undefined(const Value& v) { return v.is_undefined(); }
bool is_none(const Value& v) { return v.is_none(); }
bool is_boolean(const Value& v) { return v.is(Kind::kBool); }
bool is_true(const Value& v) { return v.is(Kind::kBool) && v.as_bool(); }
bool is_false(const Value& v) { return v.is(Kind::kBool) && !v.as_bool(); }
bool is_integer(const Value& v) { return v.is(Kind::kInt); }
bool is_float(const Value& v) { return v.is(Kind::kFloat); }
bool is_number(const Value& v) { return v.is_number(); }
bool is_string(const Value& v) { return v.is_string(); }
bool is_mapping(const Value& v) { return v.is(Kind::kDict); }
bool is_escaped(const Value& v) { return v.is_markup(); }
bool is_iterable(const Value& v) { return iterable(v); }

// What has a length and can be subscribed; that an undefined value has both is Jinja's.
bool is_sequence(const Value& v) {
  return v.is_undefined() || v.is_string() || v.is_sequence() || v.is(Kind::kDict) ||
         v.is(Kind::kRange);
}

bool is_callable(const Value& v) {
  return v.is_undefined() || v.is(Kind::kFunction) || v.is(Kind::kMacro) || v.is(Kind::kLoop) ||
         v.is(Kind::kJoiner);
}

// operand % divisor == expected
bool remainder_is(Runtime& rt, const Value& operand, const Value& divisor, int64_t expected) {
  return equal(binary(BinaryOp::kMod, operand, divisor, rt), Value::integer(expected), rt.meter());
}

bool odd(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("odd", args);
  return remainder_is(rt, operand, Value::integer(2), 1);
}

bool even(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("even", args);
  return remainder_is(rt, operand, Value::integer(2), 0);
}

bool divisibleby(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("divisibleby", args, {"num"}, 1);
  return remainder_is(rt, operand, *bound[0], 0);
}

template <bool (*kPredicate)(std::string_view)>
bool cased(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("the test", args);
  const std::string s = to_str(operand, rt);
  rt.meter().scan(s.size());
  return kPredicate(s);
}

bool sameas(Runtime&, const Value& operand, const Args& args) {
  const Bound bound("sameas", args, {"other"}, 1);
  return same(operand, *bound[0]) || (operand.is_undefined() && bound[0]->is_undefined() &&
                                      operand.shared() == bound[0]->shared());
}

bool in(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("in", args, {"seq"}, 1);
  return contains(*bound[0], operand, rt);
}

template <CompareOp kOp>
bool compared(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("a comparison", args, {"other"}, 1, true);
  return compare(kOp, operand, *bound[0], rt);
}

bool names_filter(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("filter", args);
  hash_of(operand, rt.meter());  // fails for what cannot be a name
  return operand.is_string() && is_filter(operand.text());
}

bool names_test(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("test", args);
  hash_of(operand, rt.meter());
  return operand.is_string() && find_test(operand.text()) != nullptr;
}

struct TestEntry {
  std::string_view name;
  TestFunction function;
};

constexpr std::array<TestEntry, 39> kTests = {{
    {"!=", compared<CompareOp::kNe>},
    {"<", compared<CompareOp::kLt>},
    {"<=", compared<CompareOp::kLe>},
    {"==", compared<CompareOp::kEq>},
    {">", compared<CompareOp::kGt>},
    {">=", compared<CompareOp::kGe>},
    {"boolean", simple<is_boolean>},
    {"callable", simple<is_callable>},
    {"defined", simple<is_defined>},
    {"divisibleby", divisibleby},
    {"eq", compared<CompareOp::kEq>},
    {"equalto", compared<CompareOp::kEq>},
    {"escaped", simple<is_escaped>},
    {"even", even},
    {"false", simple<is_false>},
    {"filter", names_filter},
    {"float", simple<is_float>},
    {"ge", compared<CompareOp::kGe>},
    {"greaterthan", compared<CompareOp::kGt>},
    {"gt", compared<CompareOp::kGt>},
    {"in", in},
    {"integer", simple<is_integer>},
    {"iterable", simple<is_iterable>},
    {"le", compared<CompareOp::kLe>},
    {"lessthan", compared<CompareOp::kLt>},
    {"lower", cased<all_lower>},
    {"lt", compared<CompareOp::kLt>},
    {"mapping", simple<is_mapping>},
    {"ne", compared<CompareOp::kNe>},
    {"none", simple<is_none>},
    {"number", simple<is_number>},
    {"odd", odd},
    {"sameas", sameas},
    {"sequence", simple<is_sequence>},
    {"string", simple<is_string>},
    {"test", names_test},
    {"true", simple<is_true>},
    {"undefined", simple<is_undefined>},
    {"upper", cased<all_upper>},
}};

}  // namespace

TestFunction find_test(std::string_view name) {
  const auto it = std::find_if(kTests.begin(), kTests.end(),
                               [&](const TestEntry& row) { return row.name == name; });
  return it == kTests.end() ? nullptr : it->function;
}

}  // namespace chitu::jinja
