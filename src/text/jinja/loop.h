// The `loop` variable of a for loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"
#include "text/jinja/scope.h"

namespace chitu::jinja {

struct Loop : Object {
  Loop(Value i, std::shared_ptr<Iterator> s) : iterable(std::move(i)), source(std::move(s)) {}

  bool next(Runtime& rt, Value& out);  // steps to the next item; false at the end
  const Value* peek(Runtime& rt);      // the item after this one; nullptr at the end
  void finish();                       // lets go of the items

  Value iterable;
  std::shared_ptr<Iterator> source;
  int64_t index0 = -1;
  int64_t depth0 = 0;
  Value current, previous;
  std::optional<Value> after;
  bool exhausted = false;
  std::optional<int64_t> length;
  std::optional<std::vector<Value>> last_changed;

  // Of a recursive loop: what loop(items) renders, and the scope around it.
  const node::For* recursive = nullptr;
  std::weak_ptr<Scope> scope;
};

int64_t loop_length(Loop& loop, Runtime& rt);
std::string loop_repr(Loop& loop, Runtime& rt);
std::shared_ptr<Iterator> loop_iterator(const Value& loop, Runtime& rt);

// loop.index and the like; nullopt for a name it does not have.
std::optional<Value> loop_attribute(const Value& loop, std::string_view name, Runtime& rt);

}  // namespace chitu::jinja
