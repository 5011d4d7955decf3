// Splits a template into tokens, with trim_blocks and lstrip_blocks on, as chat templates are read:
// a newline after a block tag goes away, and so does white space between the line's start and one.
#pragma once

#include <string_view>
#include <vector>

#include "text/jinja/token.h"

namespace chitu::jinja {

// The last token is kEnd. Throws TemplateError (kCorrupt, with its line) on a malformed template.
std::vector<Token> tokenize(std::string_view source);

}  // namespace chitu::jinja
