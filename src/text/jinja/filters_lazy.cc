// Filters that yield their items one by one, when they are asked for: map, select, batch, ...
// Laziness shows: what is never looked at is never computed, and what was read once is gone.
#include <algorithm>
#include <array>
#include <optional>

#include "text/jinja/attribute_path.h"
#include "text/jinja/bound.h"
#include "text/jinja/compare.h"
#include "text/jinja/filters.h"
#include "text/jinja/iterate.h"
#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

template <class T, class... Args>
Value lazy(Runtime& rt, int depth, Args&&... args) {
  return Value::object(Kind::kIterator, rt.make<T>(depth, std::forward<Args>(args)...));
}

int depth_of(const Value& operand, const Args& args) {
  int depth = operand.depth();
  for (const Value& value : args.positional) depth = std::max(depth, value.depth());
  for (const auto& [name, value] : args.keyword) depth = std::max(depth, value.depth());
  return depth + 1;
}

// An iterator over an operand with the arguments of its filter, which are looked at when the first
// item is asked for, as in a Python generator.
struct ArgumentIterator : Iterator {
  ArgumentIterator(Value o, Args a) : operand(std::move(o)), args(std::move(a)) {}

  bool next(Runtime& rt, Value& out) final {
    const Level level(rt.meter());
    if (source == nullptr) {
      if (!truthy(operand)) return false;
      prepare(rt);
      source = iterate(operand, rt);
    }
    return produce(rt, out);
  }

  virtual void prepare(Runtime& rt) = 0;
  virtual bool produce(Runtime& rt, Value& out) = 0;

  Value operand;
  Args args;
  std::shared_ptr<Iterator> source;
};

const Value* keyword(const Args& args, std::string_view name) {
  for (const auto& [key, value] : args.keyword) {
    if (key == name) return &value;
  }
  return nullptr;
}

struct MapIterator : ArgumentIterator {
  using ArgumentIterator::ArgumentIterator;

  void prepare(Runtime& rt) override {
    const Value* attribute = keyword(args, "attribute");
    if (args.positional.empty() && attribute != nullptr) {
      const Value* given = keyword(args, "default");
      if (args.keyword.size() > (given == nullptr ? 1u : 2u)) fail("map: an argument is not known");
      if (given != nullptr && !given->is_none()) fallback = *given;
      path.emplace(*attribute, rt);
      return;
    }
    if (args.positional.empty()) fail("map needs the name of a filter, or attribute=");
    if (!args.positional[0].is_string()) fail("map needs the name of a filter");
    name = args.positional[0].text();
    args.positional.erase(args.positional.begin());
  }

  bool produce(Runtime& rt, Value& out) override {
    Value item;
    if (!source->next(rt, item)) return false;
    rt.meter().step();
    out = path ? path->get(item, rt, fallback ? &*fallback : nullptr) : rt.filter(name, item, args);
    return true;
  }

  std::optional<AttributePath> path;
  std::optional<Value> fallback;
  std::string name;
};

struct SelectIterator : ArgumentIterator {
  SelectIterator(Value o, Args a, bool by_attribute, bool wants)
      : ArgumentIterator(std::move(o), std::move(a)), attribute(by_attribute), wanted(wants) {}

  void prepare(Runtime& rt) override {
    if (attribute) {
      if (args.positional.empty()) fail("selectattr and rejectattr need an attribute");
      path.emplace(args.positional[0], rt);
      args.positional.erase(args.positional.begin());
    }
    if (args.positional.empty()) return;
    if (!args.positional[0].is_string()) fail("select needs the name of a test");
    name = args.positional[0].text();
    args.positional.erase(args.positional.begin());
  }

  bool produce(Runtime& rt, Value& out) override {
    Value item;
    while (source->next(rt, item)) {
      rt.meter().step();
      const Value value = path ? path->get(item, rt) : item;
      if ((name ? rt.test(*name, value, args) : truthy(value)) != wanted) continue;
      out = item;
      return true;
    }
    return false;
  }

  bool attribute, wanted;
  std::optional<AttributePath> path;
  std::optional<std::string> name;
};

Value map(Runtime& rt, const Value& operand, const Args& args) {
  return lazy<MapIterator>(rt, depth_of(operand, args), operand, args);
}

template <bool kAttribute, bool kWanted>
Value select(Runtime& rt, const Value& operand, const Args& args) {
  return lazy<SelectIterator>(rt, depth_of(operand, args), operand, args, kAttribute, kWanted);
}

struct UniqueIterator : Iterator {
  UniqueIterator(Value o, AttributePath p, bool sensitive)
      : operand(std::move(o)), path(std::move(p)), case_sensitive(sensitive) {}

  bool next(Runtime& rt, Value& out) override {
    const Level level(rt.meter());
    if (source == nullptr) {
      source = iterate(operand, rt);
      seen = rt.make_dict();
    }
    Value item;
    while (source->next(rt, item)) {
      rt.meter().step();
      Value key = path.get(item, rt);
      if (!case_sensitive) key = ignore_case(key, rt);
      if (seen->find(key, rt.meter()) != nullptr) continue;
      seen->set(key, Value::none(), rt.meter());
      out = item;
      return true;
    }
    return false;
  }

  Value operand;
  AttributePath path;
  bool case_sensitive;
  std::shared_ptr<Iterator> source;
  std::shared_ptr<Dict> seen;
};

Value unique(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("unique", args, {"case_sensitive", "attribute"}, 0);
  AttributePath path(bound.given(1) ? *bound[1] : Value::none(), rt);
  return lazy<UniqueIterator>(rt, depth_of(operand, args), operand, std::move(path),
                              bound.truth(0, false));
}

struct BatchIterator : Iterator {
  BatchIterator(Value o, Value n, Value f)
      : operand(std::move(o)), size(std::move(n)), fill(std::move(f)) {}

  bool next(Runtime& rt, Value& out) override {
    const Level level(rt.meter());
    if (source == nullptr) source = iterate(operand, rt);
    if (done) return false;
    ListBuilder batch(rt);
    int64_t n = 0;
    if (held) {
      batch.append(*std::exchange(held, std::nullopt));
      n = 1;
    }
    Value item;
    while (source->next(rt, item)) {
      rt.meter().step();
      if (equal(Value::integer(n), size, rt.meter())) {
        held = item;
        out = batch.list();
        return true;
      }
      batch.append(item);
      ++n;
    }
    done = true;
    if (n == 0) return false;
    if (!fill.is_none() && less(Value::integer(n), size, rt.meter())) {
      if (!size.is_integral()) fail("batch needs a whole number of items");
      rt.meter().step(size.as_int() - n);
      for (; n < size.as_int(); ++n) batch.append(fill);
    }
    out = batch.list();
    return true;
  }

  Value operand, size, fill;
  std::shared_ptr<Iterator> source;
  std::optional<Value> held;  // the first item of the next batch
  bool done = false;
};

Value batch(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("batch", args, {"linecount", "fill_with"}, 1);
  return lazy<BatchIterator>(rt, depth_of(operand, args), operand, *bound[0],
                             bound.given(1) ? *bound[1] : Value::none());
}

struct SliceIterator : Iterator {
  SliceIterator(Value o, Value n, Value f)
      : operand(std::move(o)), slices(std::move(n)), fill(std::move(f)) {}

  bool next(Runtime& rt, Value& out) override {
    const Level level(rt.meter());
    if (!items) {
      items = to_vector(operand, rt);
      if (!slices.is_integral()) fail("slice needs a whole number of slices");
      if (slices.as_int() == 0) fail("slice: division by zero");
    }
    const int64_t n = slices.as_int();
    if (number >= n) return false;
    rt.meter().step();
    const auto size = static_cast<int64_t>(items->size());
    const int64_t each = size / n;
    const int64_t extra = size % n;
    const int64_t begin = number * each + std::min(number, extra);
    const int64_t end = begin + each + (number < extra ? 1 : 0);
    ListBuilder slice(rt);
    for (int64_t i = begin; i < end; ++i) slice.append((*items)[static_cast<size_t>(i)]);
    if (!fill.is_none() && number >= extra) slice.append(fill);
    ++number;
    out = slice.list();
    return true;
  }

  Value operand, slices, fill;
  std::optional<std::vector<Value>> items;
  int64_t number = 0;
};

Value slice(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("slice", args, {"slices", "fill_with"}, 1);
  return lazy<SliceIterator>(rt, depth_of(operand, args), operand, *bound[0],
                             bound.given(1) ? *bound[1] : Value::none());
}

struct ReverseIterator : Iterator {
  explicit ReverseIterator(std::vector<Value> i) : items(std::move(i)) {}
  bool next(Runtime&, Value& out) override {
    if (items.empty()) return false;
    out = std::move(items.back());
    items.pop_back();
    return true;
  }
  std::vector<Value> items;
};

Value reverse(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("reverse", args);
  if (operand.is_string()) {
    const std::string& s = operand.text();
    std::string out;
    for (size_t end = s.size(); end > 0;) {
      const size_t begin = previous_code_point(s, end);
      out.append(s, begin, end - begin);
      end = begin;
    }
    return rt.string(std::move(out), operand.is_markup());
  }
  std::vector<Value> items = to_vector(operand, rt);
  if (operand.is(Kind::kIterator)) {  // has no end to begin at: a list, then
    std::reverse(items.begin(), items.end());
    return rt.list(std::move(items));
  }
  return lazy<ReverseIterator>(rt, operand.depth(), std::move(items));
}

struct ItemsIterator : Iterator {
  explicit ItemsIterator(Value o) : operand(std::move(o)) {}
  bool next(Runtime& rt, Value& out) override {
    if (operand.is_undefined()) return false;
    if (!operand.is(Kind::kDict)) fail("items needs a mapping, not {}", type_name(operand));
    const auto& entries = operand.as<Dict>().entries();
    if (position >= entries.size()) return false;
    const auto& [key, value] = entries[position++];
    out = rt.tuple({key, value});
    return true;
  }
  Value operand;
  size_t position = 0;
};

Value items(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("items", args);
  return lazy<ItemsIterator>(rt, operand.depth(), operand);
}

constexpr std::array<FilterEntry, 10> kFilters = {{
    {"batch", batch},
    {"items", items},
    {"map", map},
    {"reject", select<false, false>},
    {"rejectattr", select<true, false>},
    {"reverse", reverse},
    {"select", select<false, true>},
    {"selectattr", select<true, true>},
    {"slice", slice},
    {"unique", unique},
}};

}  // namespace

std::span<const FilterEntry> lazy_filters() { return kFilters; }

}  // namespace chitu::jinja
