// What a route sees of one request: the request itself, and the ways to answer it.
//
//   asio::awaitable<void> version(Exchange& exchange) {
//     co_await exchange.respond({.body = R"({"version": "1"})"});
//   }
//
// All of it is used on the io thread only, and one operation at a time: an awaitable that one of
// these returned is awaited before the next call. A route answers exactly once: by respond(), or by
// begin_stream() ... end_stream(). One that returns or throws without an answer makes it a 500; one
// that leaves a stream open has the connection closed, so that the client sees that the end is
// missing.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "server/http_types.h"

namespace chitu {

namespace asio = boost::asio;

class Exchange {
 public:
  virtual ~Exchange() = default;

  // Its strings may be moved from; the body in particular.
  virtual HttpRequest& request() = 0;

  // The whole answer. To a HEAD request the same without the body. Returns when the system took it,
  // or when the client is gone.
  virtual asio::awaitable<void> respond(HttpResponse response) = 0;

  // 200 and a body of unknown length. False: the client is gone.
  virtual asio::awaitable<bool> begin_stream(std::string content_type) = 0;
  // Returns when the system took the bytes, so a slow client slows the caller down. False: the
  // client is gone, or took less than serve.write_timeout_s allows and was put out; nothing more
  // can be sent.
  virtual asio::awaitable<bool> send(std::string_view bytes) = 0;
  virtual asio::awaitable<void> end_stream() = 0;

  // Calls `callback` once, on the io thread, when the client closes before the route is done; at
  // once when it has already. Forgotten when the route returns, so it may refer to the route's own
  // state.
  virtual void on_disconnect(std::function<void()> callback) = 0;
  virtual bool disconnected() const = 0;
};

using Handler = std::function<asio::awaitable<void>(Exchange&)>;

}  // namespace chitu
