// Which of some special names a macro's body reads before it assigns them: they become parameters.
#pragma once

#include <set>
#include <string>

#include "text/jinja/ast.h"

namespace chitu::jinja {

std::set<std::string> undeclared_names(const Block& body, std::set<std::string> names);

}  // namespace chitu::jinja
