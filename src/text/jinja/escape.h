// HTML escaping, for |escape.
#pragma once

#include <string>
#include <string_view>

namespace chitu::jinja {

std::string escape_html(std::string_view s);

}  // namespace chitu::jinja
