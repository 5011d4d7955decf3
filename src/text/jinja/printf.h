// "%s is %.2f" % (name, x), and |format.
#pragma once

#include "text/jinja/runtime.h"

namespace chitu::jinja {

// `args` as Python takes it: a tuple of arguments, a dict for %(name)s, or the one argument.
Value format_printf(const Value& format, const Value& args, Runtime& rt);

}  // namespace chitu::jinja
