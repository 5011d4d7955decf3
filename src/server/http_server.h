// The server: accepts connections, reads requests within limits, has routes answer them. Runs on
// the one thread that runs the io_context; every function is called there, or before it runs.
//
// What the transport itself answers, each with OpenAI's error body: 400 (not HTTP), 401 (no or a
// wrong key, on any path), 403 (a foreign origin or host, an admin route without an admin key),
// 404, 405, 408 (too slow), 413 (body), 431 (header), 500 (a handler threw), 503 (too many
// connections).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "server/access_log.h"
#include "server/auth.h"
#include "server/router.h"

namespace boost::asio {
class io_context;
}

namespace chitu {

struct ServerCore;  // http_core.h

struct ServerLimits {
  int64_t max_header_bytes = int64_t{16} << 10;
  int64_t max_body_bytes = int64_t{8} << 20;
  // Of all requests that are being received or answered, together; 503 beyond.
  int64_t max_total_body_bytes = int64_t{512} << 20;
  int max_connections = 1024;
  // From a request's first byte to the end of its header. A body may pause as long; and in all it
  // takes no longer, but for a second more for each 8 KiB that came.
  double header_timeout_s = 10;
  double idle_timeout_s = 75;  // between requests
  // How long a client may take nothing of its answer; and all its pauses together, but for a second
  // more for each 8 KiB that it took.
  double write_timeout_s = 30;
  int send_queue_bytes = 256 << 10;  // of the system's, for one client
};

struct TlsOptions {
  std::string cert_file;  // PEM, the chain; empty: no TLS
  std::string key_file;   // PEM
  bool enabled() const { return !cert_file.empty(); }
};

struct ServerStats {
  int64_t connections_open = 0;
  int64_t connections_accepted = 0;
  int64_t connections_refused = 0;  // 503, or closed at once when even those were too many
  int64_t requests = 0;             // those that were no HTTP or came too slowly, too
  int64_t disconnected = 0;         // the client left before its answer was complete
  int64_t evicted = 0;              // the client read too slowly
  int64_t timed_out = 0;            // the client sent too slowly
  int64_t failed = 0;               // 500 by an exception
  int64_t log_lines_dropped = 0;
  std::map<int, int64_t> responses;  // by status, as they began
};

class HttpServer {
 public:
  // `log` may be null.
  HttpServer(asio::io_context& io, ServerLimits limits, Router router, TlsOptions tls,
             AuthOptions auth, std::shared_ptr<AccessLog> log);
  ~HttpServer();  // close_all()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Told of each exception in a handler, with the request's id; what() goes to no client.
  void on_failure(std::function<void(const std::string& message)> callback);

  // `host`: an address or a name; the first of its addresses that can be bound. Port 0: any free
  // one. The port it listens on. Connections are accepted when the io_context runs.
  Result<uint16_t> listen(const std::string& host, uint16_t port);

  // No new connections; idle ones are closed, others after the answer that they wait for.
  void stop_accepting();
  // Closes every connection at once; its routes learn it as a disconnect.
  void close_all();

  ServerStats stats() const;

 private:
  std::shared_ptr<ServerCore> core_;
};

}  // namespace chitu
