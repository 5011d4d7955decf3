// Truth, equality, order, hashing and membership, as Python defines them.
#pragma once

#include <cstddef>
#include <string_view>

#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"

namespace chitu::jinja {

bool truthy(const Value& value);
bool equal(const Value& a, const Value& b, Meter& meter);
bool less(const Value& a, const Value& b, Meter& meter);  // fails for types that have no order
bool compare(CompareOp op, const Value& a, const Value& b, Runtime& rt);
bool contains(const Value& container, const Value& item, Runtime& rt);

// Python's `is`: the same object, or the same small value.
bool same(const Value& a, const Value& b);

// Equal for equal values; fails for lists, dicts and what holds them.
size_t hash_of(const Value& value, Meter& meter);
size_t hash_of(std::string_view text, Meter& meter);

}  // namespace chitu::jinja
