// What the connections of one server share. Lives as long as any of them; io thread only.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/access_log.h"
#include "server/auth.h"
#include "server/http_admission.h"
#include "server/http_server.h"
#include "server/router.h"

namespace chitu {

class HttpConnection;

struct ServerCore {
  ServerCore(asio::io_context& io_context, ServerLimits server_limits, Router server_router,
             TlsOptions tls_options, AuthOptions auth_options,
             std::shared_ptr<AccessLog> access_log);

  // "req-4f1a...-12": unlike any other of this process or the ones before it.
  std::string make_id();
  void report(const std::string& message) const;

  asio::io_context& io;
  const ServerLimits limits;
  const Router router;
  const TlsOptions tls_options;
  const Authenticator authenticator;
  const std::vector<std::string> cors_origins;
  const std::shared_ptr<AccessLog> log;
  std::function<void(const std::string&)> on_failure;

  std::unique_ptr<asio::ssl::context> tls;  // null: none
  std::vector<std::shared_ptr<asio::ip::tcp::acceptor>> acceptors;
  std::unordered_map<HttpConnection*, std::weak_ptr<HttpConnection>> connections;
  ServerStats stats;
  int64_t body_bytes = 0;  // of the requests that are being received or answered
  bool stopping = false;

 private:
  std::string id_prefix_;
  int64_t ids_ = 0;
};

}  // namespace chitu
