// The settings serve.* in the terms of the server.
#pragma once

#include <string_view>

#include "app/settings.h"
#include "base/result.h"
#include "server/auth.h"
#include "server/http_server.h"
#include "server/openai_request.h"

namespace chitu::app {

ServerLimits server_limits(const Settings& settings);
RequestLimits request_limits(const Settings& settings);  // as far as they are no model's

// Errors name the setting: a key or an origin that no client can send.
Result<AuthOptions> auth_options(const Settings& settings);
// Error: only one of certificate and key is given.
Result<TlsOptions> tls_options(const Settings& settings);

// The items of "a, b,c".
std::vector<std::string> split_list(std::string_view text);

// "127.0.0.1", "localhost", "::1"
bool is_loopback(std::string_view host);

}  // namespace chitu::app
