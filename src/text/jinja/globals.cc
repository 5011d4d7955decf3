#include "text/jinja/globals.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "text/jinja/bound.h"
#include "text/jinja/compare.h"
#include "text/jinja/iterate.h"
#include "text/jinja/repr.h"

namespace chitu::jinja {
namespace {

Value range(Runtime& rt, const Value&, const Args& args) {
  const Bound bound("range", args, {"start", "stop", "step"}, 1, true);
  const bool single = !bound.given(1);
  const int64_t start = single ? 0 : bound.integer(0, 0);
  const int64_t stop = bound.integer(single ? 0 : 1, 0);
  const int64_t step = bound.integer(2, 1);
  if (step == 0) fail("range(): the step cannot be zero");
  constexpr int64_t kFar = int64_t{1} << 61;  // so that no sum or difference overflows
  if (start > kFar || start < -kFar || stop > kFar || stop < -kFar || step > kFar || step < -kFar) {
    fail_unsupported("range() with bounds past 2^61");
  }
  auto object = rt.make<Range>(0, start, stop, step);
  if (object->size() > rt.meter().limits().max_range) {
    fail_limit("range() has {} items, past its limit of {}", object->size(),
               rt.meter().limits().max_range);
  }
  return Value::object(Kind::kRange, std::move(object));
}

// dict(mapping or pairs, **named) of Python.
void fill(Dict& dict, const Args& args, Runtime& rt) {
  if (args.positional.size() > 1) fail("dict() takes at most one positional argument");
  if (!args.positional.empty()) {
    const Value& source = args.positional[0];
    if (source.is(Kind::kDict)) {
      for (const auto& [key, value] : source.as<Dict>().entries()) {
        rt.meter().step();
        dict.set(key, value, rt.meter());
      }
    } else {
      for (const Value& item : to_vector(source, rt)) {
        const std::vector<Value> pair = to_vector(item, rt);
        if (pair.size() != 2) fail("dict() needs pairs of keys and values");
        dict.set(pair[0], pair[1], rt.meter());
      }
    }
  }
  for (const auto& [name, value] : args.keyword) dict.set(rt.string(name), value, rt.meter());
}

Value dict(Runtime& rt, const Value&, const Args& args) {
  auto object = rt.make_dict();
  fill(*object, args, rt);
  return Value::object(Kind::kDict, std::move(object));
}

Value new_namespace(Runtime& rt, const Value&, const Args& args) {
  auto object = rt.make_namespace();
  fill(object->attributes, args, rt);
  for (const auto& [key, value] : object->attributes.entries()) {
    if (key.is_string() && key.text().starts_with("_")) {
      fail("a namespace cannot have the attribute '{}'", key.text());
    }
  }
  return Value::object(Kind::kNamespace, std::move(object));
}

Value cycler(Runtime& rt, const Value&, const Args& args) {
  if (!args.keyword.empty()) fail("cycler() takes no named arguments");
  if (args.positional.empty()) fail("cycler() needs at least one item");
  int depth = 0;
  for (const Value& item : args.positional) depth = std::max(depth, item.depth());
  auto object = rt.make<Cycler>(depth);
  object->items = args.positional;
  object->charge.grow(args.positional.size() * sizeof(Value));
  return Value::object(Kind::kCycler, std::move(object));
}

Value joiner(Runtime& rt, const Value&, const Args& args) {
  const Bound bound("joiner", args, {"sep"}, 0);
  auto object = rt.make<Joiner>(bound.given(0) ? bound[0]->depth() : 0);
  object->separator = bound.given(0) ? *bound[0] : rt.string(", ");
  return Value::object(Kind::kJoiner, std::move(object));
}

Value raise_exception(Runtime& rt, const Value&, const Args& args) {
  const Bound bound("raise_exception", args, {"message"}, 1);
  fail("the template refused: {}", to_str(*bound[0], rt));
}

Value strftime_now(Runtime& rt, const Value&, const Args& args) {
  const Bound bound("strftime_now", args, {"format"}, 1);
  const std::string& format = bound.text(0);
  if (format.empty()) return rt.string("");
  constexpr size_t kMaxFormat = 1024;
  if (format.size() > kMaxFormat)
    fail_limit("strftime_now(): the format is longer than its limit of {} bytes", kMaxFormat);
  const std::tm now = rt.now();
  // strftime tells an empty result from a full buffer by nothing, so one character goes before.
  std::string out(64 * (format.size() + 1), '\0');
  const size_t n = std::strftime(out.data(), out.size(), fmt::format(" {}", format).c_str(), &now);
  if (n == 0) fail("strftime_now(): the format '{}' cannot be printed", format);
  return rt.string(out.substr(1, n - 1));
}

constexpr std::array<GlobalEntry, 7> kGlobals = {{
    {"cycler", cycler},
    {"dict", dict},
    {"joiner", joiner},
    {"namespace", new_namespace},
    {"raise_exception", raise_exception},
    {"range", range},
    {"strftime_now", strftime_now},
}};

}  // namespace

std::span<const GlobalEntry> globals() { return kGlobals; }

}  // namespace chitu::jinja
