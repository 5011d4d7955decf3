// The server's certificate and key.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "base/result.h"
#include "server/http_server.h"

namespace chitu {

// TLS 1.2 and later. Errors name the file.
Result<std::unique_ptr<boost::asio::ssl::context>> load_tls(const TlsOptions& options);

}  // namespace chitu
