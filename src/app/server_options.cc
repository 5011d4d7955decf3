#include "app/server_options.h"

#include <algorithm>

namespace chitu::app {
namespace {

constexpr int64_t kKiB = 1024;
constexpr int64_t kMiB = 1024 * 1024;

// Printable and without spaces, as the header `authorization` can carry it.
bool is_key(std::string_view key) {
  return !key.empty() &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < '\x7F'; });
}

}  // namespace

std::vector<std::string> split_list(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  std::vector<std::string> items;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const size_t begin = item.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) continue;
    items.emplace_back(item.substr(begin, item.find_last_not_of(kBlank) - begin + 1));
  }
  return items;
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

ServerLimits server_limits(const Settings& settings) {
  return {.max_header_bytes = settings.integer("serve.max_header_kb") * kKiB,
          .max_body_bytes = settings.integer("serve.max_body_mb") * kMiB,
          .max_connections = static_cast<int>(settings.integer("serve.max_connections")),
          .header_timeout_s = settings.number("serve.header_timeout_s"),
          .idle_timeout_s = settings.number("serve.idle_timeout_s"),
          .write_timeout_s = settings.number("serve.write_timeout_s"),
          .send_queue_bytes = static_cast<int>(settings.integer("serve.send_queue_kb") * kKiB)};
}

RequestLimits request_limits(const Settings& settings) {
  return {.max_prompt_bytes = settings.integer("serve.max_body_mb") * kMiB,
          .max_n = settings.integer("serve.max_n"),
          .max_logprobs = settings.integer("serve.max_logprobs"),
          .max_stop = settings.integer("serve.max_stop"),
          .max_stop_bytes = settings.integer("serve.max_stop_bytes"),
          .max_priority = settings.integer("serve.max_priority")};
}

Result<AuthOptions> auth_options(const Settings& settings) {
  AuthOptions options{.api_keys = split_list(settings.text("serve.api_keys")),
                      .admin_key = settings.text("serve.admin_key"),
                      .cors_origins = split_list(settings.text("serve.cors_origins"))};
  // An empty variable of the environment, say, is no reason to open the server to everybody.
  if (settings.value("serve.api_keys") != "null" && options.api_keys.empty()) {
    return make_error(ErrorCode::kInvalidArgument,
                      "serve.api_keys: names no key; null asks for none");
  }
  const bool keys_are_valid = std::all_of(options.api_keys.begin(), options.api_keys.end(), is_key);
  if (!keys_are_valid || (!options.admin_key.empty() && !is_key(options.admin_key))) {
    // Without the key itself: errors end up in logs.
    return make_error(ErrorCode::kInvalidArgument,
                      "serve.{}: a key is printable ASCII without spaces",
                      keys_are_valid ? "admin_key" : "api_keys");
  }
  return options;
}

Result<TlsOptions> tls_options(const Settings& settings) {
  TlsOptions options{.cert_file = settings.text("serve.tls_cert"),
                     .key_file = settings.text("serve.tls_key")};
  if (options.cert_file.empty() != options.key_file.empty()) {
    return make_error(ErrorCode::kInvalidArgument,
                      "serve.tls_cert and serve.tls_key go together, found only serve.{}",
                      options.cert_file.empty() ? "tls_key" : "tls_cert");
  }
  return options;
}

}  // namespace chitu::app
