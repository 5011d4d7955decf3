// A macro, and the scope it was defined in.
#pragma once

#include <memory>
#include <string>

#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"
#include "text/jinja/scope.h"

namespace chitu::jinja {

struct Macro : Object {
  Macro(const node::MacroDef& d, std::shared_ptr<Scope> s) : definition(&d), scope(std::move(s)) {}
  const node::MacroDef* definition;
  std::shared_ptr<Scope> scope;
};

std::string macro_repr(const Macro& macro, Runtime& rt);

}  // namespace chitu::jinja
