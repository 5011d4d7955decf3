// One connection: its requests, one after another.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "server/http_admission.h"
#include "server/http_channel.h"
#include "server/http_core.h"
#include "server/http_exchange.h"
#include "server/http_request_parser.h"

namespace chitu {

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  // Where it came from: which names of hosts it may give depends on where the server listens.
  struct Origin {
    std::string peer;
    std::string listen_host;
    bool loopback = false;
    bool refused = false;  // one too many: every request is answered 503
  };

  HttpConnection(std::shared_ptr<ServerCore> core, std::unique_ptr<Transport> transport,
                 Origin origin);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void start();
  void close() { channel_->close(); }
  void close_when_idle();  // closes now when it waits for a request
  // Since when it has waited for a request that is not its first.
  std::optional<ByteChannel::Clock::time_point> kept_since() const;

 private:
  struct Progress;

  asio::awaitable<void> run();
  // One request and its answer. False: the connection is to be ended.
  asio::awaitable<bool> serve_request();
  asio::awaitable<bool> wait_for_request();
  asio::awaitable<void> receive_header(RequestParser& parser);
  // What is wrong with the body; nothing when it came, or when the client ended before.
  asio::awaitable<std::optional<HttpResponse>> receive_body(RequestParser& parser);
  asio::awaitable<void> run_handler(const Handler& handler, HttpExchange& exchange,
                                    std::string& failure);
  std::optional<HttpResponse> header_fault(const RequestParser& parser);
  HttpResponse too_slow();
  Admission admit_request(RequestParser& parser);
  void feed(RequestParser& parser);
  void name_request(HttpRequest& request);
  void record(const HttpExchange& exchange, const Progress& progress);

  const std::shared_ptr<ServerCore> core_;
  const Origin origin_;
  const std::shared_ptr<ByteChannel> channel_;
  HttpExchange* exchange_ = nullptr;  // of the request that is being answered
  int64_t requests_ = 0;
  std::optional<ByteChannel::Clock::time_point> idle_since_;  // waits for a request
};

}  // namespace chitu
