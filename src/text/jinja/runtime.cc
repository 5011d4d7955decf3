#include "text/jinja/runtime.h"

#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/tests.h"

namespace chitu::jinja {
namespace {

constexpr size_t kFewArguments = 8;

}  // namespace

KeywordIndex::KeywordIndex(const Args& args) : args_(args) {
  if (args.keyword.size() <= kFewArguments) return;
  for (size_t i = 0; i < args.keyword.size(); ++i) index_.emplace(args.keyword[i].first, i);
}

std::optional<size_t> KeywordIndex::find(std::string_view name) const {
  if (index_.empty()) {
    const auto it = std::find_if(args_.keyword.begin(), args_.keyword.end(),
                                 [&](const auto& k) { return k.first == name; });
    if (it == args_.keyword.end()) return std::nullopt;
    return static_cast<size_t>(it - args_.keyword.begin());
  }
  const auto it = index_.find(name);
  return it == index_.end() ? std::nullopt : std::optional(it->second);
}

Value Runtime::string(std::string text, bool markup) {
  meter_.scan(text.size());
  return built_string(std::move(text), markup);
}

Value Runtime::built_string(std::string text, bool markup) {
  auto object = std::make_shared<String>(std::move(text), markup);
  object->charge = Charge(meter_, sizeof(String) + 32 + object->text.size());
  return Value::object(Kind::kString, std::move(object));
}

Value Runtime::sequence(Kind kind, std::vector<Value> items) {
  meter_.scan(items.size() * sizeof(Value));
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, item.depth());
  check_depth(depth + 1);
  auto object = std::make_shared<Sequence>(std::move(items));
  object->charge = Charge(meter_, sizeof(Sequence) + 32 + object->items.size() * sizeof(Value));
  object->depth = depth + 1;
  return Value::object(kind, std::move(object));
}

Value Runtime::undefined(std::string message) {
  meter_.scan(message.size());
  auto hint = std::make_shared<UndefinedHint>(std::move(message));
  hint->charge = Charge(meter_, sizeof(UndefinedHint) + 32 + hint->message.size());
  return Value::object(Kind::kUndefined, std::move(hint));
}

std::shared_ptr<Namespace> Runtime::make_namespace() {
  auto ns = make<Namespace>(0);
  namespaces_.push_back(ns);
  return ns;
}

void Runtime::break_circles() {
  for (const auto& ns : namespaces_) ns->attributes.clear();
  namespaces_.clear();
}

Value Runtime::call(const Value& callee, const Args& args) {
  meter_.step();
  const Level level(meter_);
  switch (callee.kind()) {
    case Kind::kFunction: {
      const auto& function = callee.as<Function>();
      return function.call(*this, function.self, args);
    }
    case Kind::kMacro:
      return call_macro(callee, args);
    case Kind::kLoop:
      return call_loop(callee, args);
    case Kind::kJoiner: {
      auto& joiner = callee.as<Joiner>();
      if (!args.positional.empty() || !args.keyword.empty()) fail("a joiner takes no arguments");
      if (!std::exchange(joiner.used, true)) return string("");
      return joiner.separator;
    }
    case Kind::kUndefined:
      fail("{}", undefined_message(callee));
    default:
      fail("a value of type {} cannot be called", type_name(callee));
  }
}

Value Runtime::filter(std::string_view name, const Value& operand, const Args& args) {
  const FilterFunction function = find_filter(name);
  if (function == nullptr) throw missing_filter(name);
  meter_.step();
  const Level level(meter_);
  return function(*this, operand, args);
}

bool Runtime::test(std::string_view name, const Value& operand, const Args& args) {
  const TestFunction function = find_test(name);
  if (function == nullptr) fail("there is no test named '{}'", name);
  meter_.step();
  const Level level(meter_);
  return function(*this, operand, args);
}

}  // namespace chitu::jinja
