// The attribute arguments of filters: "name", "a.b.0", 3, or several with commas between.
#pragma once

#include <vector>

#include "text/jinja/runtime.h"

namespace chitu::jinja {

class AttributePath {
 public:
  // none: the item itself.
  AttributePath(const Value& attribute, Runtime& rt);

  // With a fallback, an undefined step becomes it.
  Value get(const Value& item, Runtime& rt, const Value* fallback = nullptr) const;

 private:
  std::vector<Value> parts_;
};

// Lower-cases strings, leaves other values.
Value ignore_case(const Value& value, Runtime& rt);

}  // namespace chitu::jinja
