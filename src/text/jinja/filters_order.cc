#include <algorithm>
#include <array>

#include "text/jinja/attribute_path.h"
#include "text/jinja/attributes.h"
#include "text/jinja/bound.h"
#include "text/jinja/compare.h"
#include "text/jinja/filters.h"
#include "text/jinja/iterate.h"

namespace chitu::jinja {
namespace {

using Keyed = std::pair<Value, Value>;  // sort key, item

// sorted() of Python: stable, also in reverse.
std::vector<Value> sorted(std::vector<Keyed> items, bool reverse, Runtime& rt) {
  rt.meter().step(static_cast<int64_t>(items.size()) * 8);
  if (reverse) std::reverse(items.begin(), items.end());
  std::stable_sort(items.begin(), items.end(), [&](const Keyed& a, const Keyed& b) {
    return less(a.first, b.first, rt.meter());
  });
  if (reverse) std::reverse(items.begin(), items.end());
  std::vector<Value> out;
  out.reserve(items.size());
  for (Keyed& item : items) out.push_back(std::move(item.second));
  return out;
}

// sort's attribute may name several, with commas between: the key is the list of their values.
std::vector<AttributePath> paths_of(const Value& attribute, Runtime& rt) {
  std::vector<AttributePath> paths;
  if (!attribute.is_string()) {
    paths.emplace_back(attribute, rt);
    return paths;
  }
  std::string_view rest = attribute.text();
  for (;;) {
    const size_t comma = rest.find(',');
    paths.emplace_back(rt.string(std::string(rest.substr(0, comma))), rt);
    if (comma == std::string_view::npos) return paths;
    rest.remove_prefix(comma + 1);
  }
}

Value sort(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("sort", args, {"reverse", "case_sensitive", "attribute"}, 0);
  const std::vector<AttributePath> paths = paths_of(bound.given(2) ? *bound[2] : Value::none(), rt);
  const bool case_sensitive = bound.truth(1, false);
  std::vector<Keyed> keyed;
  for (const Value& item : to_vector(operand, rt)) {
    std::vector<Value> key;
    for (const AttributePath& path : paths) {
      Value value = path.get(item, rt);
      key.push_back(case_sensitive ? value : ignore_case(value, rt));
    }
    keyed.emplace_back(rt.list(std::move(key)), item);
  }
  return rt.list(sorted(std::move(keyed), bound.truth(0, false), rt));
}

Value dictsort(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("dictsort", args, {"case_sensitive", "by", "reverse"}, 0);
  const std::string_view by = bound.text_or(1, "key");
  if (by != "key" && by != "value") fail("dictsort sorts by \"key\" or by \"value\"");
  if (operand.is_undefined()) fail("{}", undefined_message(operand));
  if (!operand.is(Kind::kDict)) fail("dictsort needs a mapping, not {}", type_name(operand));
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : operand.as<Dict>().entries()) {
    rt.meter().step();
    const Value& order = by == "key" ? key : value;
    keyed.emplace_back(bound.truth(0, false) ? order : ignore_case(order, rt),
                       rt.tuple({key, value}));
  }
  return rt.list(sorted(std::move(keyed), bound.truth(2, false), rt));
}

template <bool kMax>
Value extreme(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound(kMax ? "max" : "min", args, {"case_sensitive", "attribute"}, 0);
  const AttributePath path(bound.given(1) ? *bound[1] : Value::none(), rt);
  const bool case_sensitive = bound.truth(0, false);
  const auto items = iterate(operand, rt);
  Value best;
  Value best_key;
  bool found = false;
  for (Value item; items->next(rt, item);) {
    rt.meter().step();
    Value key = path.get(item, rt);
    if (!case_sensitive) key = ignore_case(key, rt);
    if (found && !(kMax ? less(best_key, key, rt.meter()) : less(key, best_key, rt.meter())))
      continue;
    best = item;
    best_key = key;
    found = true;
  }
  return found ? best : rt.undefined("there is no extreme item: the sequence is empty");
}

// A group: a tuple of the value and its items, with the names .grouper and .list.
Value group_tuple(const Value& key, std::vector<Value> items, Runtime& rt) {
  auto group = rt.tuple({key, rt.list(std::move(items))});
  group.as<Sequence>().names = {"grouper", "list"};
  return group;
}

Value groupby(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("groupby", args, {"attribute", "default", "case_sensitive"}, 1);
  const AttributePath path(*bound[0], rt);
  const Value* fallback = bound.given_and_not_none(1) ? bound[1] : nullptr;
  const bool case_sensitive = bound.truth(2, false);
  auto key_of = [&](const Value& item) {
    const Value key = path.get(item, rt, fallback);
    return case_sensitive ? key : ignore_case(key, rt);
  };
  std::vector<Keyed> keyed;
  for (const Value& item : to_vector(operand, rt)) keyed.emplace_back(key_of(item), item);
  const std::vector<Value> items = sorted(std::move(keyed), false, rt);

  ListBuilder groups(rt);
  for (size_t i = 0; i < items.size();) {
    const Value key = key_of(items[i]);
    const Value shown = path.get(items[i], rt, fallback);  // as the first item spells it
    std::vector<Value> members;
    for (; i < items.size() && equal(key_of(items[i]), key, rt.meter()); ++i) {
      rt.meter().step();
      members.push_back(items[i]);
    }
    if (members.empty()) members.push_back(items[i++]);  // NaN equals nothing, itself included
    groups.append(group_tuple(shown, std::move(members), rt));
  }
  return groups.list();
}

constexpr std::array<FilterEntry, 5> kFilters = {{
    {"dictsort", dictsort},
    {"groupby", groupby},
    {"max", extreme<true>},
    {"min", extreme<false>},
    {"sort", sort},
}};

}  // namespace

std::span<const FilterEntry> order_filters() { return kFilters; }

}  // namespace chitu::jinja
