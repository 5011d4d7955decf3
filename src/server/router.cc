#include "server/router.h"

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace chitu {
namespace {

std::optional<int> hexadecimal(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

bool matches(const Route& route, std::string_view path) {
  if (!route.parameter) return path == route.path;
  return path.starts_with(route.path) && path.size() > route.path.size();
}

bool answers(const Route& route, std::string_view method) {
  return route.method == method || (route.method == "GET" && method == "HEAD");
}

}  // namespace

void Router::add(std::string_view method, std::string_view path, Handler handler, Access access) {
  Route route{.method = std::string(method),
              .path = std::string(path.substr(0, path.find('{'))),
              .parameter = path.ends_with('}'),
              .handler = std::move(handler),
              .access = access};
  for (const Route& other : routes_) {
    CHECK(other.method != route.method || other.path != route.path ||
          other.parameter != route.parameter);
  }
  // Those with a parameter come last.
  const auto place = route.parameter
                         ? routes_.end()
                         : std::find_if(routes_.begin(), routes_.end(),
                                        [](const Route& other) { return other.parameter; });
  routes_.insert(place, std::move(route));
}

const Route* Router::find(std::string_view method, std::string_view path) const {
  for (const Route& route : routes_) {
    if (matches(route, path) && answers(route, method)) return &route;
  }
  return nullptr;
}

std::string Router::allowed_methods(std::string_view path) const {
  std::string methods;
  for (const Route& route : routes_) {
    if (!matches(route, path)) continue;
    if (!methods.empty()) methods += ", ";
    methods += route.method;
    if (route.method == "GET") methods += ", HEAD";
  }
  return methods;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const auto high = hexadecimal(text[i + 1]);
      const auto low = hexadecimal(text[i + 2]);
      if (high && low) {
        decoded += static_cast<char>(*high * 16 + *low);
        i += 2;
        continue;
      }
    }
    decoded += text[i];
  }
  return decoded;
}

}  // namespace chitu
