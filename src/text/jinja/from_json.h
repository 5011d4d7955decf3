// JSON values as values of a template.
#pragma once

#include <boost/json.hpp>

#include "text/jinja/runtime.h"

namespace chitu::jinja {

// Fails on text that is not UTF-8 and on integers past 64 bits with a sign.
Value from_json(const boost::json::value& json, Runtime& rt);
std::shared_ptr<Dict> from_json(const boost::json::object& json, Runtime& rt);

}  // namespace chitu::jinja
