// str() and repr() as Python prints them.
#pragma once

#include <string>

#include "text/jinja/runtime.h"

namespace chitu::jinja {

void append_str(TextBuilder& out, const Value& value, Runtime& rt);
void append_repr(TextBuilder& out, const Value& value, Runtime& rt);
std::string to_str(const Value& value, Runtime& rt);
std::string to_repr(const Value& value, Runtime& rt);

// The shortest decimal that reads back as the same number: "1.0", "1e+16", "inf".
std::string float_repr(double d);

}  // namespace chitu::jinja
