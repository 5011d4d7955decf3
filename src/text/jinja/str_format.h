// "{0} and {name!r:>10}".format(...), sandboxed: fields are looked up as the template would.
#pragma once

#include "text/jinja/runtime.h"

namespace chitu::jinja {

Value format_str(const Value& format, const Args& args, Runtime& rt);

}  // namespace chitu::jinja
