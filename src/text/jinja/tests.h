// The tests, by name: value is name(args).
#pragma once

#include <string_view>

#include "text/jinja/runtime.h"

namespace chitu::jinja {

using TestFunction = bool (*)(Runtime& rt, const Value& operand, const Args& args);

// nullptr when there is no such test.
TestFunction find_test(std::string_view name);

}  // namespace chitu::jinja
