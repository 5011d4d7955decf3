#include "loadgen/client.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <utility>

#include "loadgen/answer_reader.h"
#include "loadgen/sse.h"

namespace chitu::loadgen {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using Clock = std::chrono::steady_clock;

// Errors as values: {error code, result}.
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxErrorBody = 65536;

Clock::duration duration_of(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

Result<tcp::resolver::results_type> resolve(asio::io_context& io, const Server& server) {
  beast::error_code error;
  auto found = tcp::resolver(io).resolve(server.host, server.port, error);
  if (error) {
    return make_error(ErrorCode::kNotFound, "{}: {}", server.authority(), error.message());
  }
  return found;
}

http::request<http::string_body> make_request(const ClientOptions& options, http::verb method,
                                              const std::string& target, std::string body) {
  http::request<http::string_body> request(method, options.server.prefix + target, 11);
  request.set(http::field::host, options.server.authority());
  request.set(http::field::user_agent, "chitu-bench");
  if (!options.api_key.empty()) {
    request.set(http::field::authorization, "Bearer " + options.api_key);
  }
  if (method == http::verb::post) request.set(http::field::content_type, "application/json");
  request.body() = std::move(body);
  request.prepare_payload();
  return request;
}

// What a system's error is called in the table of failures.
std::string_view kind_of(const beast::error_code& error) {
  if (error == beast::error::timeout) return "timeout";
  if (error == asio::error::connection_refused) return "connection refused";
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error == asio::error::eof || error == asio::error::connection_reset ||
      error == asio::error::broken_pipe) {
    return "closed early";
  }
  if (error.category() == http::make_error_code(http::error::bad_version).category()) {
    return "not HTTP";
  }
  return "network error";
}

struct Connection {
  explicit Connection(asio::io_context& io) : stream(io) {}
  beast::tcp_stream stream;
  beast::flat_buffer buffer;
  bool used = false;  // a request has been answered on it
};

using Parser = http::response_parser<http::buffer_body>;

// Reads one piece of the body into `piece`; its size, 0 when only framing has come.
asio::awaitable<std::pair<beast::error_code, std::size_t>> read_piece(Connection& connection,
                                                                      Parser& parser,
                                                                      std::span<char> piece) {
  auto& body = parser.get().body();
  body.data = piece.data();
  body.size = piece.size();
  auto [error, bytes] =
      co_await http::async_read_some(connection.stream, connection.buffer, parser, kAwait);
  if (error == http::error::need_buffer) error = {};
  co_return std::pair(error, piece.size() - body.size);
}

class Run {
 public:
  Run(const ClientOptions& options, const LoadOptions& load, std::span<const Job> jobs)
      : options_(options), load_(load), jobs_(jobs), records_(jobs.size()), ticker_(io_) {}

  Result<std::vector<RequestRecord>> run() {
    TRY(endpoints, resolve(io_, options_.server));
    endpoints_ = std::move(endpoints);
    start_ = Clock::now();
    progress_.total = static_cast<int64_t>(jobs_.size());
    const int64_t most = load_.concurrency > 0 ? load_.concurrency : progress_.total;
    workers_ = std::min(most, progress_.total);
    for (int64_t i = 0; i < workers_; ++i) spawn(work());
    if (workers_ > 0) spawn(tick());
    io_.run();
    if (failure_) return *failure_;
    return std::move(records_);
  }

 private:
  enum class Ending : uint8_t {
    kKeep,   // the connection can take another request
    kClose,  // it cannot
    kStale,  // the server had closed it before this request came: nothing was answered
  };

  void spawn(asio::awaitable<void> coroutine) {
    asio::co_spawn(io_, std::move(coroutine), [this](const std::exception_ptr& thrown) {
      if (!thrown) return;
      try {
        std::rethrow_exception(thrown);
      } catch (const std::exception& e) {
        failure_ = make_error(ErrorCode::kInternal, "the client: {}", e.what());
      }
      io_.stop();
    });
  }

  double now() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  asio::awaitable<void> work() {
    asio::steady_timer timer(io_);
    while (next_ < jobs_.size()) {
      const std::size_t index = next_++;
      timer.expires_at(start_ + duration_of(jobs_[index].due));
      if (jobs_[index].due > 0) co_await timer.async_wait(kAwait);
      ++progress_.running;
      co_await perform(index);
      --progress_.running;
      ++(records_[index].ok() ? progress_.completed : progress_.failed);
    }
    if (--workers_ == 0) ticker_.cancel();
  }

  asio::awaitable<void> tick() {
    while (workers_ > 0) {
      progress_.seconds = now();
      if (load_.on_progress && !load_.on_progress(progress_)) {
        io_.stop();
        co_return;
      }
      ticker_.expires_after(std::chrono::milliseconds(100));
      co_await ticker_.async_wait(kAwait);
    }
  }

  asio::awaitable<void> perform(std::size_t index) {
    RequestRecord& record = records_[index];
    record.start = now();
    const Clock::time_point deadline = Clock::now() + duration_of(options_.request_seconds);
    Ending ending = Ending::kStale;
    while (ending == Ending::kStale) {
      std::unique_ptr<Connection> connection;
      if (!idle_.empty()) {
        connection = std::move(idle_.back());
        idle_.pop_back();
      } else {
        connection = std::make_unique<Connection>(io_);
        const bool connected = co_await connect(*connection, record, deadline);
        if (!connected) co_return;
      }
      connection->stream.expires_at(deadline);
      ending = co_await exchange(*connection, index);
      if (ending == Ending::kStale) ++record.resent;
      if (ending == Ending::kKeep) {
        connection->used = true;
        connection->stream.expires_never();
        idle_.push_back(std::move(connection));
      }
    }
  }

  Ending fail(RequestRecord& record, std::string_view kind, std::string text) const {
    record.failure = kind;
    record.failure_text = std::move(text);
    record.end = now();
    record.ended = true;
    return Ending::kClose;
  }
  Ending fail(RequestRecord& record, const beast::error_code& error) const {
    return fail(record, kind_of(error), error.message());
  }

  asio::awaitable<bool> connect(Connection& connection, RequestRecord& record,
                                Clock::time_point deadline) {
    connection.stream.expires_at(
        std::min(deadline, Clock::now() + duration_of(options_.connect_seconds)));
    auto [error, endpoint] = co_await connection.stream.async_connect(endpoints_, kAwait);
    if (error) {
      fail(record, error);
      co_return false;
    }
    beast::error_code ignored;  // without it, only a little slower
    connection.stream.socket().set_option(tcp::no_delay(true), ignored);
    co_return true;
  }

  asio::awaitable<Ending> exchange(Connection& connection, std::size_t index) {
    RequestRecord& record = records_[index];
    auto request = make_request(options_, http::verb::post, load_.target, jobs_[index].body);
    auto [write_error, written] = co_await http::async_write(connection.stream, request, kAwait);
    // A server may answer and close before it has read all of a request.
    const bool is_stale = connection.used && write_error && write_error != beast::error::timeout;
    if (is_stale) co_return Ending::kStale;
    Parser parser;
    parser.header_limit(65536);
    parser.body_limit(boost::none);
    auto [error, bytes] =
        co_await http::async_read_header(connection.stream, connection.buffer, parser, kAwait);
    if (error) {
      const bool was_closed =
          connection.used && !parser.got_some() && kind_of(error) == "closed early";
      co_return was_closed ? Ending::kStale : fail(record, write_error ? write_error : error);
    }
    const http::status status = parser.get().result();
    const std::string_view type = parser.get()[http::field::content_type];
    const bool is_stream = type.starts_with("text/event-stream");
    if (status == http::status::ok && is_stream)
      co_return co_await read_stream(connection, parser, record);
    co_return co_await read_refusal(connection, parser, record);
  }

  // The status is no 200, or the body is no stream.
  asio::awaitable<Ending> read_refusal(Connection& connection, Parser& parser,
                                       RequestRecord& record) {
    std::string text;
    std::array<char, 4096> piece{};
    beast::error_code failed;
    while (!parser.is_done() && !failed && text.size() < kMaxErrorBody) {
      const auto [error, bytes] = co_await read_piece(connection, parser, piece);
      failed = error;
      text.append(piece.data(), bytes);
    }
    const unsigned status = parser.get().result_int();
    if (status == 200) {
      fail(record, "not a stream", error_text(text));
    } else {
      fail(record, fmt::format("HTTP {}", status), error_text(text));
    }
    co_return parser.is_done() && parser.keep_alive() ? Ending::kKeep : Ending::kClose;
  }

  asio::awaitable<Ending> read_stream(Connection& connection, Parser& parser,
                                      RequestRecord& record) {
    SseParser events;
    AnswerReader answer(record);
    bool more = true;
    std::optional<double> ended;
    std::array<char, 16384> piece{};
    while (!parser.is_done()) {
      const auto [error, bytes] = co_await read_piece(connection, parser, piece);
      const double time = now();
      const Status parsed =
          events.feed(std::string_view(piece.data(), bytes), [&](std::string_view data) {
            const std::size_t pieces = record.arrivals.size();
            more = more && answer.take(data, time);
            progress_.pieces += static_cast<int64_t>(record.arrivals.size() - pieces);
            return more;
          });
      if (!parsed.ok()) co_return fail(record, "malformed stream", parsed.error().message);
      if (!record.failure.empty()) break;
      if (error && more) co_return fail(record, error);
      if (error) break;
      if (more || ended) continue;
      // The end of the body is read, so that the connection can be used again; it comes at once.
      ended = time;
      connection.stream.expires_after(std::chrono::seconds(1));
    }
    answer.end(ended.value_or(now()));
    co_return parser.is_done() && parser.keep_alive() ? Ending::kKeep : Ending::kClose;
  }

  const ClientOptions& options_;
  const LoadOptions& load_;
  std::span<const Job> jobs_;
  std::vector<RequestRecord> records_;

  asio::io_context io_{1};
  asio::steady_timer ticker_;
  tcp::resolver::results_type endpoints_;
  std::vector<std::unique_ptr<Connection>> idle_;
  Clock::time_point start_;
  std::size_t next_ = 0;
  int64_t workers_ = 0;  // that have not ended
  Progress progress_;
  std::optional<Error> failure_;
};

asio::awaitable<void> get(asio::io_context& io, const ClientOptions& options,
                          const std::string& target, const tcp::resolver::results_type& endpoints,
                          http::response<http::string_body>& response, beast::error_code& failed) {
  Connection connection(io);
  connection.stream.expires_after(
      duration_of(std::min(options.connect_seconds, options.request_seconds)));
  auto [connect_error, endpoint] = co_await connection.stream.async_connect(endpoints, kAwait);
  failed = connect_error;
  if (failed) co_return;
  auto request = make_request(options, http::verb::get, target, "");
  auto [write_error, written] = co_await http::async_write(connection.stream, request, kAwait);
  failed = write_error;
  if (failed) co_return;
  auto [read_error, bytes] =
      co_await http::async_read(connection.stream, connection.buffer, response, kAwait);
  failed = read_error;
}

}  // namespace

Result<std::string> fetch(const ClientOptions& options, const std::string& target) {
  asio::io_context io{1};
  TRY(endpoints, resolve(io, options.server));
  http::response<http::string_body> response;
  beast::error_code failed;
  std::exception_ptr thrown;
  asio::co_spawn(io, get(io, options, target, endpoints, response, failed),
                 [&](const std::exception_ptr& e) { thrown = e; });
  io.run();
  const std::string where =
      fmt::format("http://{}{}{}", options.server.authority(), options.server.prefix, target);
  if (thrown) return make_error(ErrorCode::kInternal, "{}: the client failed", where);
  if (failed) return make_error(ErrorCode::kIo, "{}: {}", where, failed.message());
  if (response.result() != http::status::ok) {
    return make_error(ErrorCode::kIo, "{}: HTTP {}: {}", where, response.result_int(),
                      error_text(response.body()));
  }
  return std::move(response.body());
}

Result<std::vector<RequestRecord>> run_load(const ClientOptions& options, const LoadOptions& load,
                                            std::span<const Job> jobs) {
  return Run(options, load, jobs).run();
}

}  // namespace chitu::loadgen
