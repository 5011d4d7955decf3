// obj.name, obj[key] and obj[a:b:c], as the immutable sandbox allows them. Python's internals
// (__class__ and all that begins with an underscore) and methods that would change a list or a
// dict do not exist here.
#pragma once

#include <optional>
#include <string_view>

#include "text/jinja/runtime.h"

namespace chitu::jinja {

Value get_attribute(const Value& object, std::string_view name,
                    Runtime& rt);                                    // the attribute first
Value get_item(const Value& object, const Value& key, Runtime& rt);  // the item first
Value get_slice(const Value& object, const Value& start, const Value& stop, const Value& step,
                Runtime& rt);  // none: left out

// The attribute alone, as getattr() finds it; nullopt when there is none.
std::optional<Value> find_attribute(const Value& object, std::string_view name, Runtime& rt);

}  // namespace chitu::jinja
