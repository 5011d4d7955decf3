#include "server/http_admission.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

namespace chitu {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : int{c}; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// "name:80" -> "name"; "[::1]:80" -> "::1"
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.rfind(':'));
}

HttpResponse refusal(int status, std::string message, std::string code) {
  return error_response({.status = status, .message = std::move(message), .code = std::move(code)});
}

HttpResponse wrong_key() {
  HttpResponse response =
      refusal(401, "Missing or wrong API key. Send it as the header 'Authorization: Bearer KEY'.",
              "invalid_api_key");
  response.headers.emplace_back("www-authenticate", "Bearer");
  return response;
}

bool is_allowed(std::string_view origin, const AdmissionRules& rules) {
  return std::any_of(rules.cors_origins.begin(), rules.cors_origins.end(),
                     [&](const std::string& allowed) {
                       return allowed == "*" || equal_ignoring_case(allowed, origin);
                     });
}

bool is_same_origin(std::string_view origin, const HttpRequest& request,
                    const AdmissionRules& rules) {
  const auto host = request.headers.find("host");
  return host &&
         equal_ignoring_case(origin, fmt::format("{}://{}", rules.tls ? "https" : "http", *host));
}

HttpResponse preflight(const HttpRequest& request, const AdmissionRules& rules) {
  HttpResponse response{.status = 204, .content_type = ""};
  response.headers = {
      {"access-control-allow-methods", rules.router.allowed_methods(request.target)},
      {"access-control-max-age", "600"}};
  if (const auto names = request.headers.find("access-control-request-headers")) {
    response.headers.emplace_back("access-control-allow-headers", *names);
  }
  return response;
}

std::optional<HttpResponse> check_host(const HttpRequest& request, const AdmissionRules& rules) {
  const auto host = request.headers.find("host");
  if (!rules.loopback || !rules.authenticator.keyless() || !host) return std::nullopt;
  if (names_loopback(*host) || equal_ignoring_case(without_port(*host), rules.listen_host)) {
    return std::nullopt;
  }
  return refusal(403,
                 "This server has no API key and listens on this machine only, so it answers only "
                 "to names of this machine, such as localhost.",
                 "host_not_allowed");
}

// Sets the CORS headers of `admission`, and its refusal where there is one.
void check_origin(const HttpRequest& request, const AdmissionRules& rules, Admission& admission) {
  const auto origin = request.headers.find("origin");
  if (!origin || is_same_origin(*origin, request, rules)) return;
  const bool is_preflight =
      request.method == "OPTIONS" && request.headers.find("access-control-request-method");
  if (is_allowed(*origin, rules)) {
    admission.cors_headers = {{"access-control-allow-origin", std::string(*origin)},
                              {"access-control-expose-headers", "x-request-id"},
                              {"vary", "origin"}};
    if (is_preflight) admission.refusal = preflight(request, rules);
  } else if (is_preflight || rules.authenticator.keyless()) {
    admission.refusal =
        refusal(403,
                "Web pages of this origin may not use this server; serve.cors_origins "
                "lists those that may.",
                "origin_not_allowed");
  }
}

std::optional<HttpResponse> check_route(const Route* route, Grant grant, const HttpRequest& request,
                                        const AdmissionRules& rules) {
  if (!route) {
    const std::string methods = rules.router.allowed_methods(request.target);
    if (methods.empty()) return refusal(404, "There is no such path.", "not_found");
    HttpResponse response =
        refusal(405, fmt::format("This path answers {} only.", methods), "method_not_allowed");
    response.headers.emplace_back("allow", methods);
    return response;
  }
  if (route->access != Access::kAdmin || grant == Grant::kAdmin) return std::nullopt;
  if (rules.authenticator.has_admin_key()) {
    return refusal(403, "This needs the admin key.", "admin_key_required");
  }
  return refusal(403,
                 "This needs an admin key, and the server was started without one "
                 "(serve.admin_key).",
                 "admin_key_required");
}

}  // namespace

bool names_loopback(std::string_view host) {
  const std::string name(without_port(host));
  if (equal_ignoring_case(name, "localhost")) return true;
  in_addr v4{};
  if (inet_pton(AF_INET, name.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return host.starts_with('[') && inet_pton(AF_INET6, name.c_str(), &v6) == 1 &&
         IN6_IS_ADDR_LOOPBACK(&v6);
}

Admission admit(HttpRequest& request, const AdmissionRules& rules) {
  Admission admission;
  admission.refusal = check_host(request, rules);
  if (!admission.refusal) check_origin(request, rules, admission);
  if (admission.refusal) return admission;

  const Grant grant = rules.authenticator.check(request.headers.find("authorization").value_or(""));
  const Route* route = rules.router.find(request.method, request.target);
  if (grant == Grant::kNone) {
    admission.refusal = wrong_key();
  } else {
    admission.refusal = check_route(route, grant, request, rules);
  }
  if (admission.refusal) return admission;
  admission.route = route;
  if (route->parameter) {
    request.path_parameter =
        percent_decoded(std::string_view(request.target).substr(route->path.size()));
  }
  return admission;
}

}  // namespace chitu
