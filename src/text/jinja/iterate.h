// Iteration over the values that Python iterates over.
#pragma once

#include <memory>
#include <vector>

#include "text/jinja/runtime.h"

namespace chitu::jinja {

// Fails if the value is not iterable. An iterator is returned as it is: it yields what is left.
std::shared_ptr<Iterator> iterate(const Value& value, Runtime& rt);
bool iterable(const Value& value);

std::vector<Value> to_vector(const Value& value, Runtime& rt);

// len(): in characters for strings. -1 for values that have no length.
int64_t length_or_negative(const Value& value);
int64_t length(const Value& value, Runtime& rt);  // fails instead

}  // namespace chitu::jinja
