#include "server/http_exchange.h"

#include <fmt/format.h>

#include <ctime>

#include "base/check.h"
#include "server/http_head.h"

namespace chitu {
namespace {

// Statuses whose answers have no body, not even an empty one (RFC 9110, 8.6).
bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

}  // namespace

HttpExchange::HttpExchange(HttpRequest& request, ByteChannel& channel, Framing framing)
    : request_(request),
      channel_(channel),
      framing_(std::move(framing)),
      head_only_(request.method == "HEAD") {
  channel_.begin_answer();
}

HttpExchange::~HttpExchange() { channel_.on_end(nullptr); }

asio::awaitable<void> HttpExchange::respond(HttpResponse response) {
  CHECK(status_ == 0);
  status_ = response.status;
  ResponseHead head{.status = response.status,
                    .content_type = response.content_type,
                    .close = !framing_.keep_alive,
                    .is_http_1_0 = framing_.is_http_1_0,
                    .request_id = request_.id,
                    .headers = &response.headers,
                    .cors_headers = &framing_.cors_headers};
  if (has_no_body(response.status)) {
    response.body.clear();
  } else {
    head.content_length = response.body.size();
  }
  frame_ = response_head(head, std::time(nullptr));
  if (!head_only_) frame_ += response.body;
  complete_ = co_await channel_.write(frame_);
}

asio::awaitable<bool> HttpExchange::begin_stream(std::string content_type) {
  CHECK(status_ == 0);
  status_ = 200;
  streaming_ = true;
  // HTTP/1.0 knows no chunks: there the connection's end is the body's.
  if (framing_.is_http_1_0) framing_.keep_alive = false;
  static const std::vector<std::pair<std::string, std::string>> kHeaders{
      {"cache-control", "no-cache"}, {"x-accel-buffering", "no"}};  // proxies pass it on at once
  frame_ = response_head({.status = status_,
                          .content_type = content_type,
                          .chunked = !framing_.is_http_1_0,
                          .close = !framing_.keep_alive,
                          .is_http_1_0 = framing_.is_http_1_0,
                          .request_id = request_.id,
                          .headers = &kHeaders,
                          .cors_headers = &framing_.cors_headers},
                         std::time(nullptr));
  if (channel_.peer_ended()) co_return false;
  co_return co_await channel_.write(frame_);
}

asio::awaitable<bool> HttpExchange::send(std::string_view bytes) {
  CHECK(streaming_ && !complete_);
  if (channel_.peer_ended()) co_return false;
  if (bytes.empty() || head_only_) co_return true;  // an empty chunk would end the stream
  if (framing_.is_http_1_0) co_return co_await channel_.write(bytes);
  frame_.clear();
  fmt::format_to(std::back_inserter(frame_), "{:x}\r\n{}\r\n", bytes.size(), bytes);
  co_return co_await channel_.write(frame_);
}

asio::awaitable<void> HttpExchange::end_stream() {
  CHECK(streaming_ && !complete_);
  if (channel_.peer_ended()) co_return;
  if (framing_.is_http_1_0 || head_only_) {
    complete_ = true;
  } else {
    complete_ = co_await channel_.write("0\r\n\r\n");
  }
}

void HttpExchange::on_disconnect(std::function<void()> callback) {
  if (channel_.peer_ended()) return callback();
  channel_.on_end(std::move(callback));
}

}  // namespace chitu
