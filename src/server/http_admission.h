// Whether a request may reach a route, decided by its header alone: host, origin, key, path,
// method.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/auth.h"
#include "server/http_types.h"
#include "server/router.h"

namespace chitu {

struct AdmissionRules {
  const Router& router;
  const Authenticator& authenticator;
  const std::vector<std::string>& cors_origins;
  std::string listen_host;  // as configured; a name that requests may give, too
  bool loopback = false;    // the server listens on this machine only
  bool tls = false;
};

struct Admission {
  const Route* route = nullptr;
  std::optional<HttpResponse> refusal;  // or the answer to a CORS preflight
  std::vector<std::pair<std::string, std::string>> cors_headers;  // for whatever answer
};

// Exactly one of route and refusal is set. Sets the request's path_parameter.
//
// A keyless server is driven by whoever reaches it, and a web page reaches what its reader's
// browser does. So a keyless one refuses pages of other origins; and on loopback also names of
// hosts that are not this machine's, which a page's owner can have point here (DNS rebinding).
Admission admit(HttpRequest& request, const AdmissionRules& rules);

// "127.0.0.1:8000", "[::1]", "localhost" -> true
bool names_loopback(std::string_view host);

}  // namespace chitu
