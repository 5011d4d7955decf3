// Which handler answers which method and path.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/exchange.h"

namespace chitu {

enum class Access {
  kKey,    // an API key, where the server has any; open to all who reach it otherwise
  kAdmin,  // the admin key; refused where the server has none
};

struct Route {
  std::string method;
  std::string path;  // without the parameter: "/v1/models/"
  bool parameter = false;
  Handler handler;
  Access access = Access::kKey;
};

class Router {
 public:
  // `path` is compared as it is; one that ends in "{name}" takes the rest, of at least one
  // character, with slashes too: "/v1/models/{id}". GET routes answer HEAD as well. REQUIRES: the
  // method and path are not there yet.
  void add(std::string_view method, std::string_view path, Handler handler,
           Access access = Access::kKey);

  // nullptr: no such route. A path without a parameter goes before one with it.
  const Route* find(std::string_view method, std::string_view path) const;
  // The methods that a path has, as the `allow` field lists them; empty when there is no such path.
  std::string allowed_methods(std::string_view path) const;

 private:
  std::vector<Route> routes_;
};

// "a%20b" -> "a b"; a '%' that no two hexadecimal digits follow stays.
std::string percent_decoded(std::string_view text);

}  // namespace chitu
