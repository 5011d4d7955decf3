#include "text/jinja/loop.h"

#include "text/jinja/bound.h"
#include "text/jinja/compare.h"
#include "text/jinja/iterate.h"
#include "text/jinja/macro.h"
#include "text/jinja/repr.h"

namespace chitu::jinja {
namespace {

struct VectorIterator : Iterator {
  explicit VectorIterator(std::vector<Value> i) : items(std::move(i)) {}
  bool next(Runtime&, Value& out) override {
    if (position >= items.size()) return false;
    out = items[position++];
    return true;
  }
  std::vector<Value> items;
  size_t position = 0;
};

// Iterating over `loop` itself steps it: each item comes with the loop.
struct LoopIterator : Iterator {
  explicit LoopIterator(Value l) : loop(std::move(l)) {}
  bool next(Runtime& rt, Value& out) override {
    Value item;
    if (!loop.as<Loop>().next(rt, item)) return false;
    out = rt.tuple({item, loop});
    return true;
  }
  Value loop;
};

Value cycle(Runtime&, const Value& self, const Args& args) {
  if (!args.keyword.empty()) fail("loop.cycle() takes no named arguments");
  if (args.positional.empty()) fail("loop.cycle() needs items to cycle through");
  const auto n = static_cast<int64_t>(args.positional.size());
  const int64_t i = self.as<Loop>().index0 % n;
  return args.positional[static_cast<size_t>(i < 0 ? i + n : i)];
}

Value changed(Runtime& rt, const Value& self, const Args& args) {
  if (!args.keyword.empty()) fail("loop.changed() takes no named arguments");
  auto& last = self.as<Loop>().last_changed;
  bool is_same = last.has_value() && last->size() == args.positional.size();
  for (size_t i = 0; is_same && i < last->size(); ++i) {
    is_same =
        same((*last)[i], args.positional[i]) || equal((*last)[i], args.positional[i], rt.meter());
  }
  if (!is_same) last = args.positional;
  return Value::boolean(!is_same);
}

Value method(const Value& loop, std::string_view name, Function::Call call, Runtime& rt) {
  return Value::object(Kind::kFunction, rt.make<Function>(loop.depth(), name, loop, call));
}

}  // namespace

bool Loop::next(Runtime& rt, Value& out) {
  if (after.has_value()) {
    out = std::move(*after);
    after.reset();
  } else if (exhausted || source == nullptr || !source->next(rt, out)) {
    exhausted = true;
    return false;
  }
  ++index0;
  previous = std::move(current);
  current = out;
  return true;
}

const Value* Loop::peek(Runtime& rt) {
  if (!after.has_value()) {
    Value item;
    if (exhausted || source == nullptr || !source->next(rt, item)) return nullptr;
    after = std::move(item);
  }
  return &*after;
}

void Loop::finish() {
  iterable = Value();
  source.reset();
  current = previous = Value();
  after.reset();
  last_changed.reset();
  exhausted = true;
}

int64_t loop_length(Loop& loop, Runtime& rt) {
  if (loop.length.has_value()) return *loop.length;
  int64_t n = length_or_negative(loop.iterable);
  if (n < 0) {
    ListBuilder rest(rt);
    Value item;
    while (loop.source != nullptr && loop.source->next(rt, item)) {
      rt.meter().step();
      rest.append(item);
    }
    std::vector<Value> items = rest.take();
    n = static_cast<int64_t>(items.size()) + loop.index0 + 1 + (loop.after.has_value() ? 1 : 0);
    loop.source = rt.make<VectorIterator>(0, std::move(items));
  }
  loop.length = n;
  return n;
}

std::string loop_repr(Loop& loop, Runtime& rt) {
  return fmt::format("<LoopContext {}/{}>", loop.index0 + 1, loop_length(loop, rt));
}

std::shared_ptr<Iterator> loop_iterator(const Value& loop, Runtime& rt) {
  return rt.make<LoopIterator>(loop.depth(), loop);
}

std::optional<Value> loop_attribute(const Value& value, std::string_view name, Runtime& rt) {
  auto& loop = value.as<Loop>();
  if (name == "index") return Value::integer(loop.index0 + 1);
  if (name == "index0") return Value::integer(loop.index0);
  if (name == "first") return Value::boolean(loop.index0 == 0);
  if (name == "last") return Value::boolean(loop.peek(rt) == nullptr);
  if (name == "length") return Value::integer(loop_length(loop, rt));
  if (name == "revindex") return Value::integer(loop_length(loop, rt) - loop.index0);
  if (name == "revindex0") return Value::integer(loop_length(loop, rt) - loop.index0 - 1);
  if (name == "depth") return Value::integer(loop.depth0 + 1);
  if (name == "depth0") return Value::integer(loop.depth0);
  if (name == "previtem") {
    return loop.index0 == 0 ? rt.undefined("there is no previous item") : loop.previous;
  }
  if (name == "nextitem") {
    const Value* next = loop.peek(rt);
    return next == nullptr ? rt.undefined("there is no next item") : *next;
  }
  if (name == "cycle") return method(value, "cycle", cycle, rt);
  if (name == "changed") return method(value, "changed", changed, rt);
  return std::nullopt;
}

std::string macro_repr(const Macro& macro, Runtime& rt) {
  if (macro.definition->name.empty()) return "<Macro anonymous>";
  return fmt::format("<Macro {}>", to_repr(rt.string(macro.definition->name), rt));
}

}  // namespace chitu::jinja
