#include <algorithm>
#include <charconv>

#include "base/quote.h"
#include "loadgen/client.h"

namespace chitu::loadgen {
namespace {

bool is_port(std::string_view text) {
  int port = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
  return code == std::errc() && end == text.data() + text.size() && port > 0 && port <= 65535;
}

bool is_printable(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c > '~') return false;
  }
  return true;
}

}  // namespace

Result<Server> Server::parse(std::string_view base_url) {
  const auto wrong = [&](std::string_view why) {
    return make_error(ErrorCode::kInvalidArgument, "{}: {}; expected as in http://127.0.0.1:21002",
                      quote(base_url), why);
  };
  std::string_view rest = base_url;
  if (const std::size_t scheme = rest.find("://"); scheme != std::string_view::npos) {
    if (rest.substr(0, scheme) != "http") {
      return wrong("only http:// is spoken here; a server behind TLS needs a proxy before it");
    }
    rest.remove_prefix(scheme + 3);
  }
  if (!is_printable(rest)) return wrong("blanks and letters outside ASCII are not allowed");
  Server server;
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  std::string_view prefix = rest.substr(slash);
  const auto drop = [&](std::string_view end) {
    if (prefix.ends_with(end)) prefix.remove_suffix(end.size());
  };
  drop("/");
  drop("/v1");
  server.prefix = prefix;

  std::size_t end = authority.find(':');
  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return wrong("a bracket is not closed");
    server.host = authority.substr(1, bracket - 1);
    end = bracket + 1 < authority.size() ? bracket + 1 : std::string_view::npos;
    if (end != std::string_view::npos && authority[end] != ':') return wrong("no port after ]");
  } else {
    server.host = authority.substr(0, end);
  }
  server.port = end == std::string_view::npos ? "80" : std::string(authority.substr(end + 1));
  if (server.host.empty()) return wrong("it names no host");
  if (!is_port(server.port)) return wrong("the port is no number in [1, 65535]");
  return server;
}

std::string Server::authority() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace chitu::loadgen
