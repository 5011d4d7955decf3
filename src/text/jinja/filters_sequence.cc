#include <algorithm>
#include <array>

#include "text/jinja/arithmetic.h"
#include "text/jinja/attribute_path.h"
#include "text/jinja/attributes.h"
#include "text/jinja/bound.h"
#include "text/jinja/compare.h"
#include "text/jinja/filters.h"
#include "text/jinja/iterate.h"
#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

Value default_filter(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("default", args, {"default_value", "boolean"}, 0);
  const bool absent = operand.is_undefined() || (bound.truth(1, false) && !truthy(operand));
  if (!absent) return operand;
  return bound.given(0) ? *bound[0] : rt.string("");
}

Value length_filter(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("length", args);
  return Value::integer(length(operand, rt));
}

Value list_filter(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("list", args);
  return rt.list(to_vector(operand, rt));
}

Value join(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("join", args, {"d", "attribute"}, 0);
  const std::string separator = bound.given(0) ? to_str(*bound[0], rt) : "";
  const AttributePath path(bound.given(1) ? *bound[1] : Value::none(), rt);
  const auto items = iterate(operand, rt);
  TextBuilder out(rt);
  bool first = true;
  for (Value item; items->next(rt, item);) {
    rt.meter().step();
    if (!std::exchange(first, false)) out.append(separator);
    append_str(out, path.get(item, rt), rt);
  }
  return out.value();
}

Value first(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("first", args);
  Value item;
  if (iterate(operand, rt)->next(rt, item)) return item;
  return rt.undefined("there is no first item: the sequence is empty");
}

// What Python's reversed() accepts.
bool reversible(const Value& value) {
  return value.is_undefined() || value.is_string() || value.is_sequence() ||
         value.is(Kind::kDict) || value.is(Kind::kRange) || value.is(Kind::kDictView);
}

Value last(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("last", args);
  if (!reversible(operand)) fail("last needs a sequence, not {}", type_name(operand));
  if (operand.is_string() || operand.is_sequence() || operand.is(Kind::kRange)) {
    if (length_or_negative(operand) > 0) return get_item(operand, Value::integer(-1), rt);
  } else if (std::vector<Value> items = to_vector(operand, rt); !items.empty()) {
    return items.back();
  }
  return rt.undefined("there is no last item: the sequence is empty");
}

Value sum(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("sum", args, {"attribute", "start"}, 0);
  const AttributePath path(bound.given(0) ? *bound[0] : Value::none(), rt);
  Value total = bound.given(1) ? *bound[1] : Value::integer(0);
  if (total.is_string()) fail("sum cannot add strings; use join");
  const auto items = iterate(operand, rt);
  for (Value item; items->next(rt, item);) {
    rt.meter().step();
    total = binary(BinaryOp::kAdd, total, path.get(item, rt), rt);
  }
  return total;
}

Value attr(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("attr", args, {"name"}, 1);
  if (!bound[0]->is_string()) fail("attr needs a name, not {}", type_name(*bound[0]));
  const std::string& name = bound[0]->text();
  if (!operand.is_undefined()) {
    if (auto value = find_attribute(operand, name, rt)) return *std::move(value);
  } else if (!name.starts_with("__")) {
    fail("{}", undefined_message(operand));
  }
  return rt.undefined(fmt::format("'{} object' has no attribute '{}'", type_name(operand), name));
}

constexpr std::array<FilterEntry, 10> kFilters = {{
    {"attr", attr},
    {"count", length_filter},
    {"d", default_filter},
    {"default", default_filter},
    {"first", first},
    {"join", join},
    {"last", last},
    {"length", length_filter},
    {"list", list_filter},
    {"sum", sum},
}};

}  // namespace

std::span<const FilterEntry> sequence_filters() { return kFilters; }

}  // namespace chitu::jinja
