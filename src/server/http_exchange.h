// An Exchange over the channel of a connection.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "server/exchange.h"
#include "server/http_channel.h"

namespace chitu {

class HttpExchange : public Exchange {
 public:
  struct Framing {
    bool keep_alive = false;
    bool is_http_1_0 = false;
    std::vector<std::pair<std::string, std::string>> cors_headers;
  };

  // REQUIRES: both outlive the exchange.
  HttpExchange(HttpRequest& request, ByteChannel& channel, Framing framing);
  ~HttpExchange() override;

  HttpRequest& request() override { return request_; }
  asio::awaitable<void> respond(HttpResponse response) override;
  asio::awaitable<bool> begin_stream(std::string content_type) override;
  asio::awaitable<bool> send(std::string_view bytes) override;
  asio::awaitable<void> end_stream() override;
  void on_disconnect(std::function<void()> callback) override;
  bool disconnected() const override { return channel_.peer_ended(); }

  void refuse_keep_alive() { framing_.keep_alive = false; }
  int status() const { return status_; }       // 0: nothing was answered yet
  bool complete() const { return complete_; }  // the answer went out whole
  bool keep_alive() const { return complete_ && framing_.keep_alive; }

 private:
  HttpRequest& request_;
  ByteChannel& channel_;
  Framing framing_;
  const bool head_only_;
  int status_ = 0;
  bool streaming_ = false;
  bool complete_ = false;
  std::string frame_;
};

}  // namespace chitu
