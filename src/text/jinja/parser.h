// Builds the syntax tree of a template: the language of jinja2 3.1 with loop controls and
// {% generation %}. Template inheritance, includes and imports are errors: a chat template is one
// file.
#pragma once

#include <string_view>

#include "text/jinja/ast.h"
#include "text/jinja/limits.h"

namespace chitu::jinja {

// Throws TemplateError with the line of what is wrong.
Tree parse(std::string_view source, const Limits& limits);

}  // namespace chitu::jinja
