#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "text/jinja/bound.h"
#include "text/jinja/compare.h"
#include "text/jinja/iterate.h"
#include "text/jinja/methods.h"

namespace chitu::jinja {
namespace {

template <DictView::Part kPart>
Value view(Runtime& rt, const Value& self, const Args& args) {
  expect_no_arguments("keys, values and items", args);
  return Value::object(Kind::kDictView, rt.make<DictView>(self.depth(), kPart, self.share<Dict>()));
}

Value dict_get(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound("get", args, {"key", "default"}, 1, true);
  const Value* value = self.as<Dict>().find(*bound[0], rt.meter());
  if (value != nullptr) return *value;
  return bound.given(1) ? *bound[1] : Value::none();
}

Value copy(Runtime&, const Value& self, const Args& args) {
  expect_no_arguments("copy", args);
  return self;  // nothing can change it
}

Value count(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound("count", args, {"value"}, 1, true);
  const auto items = iterate(self, rt);
  int64_t n = 0;
  for (Value item; items->next(rt, item);) {
    rt.meter().step();
    n += same(item, *bound[0]) || equal(item, *bound[0], rt.meter()) ? 1 : 0;
  }
  return Value::integer(n);
}

Value index(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound("index", args, {"value", "start", "stop"}, 1, true);
  const int64_t size = length(self, rt);
  auto limit = [&](size_t i, int64_t fallback) {
    const int64_t at = bound.integer(i, fallback);
    return std::clamp<int64_t>(at < 0 ? at + size : at, 0, size);
  };
  const int64_t start = limit(1, 0);
  const int64_t stop = limit(2, size);
  const std::vector<Value> items = to_vector(self, rt);
  for (int64_t i = start; i < stop; ++i) {
    const Value& item = items[static_cast<size_t>(i)];
    if (same(item, *bound[0]) || equal(item, *bound[0], rt.meter())) return Value::integer(i);
  }
  fail("index(): the value is not in the {}", type_name(self));
}

Value is_integer(Runtime&, const Value& self, const Args& args) {
  expect_no_arguments("is_integer", args);
  return Value::boolean(std::isfinite(self.as_float()) &&
                        self.as_float() == std::floor(self.as_float()));
}

Value bit_length(Runtime&, const Value& self, const Args& args) {
  expect_no_arguments("bit_length", args);
  const int64_t i = self.as_int();
  const uint64_t magnitude = i < 0 ? -static_cast<uint64_t>(i) : static_cast<uint64_t>(i);
  return Value::integer(std::bit_width(magnitude));
}

constexpr std::array<MethodEntry, 5> kDict = {{
    {"keys", view<DictView::Part::kKeys>},
    {"values", view<DictView::Part::kValues>},
    {"items", view<DictView::Part::kItems>},
    {"get", dict_get},
    {"copy", copy},
}};
constexpr std::array<MethodEntry, 3> kList = {{{"count", count}, {"index", index}, {"copy", copy}}};
constexpr std::array<MethodEntry, 2> kTuple = {{{"count", count}, {"index", index}}};
constexpr std::array<MethodEntry, 1> kFloat = {{{"is_integer", is_integer}}};
constexpr std::array<MethodEntry, 1> kInt = {{{"bit_length", bit_length}}};

constexpr std::array<std::string_view, 8> kListMutators = {"append", "clear", "pop",    "reverse",
                                                           "insert", "sort",  "extend", "remove"};
constexpr std::array<std::string_view, 5> kDictMutators = {"clear", "pop", "popitem", "setdefault",
                                                           "update"};

}  // namespace

std::span<const MethodEntry> container_methods(Kind kind) {
  switch (kind) {
    case Kind::kDict:
      return kDict;
    case Kind::kList:
      return kList;
    case Kind::kTuple:
    case Kind::kRange:
      return kTuple;
    case Kind::kFloat:
      return kFloat;
    case Kind::kInt:
    case Kind::kBool:
      return kInt;
    default:
      return {};
  }
}

bool is_mutator(Kind kind, std::string_view name) {
  auto in = [&](const auto& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return (kind == Kind::kList && in(kListMutators)) || (kind == Kind::kDict && in(kDictMutators));
}

}  // namespace chitu::jinja
