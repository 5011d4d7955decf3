#include "server/http_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <utility>

namespace chitu {
namespace {

using Clock = ByteChannel::Clock;
using State = RequestParser::State;

Clock::duration seconds(double value) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(value));
}

size_t max_input(const ServerLimits& limits) {
  return static_cast<size_t>(limits.max_header_bytes) + (size_t{64} << 10);
}

bool is_request_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  });
}

// The bytes of one body as part of the server's total.
class BodyCharge {
 public:
  explicit BodyCharge(int64_t& total) : total_(total) {}
  ~BodyCharge() { total_ -= bytes_; }
  BodyCharge(const BodyCharge&) = delete;
  BodyCharge& operator=(const BodyCharge&) = delete;

  void set(size_t bytes) {
    total_ += static_cast<int64_t>(bytes) - bytes_;
    bytes_ = static_cast<int64_t>(bytes);
  }

 private:
  int64_t& total_;
  int64_t bytes_ = 0;
};

}  // namespace

struct HttpConnection::Progress {
  std::chrono::system_clock::time_point time = std::chrono::system_clock::now();
  Clock::time_point start = Clock::now();
  // The handler may have moved from the request.
  std::string id;
  std::string method;
  std::string path;
  std::string failure;
};

HttpConnection::HttpConnection(std::shared_ptr<ServerCore> core,
                               std::unique_ptr<Transport> transport, Origin origin)
    : core_(std::move(core)),
      origin_(std::move(origin)),
      channel_(std::make_shared<ByteChannel>(std::move(transport), core_->limits.write_timeout_s,
                                             max_input(core_->limits))) {}

HttpConnection::~HttpConnection() {
  channel_->close();
  if (core_->connections.erase(this) > 0) --core_->stats.connections_open;
}

void HttpConnection::start() {
  core_->connections.emplace(this, weak_from_this());
  ++core_->stats.connections_open;
  // An exception here (memory) costs this connection only.
  asio::co_spawn(core_->io, run(),
                 [self = shared_from_this()](const std::exception_ptr& exception) {
                   if (exception) self->core_->report("a connection was closed by an exception");
                   self->channel_->close();
                 });
}

void HttpConnection::close_when_idle() {
  if (idle_since_) return close();
  if (exchange_) exchange_->refuse_keep_alive();
}

std::optional<Clock::time_point> HttpConnection::kept_since() const {
  return requests_ > 0 && !channel_->closed() ? idle_since_ : std::nullopt;
}

asio::awaitable<void> HttpConnection::run() {
  const auto self = shared_from_this();
  if (!co_await channel_->open(core_->limits.header_timeout_s)) co_return;
  while (co_await serve_request()) ++requests_;
  co_await channel_->linger();
}

asio::awaitable<bool> HttpConnection::serve_request() {
  if (!co_await wait_for_request()) co_return false;
  Progress progress;
  RequestParser parser(core_->limits.max_header_bytes, core_->limits.max_body_bytes);
  co_await receive_header(parser);
  if (parser.state() == State::kHeader && channel_->peer_ended()) co_return false;
  ++core_->stats.requests;
  HttpRequest& request = parser.request();
  name_request(request);
  progress.id = request.id;
  progress.method = request.method;
  progress.path = request.target;

  Admission admission = admit_request(parser);
  HttpExchange exchange(request, *channel_,
                        {.keep_alive = parser.keep_alive() && !core_->stopping,
                         .is_http_1_0 = parser.is_http_1_0(),
                         .cors_headers = std::move(admission.cors_headers)});
  exchange_ = &exchange;
  BodyCharge charge(core_->body_bytes);
  if (!admission.refusal && parser.state() == State::kBody) {
    admission.refusal = co_await receive_body(parser);
    charge.set(request.body.size());
  }
  if (admission.refusal) {
    feed(parser);  // what has come already of a body that nobody wants
    // A client that has to come again is to do so on a connection that is not one too many.
    if (parser.state() != State::kDone || origin_.refused) exchange.refuse_keep_alive();
    co_await exchange.respond(std::move(*admission.refusal));
  } else if (parser.state() == State::kDone) {
    co_await run_handler(admission.route->handler, exchange, progress.failure);
  }
  exchange_ = nullptr;
  record(exchange, progress);
  co_return exchange.keep_alive() && !channel_->peer_ended();
}

asio::awaitable<bool> HttpConnection::wait_for_request() {
  const ServerLimits& limits = core_->limits;
  const double patience = requests_ == 0 ? limits.header_timeout_s : limits.idle_timeout_s;
  if (channel_->input().empty()) {
    if (core_->stopping) co_return false;
    idle_since_ = Clock::now();
    (void)co_await channel_->receive(0, Clock::now() + seconds(patience));
    idle_since_.reset();
  }
  if (!channel_->input().empty()) co_return true;
  channel_->close();
  co_return false;
}

void HttpConnection::feed(RequestParser& parser) {
  const State state = parser.state();
  if (state == State::kDone || state == State::kFailed) return;
  channel_->consume(parser.feed(channel_->input()));
}

asio::awaitable<void> HttpConnection::receive_header(RequestParser& parser) {
  const auto deadline = Clock::now() + seconds(core_->limits.header_timeout_s);
  for (;;) {
    feed(parser);
    if (parser.state() != State::kHeader) co_return;
    if (!co_await channel_->receive(channel_->input().size(), deadline)) co_return;
  }
}

HttpResponse HttpConnection::too_slow() {
  ++core_->stats.timed_out;
  return error_response(
      {.status = 408, .message = "The request did not arrive in time.", .code = "request_timeout"});
}

std::optional<HttpResponse> HttpConnection::header_fault(const RequestParser& parser) {
  if (parser.state() == State::kFailed) return error_response(parser.error());
  if (parser.state() == State::kHeader) return too_slow();
  if (origin_.refused) {
    return error_response({.status = 503,
                           .message = "The server has as many connections as it may have.",
                           .code = "too_many_connections"});
  }
  return std::nullopt;
}

Admission HttpConnection::admit_request(RequestParser& parser) {
  Admission admission;
  admission.refusal = header_fault(parser);
  if (admission.refusal) return admission;
  const AdmissionRules rules{.router = core_->router,
                             .authenticator = core_->authenticator,
                             .cors_origins = core_->cors_origins,
                             .listen_host = origin_.listen_host,
                             .loopback = origin_.loopback,
                             .tls = core_->tls != nullptr};
  return admit(parser.request(), rules);
}

asio::awaitable<std::optional<HttpResponse>> HttpConnection::receive_body(RequestParser& parser) {
  const auto patience = seconds(core_->limits.header_timeout_s);
  const auto start = Clock::now();
  const std::string& body = parser.request().body;
  bool is_awaited = parser.expects_continue();
  BodyCharge charge(core_->body_bytes);
  for (;;) {
    feed(parser);
    charge.set(body.size());
    if (parser.state() == State::kFailed) co_return error_response(parser.error());
    if (core_->body_bytes > core_->limits.max_total_body_bytes) {
      co_return error_response({.status = 503,
                                .message = "The server holds as many requests as it may hold.",
                                .code = "too_many_requests"});
    }
    if (parser.state() == State::kDone) co_return std::nullopt;
    const size_t known = channel_->input().size();
    if (known > 0 || !body.empty()) is_awaited = false;  // the client did not wait
    if (std::exchange(is_awaited, false)) {
      if (!co_await channel_->write("HTTP/1.1 100 Continue\r\n\r\n")) co_return std::nullopt;
    }
    const auto earned = seconds(static_cast<double>(body.size()) / ByteChannel::kMinBytesPerSecond);
    const auto deadline = std::min(Clock::now(), start + earned) + patience;
    if (!co_await channel_->receive(known, deadline)) {
      if (channel_->peer_ended()) co_return std::nullopt;
      co_return too_slow();
    }
  }
}

asio::awaitable<void> HttpConnection::run_handler(const Handler& handler, HttpExchange& exchange,
                                                  std::string& failure) {
  const std::string id = exchange.request().id;
  try {
    co_await handler(exchange);
    if (!exchange.complete() && !channel_->peer_ended()) failure = "the route gave no whole answer";
  } catch (const std::exception& exception) {
    failure = exception.what();
  } catch (...) {
    failure = "an exception of an unknown type";
  }
  channel_->on_end(nullptr);
  if (failure.empty()) co_return;
  ++core_->stats.failed;
  core_->report(fmt::format("request {} failed: {}", id, failure));
  if (exchange.status() != 0) {
    channel_->close();  // the client sees that the end is missing
    co_return;
  }
  HttpResponse response = error_response(
      {.status = 500,
       .message =
           fmt::format("The server failed to answer this request. Its log says why, under {}.", id),
       .code = "internal_error"});
  exchange.request().id = id;
  co_await exchange.respond(std::move(response));
}

void HttpConnection::name_request(HttpRequest& request) {
  const auto given = request.headers.find("x-request-id");
  request.id = given && is_request_id(*given) ? std::string(*given) : core_->make_id();
  request.peer = origin_.peer;
}

void HttpConnection::record(const HttpExchange& exchange, const Progress& progress) {
  ServerStats& stats = core_->stats;
  if (exchange.status() != 0) ++stats.responses[exchange.status()];
  std::string_view end = "done";
  if (channel_->evicted()) {
    end = "evicted";
    ++stats.evicted;
  } else if (!progress.failure.empty()) {
    end = "failed";
  } else if (!exchange.complete()) {
    end = "disconnected";
    ++stats.disconnected;
  }
  if (!core_->log) return;
  using Seconds = std::chrono::duration<double>;
  core_->log->write({.time = Seconds(progress.time.time_since_epoch()).count(),
                     .id = progress.id,
                     .peer = origin_.peer,
                     .method = progress.method,
                     .path = progress.path,
                     .status = exchange.status(),
                     .bytes = channel_->answer_bytes(),
                     .seconds = Seconds(Clock::now() - progress.start).count(),
                     .end = end,
                     .error = progress.failure});
}

}  // namespace chitu
