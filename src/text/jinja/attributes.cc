#include "text/jinja/attributes.h"

#include <algorithm>
#include <array>

#include "text/jinja/loop.h"
#include "text/jinja/macro.h"
#include "text/jinja/methods.h"
#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

Value bind_method(const Value& self, const MethodEntry& method, Runtime& rt) {
  return Value::object(Kind::kFunction,
                       rt.make<Function>(self.depth(), method.name, self, method.call));
}

std::optional<Value> find_method(const Value& object, std::span<const MethodEntry> methods,
                                 std::string_view name, Runtime& rt) {
  const auto it = std::find_if(methods.begin(), methods.end(),
                               [&](const MethodEntry& m) { return m.name == name; });
  if (it == methods.end()) return std::nullopt;
  return bind_method(object, *it, rt);
}

std::optional<Value> range_attribute(const Range& range, std::string_view name) {
  if (name == "start") return Value::integer(range.start);
  if (name == "stop") return Value::integer(range.stop);
  if (name == "step") return Value::integer(range.step);
  return std::nullopt;
}

std::optional<Value> number_attribute(const Value& object, std::string_view name) {
  const bool is_float = object.is(Kind::kFloat);
  if (name == "real") return is_float ? object : Value::integer(object.as_int());
  if (name == "imag") return is_float ? Value::real(0) : Value::integer(0);
  if (is_float) return std::nullopt;
  if (name == "numerator") return Value::integer(object.as_int());
  if (name == "denominator") return Value::integer(1);
  return std::nullopt;
}

std::optional<Value> macro_attribute(const Macro& macro, std::string_view name, Runtime& rt) {
  const node::MacroDef& definition = *macro.definition;
  if (name == "name") return definition.name.empty() ? Value::none() : rt.string(definition.name);
  if (name == "arguments") {
    ListBuilder out(rt);
    for (const std::string& parameter : definition.parameters) out.append(rt.string(parameter));
    return rt.tuple(out.take());
  }
  if (name == "caller") return Value::boolean(definition.uses_caller);
  if (name == "catch_kwargs") return Value::boolean(definition.kwargs_slot != Slot::kNone);
  if (name == "catch_varargs") return Value::boolean(definition.varargs_slot != Slot::kNone);
  return std::nullopt;
}

Value cycler_next(Runtime&, const Value& self, const Args&) {
  auto& cycler = self.as<Cycler>();
  const Value& value = cycler.items[cycler.position];
  cycler.position = (cycler.position + 1) % cycler.items.size();
  return value;
}

Value cycler_reset(Runtime&, const Value& self, const Args&) {
  self.as<Cycler>().position = 0;
  return Value::none();
}

std::optional<Value> cycler_attribute(const Value& object, std::string_view name, Runtime& rt) {
  const auto& cycler = object.as<Cycler>();
  if (name == "current") return cycler.items[cycler.position];
  if (name == "items") return rt.tuple(cycler.items);
  if (name == "pos") return Value::integer(static_cast<int64_t>(cycler.position));
  if (name == "next") return bind_method(object, {"next", cycler_next}, rt);
  if (name == "reset") return bind_method(object, {"reset", cycler_reset}, rt);
  return std::nullopt;
}

std::optional<Value> item_at(int64_t size, int64_t i) {
  if (i < 0) i += size;
  return i < 0 || i >= size ? std::nullopt : std::optional(Value::integer(i));
}

// obj[key] for what Python can subscribe; nullopt for IndexError, KeyError and TypeError.
std::optional<Value> find_item(const Value& object, const Value& key, Runtime& rt) {
  switch (object.kind()) {
    case Kind::kDict: {
      const Value* value = object.as<Dict>().find(key, rt.meter());
      return value == nullptr ? std::nullopt : std::optional(*value);
    }
    case Kind::kList:
    case Kind::kTuple: {
      if (!key.is_integral()) return std::nullopt;
      const auto i = item_at(static_cast<int64_t>(object.items().size()), key.as_int());
      if (!i) return std::nullopt;
      return object.items()[static_cast<size_t>(i->as_int())];
    }
    case Kind::kRange: {
      if (!key.is_integral()) return std::nullopt;
      const auto& range = object.as<Range>();
      const auto i = item_at(range.size(), key.as_int());
      if (!i) return std::nullopt;
      return Value::integer(range.at(i->as_int()));
    }
    case Kind::kString: {
      if (!key.is_integral()) return std::nullopt;
      const auto& string = object.as<String>();
      const auto i = item_at(string.length(), key.as_int());
      if (!i) return std::nullopt;
      const size_t begin = string.offset(i->as_int(), rt.meter());
      size_t end = begin;
      next_code_point(string.text, end);
      return rt.string(string.text.substr(begin, end - begin), string.markup);
    }
    default:
      return std::nullopt;
  }
}

// "'dict object' has no attribute 'x'", as Jinja says it.
Value missing(const Value& object, const Value& key, Runtime& rt) {
  std::string type = object.is_none() ? "None" : std::string(type_name(object)) + " object";
  if (key.is_string())
    return rt.undefined(fmt::format("'{}' has no attribute '{}'", type, key.text()));
  return rt.undefined(fmt::format("{} has no element {}", type, to_repr(key, rt)));
}

struct Slice {
  int64_t start, stop, step, count;
};

int64_t slice_bound(const Value& bound, int64_t size, int64_t fallback, int64_t low, int64_t high) {
  if (bound.is_none()) return fallback;
  if (bound.is_undefined()) fail("{}", undefined_message(bound));
  if (!bound.is_integral())
    fail("slice indices must be integers or none, not {}", type_name(bound));
  int64_t i = bound.as_int();
  if (i < 0) i += size;
  return std::clamp(i, low, high);
}

Slice resolve_slice(int64_t size, const Value& start, const Value& stop, const Value& step) {
  if (!step.is_none() && !step.is_integral()) {
    fail("slice indices must be integers or none, not {}", type_name(step));
  }
  const int64_t by = step.is_none() ? 1 : step.as_int();
  if (by == 0) fail("a slice step cannot be zero");
  const bool forward = by > 0;
  const int64_t low = forward ? 0 : -1;
  const int64_t high = forward ? size : size - 1;
  const int64_t first = slice_bound(start, size, forward ? low : high, low, high);
  const int64_t last = slice_bound(stop, size, forward ? high : low, low, high);
  int64_t count = 0;
  // Unsigned, as a step of -2^63 has no negative.
  const uint64_t width = forward ? static_cast<uint64_t>(by) : -static_cast<uint64_t>(by);
  if (forward && first < last)
    count = static_cast<int64_t>(static_cast<uint64_t>(last - first - 1) / width) + 1;
  if (!forward && first > last)
    count = static_cast<int64_t>(static_cast<uint64_t>(first - last - 1) / width) + 1;
  return {first, last, by, count};
}

Value slice_string(const String& string, const Slice& slice, Runtime& rt) {
  const std::string& text = string.text;
  if (slice.step == 1) {
    const int64_t stop = slice.start + slice.count;
    const size_t begin = string.offset(slice.count == 0 ? stop : slice.start, rt.meter());
    const size_t end = slice.count == 0 ? begin : string.offset(stop, rt.meter());
    return rt.string(text.substr(begin, end - begin), string.markup);
  }
  rt.meter().scan(text.size());
  std::vector<size_t> offsets;
  rt.meter().require(text.size() * sizeof(size_t));
  for (size_t pos = 0; pos < text.size(); next_code_point(text, pos)) offsets.push_back(pos);
  std::string out;
  for (int64_t i = 0; i < slice.count; ++i) {
    const size_t begin = offsets[static_cast<size_t>(slice.start + i * slice.step)];
    size_t end = begin;
    next_code_point(text, end);
    out.append(text, begin, end - begin);
  }
  return rt.string(std::move(out), string.markup);
}

// Internals that even an undefined value has in Python; the sandbox hides them.
bool is_hidden_internal(std::string_view name) {
  static constexpr std::array<std::string_view, 12> kNames = {
      "__class__", "__doc__",  "__init__", "__new__",  "__repr__",   "__str__",
      "__eq__",    "__hash__", "__len__",  "__iter__", "__module__", "__dir__"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

Value unsafe(const Value& object, std::string_view name, Runtime& rt) {
  return rt.undefined(
      fmt::format("access to attribute '{}' of '{}' object is unsafe", name, type_name(object)));
}

}  // namespace

std::optional<Value> find_attribute(const Value& object, std::string_view name, Runtime& rt) {
  if (is_hidden_internal(name)) return unsafe(object, name, rt);
  if (name.starts_with("_")) return std::nullopt;
  switch (object.kind()) {
    case Kind::kUndefined:
      fail("{}", undefined_message(object));
    case Kind::kString:
      return find_method(object, string_methods(), name, rt);
    case Kind::kNamespace: {
      const Value* value = object.as<Namespace>().attributes.find(name, rt.meter());
      return value == nullptr ? std::nullopt : std::optional(*value);
    }
    case Kind::kLoop:
      return loop_attribute(object, name, rt);
    case Kind::kMacro:
      return macro_attribute(object.as<Macro>(), name, rt);
    case Kind::kCycler:
      return cycler_attribute(object, name, rt);
    case Kind::kJoiner:
      if (name == "sep") return object.as<Joiner>().separator;
      if (name == "used") return Value::boolean(object.as<Joiner>().used);
      return std::nullopt;
    case Kind::kRange:
      if (auto value = range_attribute(object.as<Range>(), name)) return value;
      break;
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kFloat:
      if (auto value = number_attribute(object, name)) return value;
      break;
    case Kind::kTuple: {
      const auto& tuple = object.as<Sequence>();
      for (size_t i = 0; i < tuple.names.size(); ++i) {
        if (tuple.names[i] == name) return tuple.items[i];
      }
      break;
    }
    default:
      break;
  }
  if (is_mutator(object.kind(), name)) return unsafe(object, name, rt);
  return find_method(object, container_methods(object.kind()), name, rt);
}

Value get_attribute(const Value& object, std::string_view name, Runtime& rt) {
  if (auto value = find_attribute(object, name, rt)) return *std::move(value);
  if (object.is_undefined()) fail("{}", undefined_message(object));
  const bool internal = name.starts_with("__") && name.ends_with("__");
  if (object.is(Kind::kDict) && !internal) {
    if (const Value* value = object.as<Dict>().find(name, rt.meter())) return *value;
  }
  return missing(object, rt.string(std::string(name)), rt);
}

Value get_item(const Value& object, const Value& key, Runtime& rt) {
  if (object.is_undefined()) fail("{}", undefined_message(object));
  const bool hashable = !key.is(Kind::kList) && !key.is(Kind::kDict);
  if (hashable || !object.is(Kind::kDict)) {
    if (auto value = find_item(object, key, rt)) return *std::move(value);
  }
  if (key.is_string()) {
    if (auto value = find_attribute(object, key.text(), rt)) return *std::move(value);
  }
  return missing(object, key, rt);
}

Value get_slice(const Value& object, const Value& start, const Value& stop, const Value& step,
                Runtime& rt) {
  switch (object.kind()) {
    case Kind::kUndefined:
      fail("{}", undefined_message(object));
    case Kind::kString: {
      const auto& string = object.as<String>();
      return slice_string(string, resolve_slice(string.length(), start, stop, step), rt);
    }
    case Kind::kList:
    case Kind::kTuple: {
      const auto& items = object.items();
      const Slice s = resolve_slice(static_cast<int64_t>(items.size()), start, stop, step);
      rt.meter().require(static_cast<size_t>(s.count) * sizeof(Value));
      std::vector<Value> out;
      for (int64_t i = 0; i < s.count; ++i)
        out.push_back(items[static_cast<size_t>(s.start + i * s.step)]);
      return rt.sequence(object.kind(), std::move(out));
    }
    case Kind::kRange: {
      const auto& range = object.as<Range>();
      const Slice s = resolve_slice(range.size(), start, stop, step);
      const int64_t first = range.start + s.start * range.step;
      const int64_t end = range.start + s.stop * range.step;
      return Value::object(Kind::kRange, rt.make<Range>(0, first, end, range.step * s.step));
    }
    default:
      fail("a value of type {} cannot be sliced", type_name(object));
  }
}

}  // namespace chitu::jinja
