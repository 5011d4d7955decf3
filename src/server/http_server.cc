#include "server/http_server.h"

#include <fmt/format.h>
#include <netinet/tcp.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>

#include "server/http_connection.h"
#include "server/http_core.h"
#include "server/tls.h"

namespace chitu {
namespace {

using asio::ip::tcp;
using boost::system::error_code;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// Connections beyond the maximum that are told so; more than these are closed without a word.
constexpr int64_t kMaxRefusals = 64;
constexpr int kBacklog = 1024;

std::string random_prefix() {
  std::random_device device;
  return fmt::format("req-{:08x}{:08x}", device(), device());
}

std::string peer_name(const tcp::socket& socket) {
  error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return "unknown";
  const auto address = endpoint.address();
  if (address.is_v4()) return fmt::format("{}:{}", address.to_string(), endpoint.port());
  if (address.to_v6().is_v4_mapped()) {
    const auto v4 = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    return fmt::format("{}:{}", v4.to_string(), endpoint.port());
  }
  return fmt::format("[{}]:{}", address.to_string(), endpoint.port());
}

template <int level, int name>
using IntegerOption = asio::detail::socket_option::integer<level, name>;

void configure(tcp::socket& socket, const ServerLimits& limits) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::send_buffer_size(limits.send_queue_bytes), ignored);
  // A client whose machine went away without a word is noticed within some two minutes.
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  socket.set_option(IntegerOption<IPPROTO_TCP, TCP_KEEPIDLE>(60), ignored);
  socket.set_option(IntegerOption<IPPROTO_TCP, TCP_KEEPINTVL>(15), ignored);
  socket.set_option(IntegerOption<IPPROTO_TCP, TCP_KEEPCNT>(4), ignored);
}

// Closes the connection that has waited longest for its next request. False: none does.
bool close_one_kept(const ServerCore& core) {
  std::shared_ptr<HttpConnection> oldest;
  for (const auto& [pointer, weak] : core.connections) {
    auto connection = weak.lock();
    if (!connection || !connection->kept_since()) continue;
    if (!oldest || connection->kept_since() < oldest->kept_since()) oldest = std::move(connection);
  }
  if (oldest) oldest->close();
  return oldest != nullptr;
}

void adopt(const std::shared_ptr<ServerCore>& core, tcp::socket socket,
           HttpConnection::Origin origin) {
  ServerStats& stats = core->stats;
  ++stats.connections_accepted;
  const int64_t open = stats.connections_open;
  if (open >= core->limits.max_connections && !close_one_kept(*core)) {
    ++stats.connections_refused;
    if (open >= core->limits.max_connections + kMaxRefusals) return;
    origin.refused = true;
  }
  configure(socket, core->limits);
  origin.peer = peer_name(socket);
  auto transport = core->tls ? make_tls_transport(std::move(socket), *core->tls)
                             : make_plain_transport(std::move(socket));
  std::make_shared<HttpConnection>(core, std::move(transport), std::move(origin))->start();
}

asio::awaitable<void> accept_all(std::shared_ptr<ServerCore> core,
                                 std::shared_ptr<tcp::acceptor> acceptor,
                                 HttpConnection::Origin origin) {
  asio::steady_timer pause(core->io);
  while (acceptor->is_open()) {
    // An exception (memory) costs one connection at most: whoever left here would accept no more.
    try {
      auto [error, socket] = co_await acceptor->async_accept(kAwait);
      if (!acceptor->is_open()) co_return;
      if (!error) {
        adopt(core, std::move(socket), origin);
        continue;
      }
    } catch (const std::exception&) {
    }
    // Out of file descriptors or of memory, mostly: others will be given back.
    try {
      pause.expires_after(std::chrono::milliseconds(50));
      (void)co_await pause.async_wait(kAwait);
    } catch (const std::exception&) {
    }
  }
}

Result<std::shared_ptr<tcp::acceptor>> bind_first(asio::io_context& io, const std::string& host,
                                                  uint16_t port) {
  error_code error;
  tcp::resolver resolver(io);
  const auto addresses = resolver.resolve(
      host, std::to_string(port), tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error) {
    return make_error(ErrorCode::kInvalidArgument, "serve.host: {}: {}", host, error.message());
  }
  for (const auto& entry : addresses) {
    const auto acceptor = std::make_shared<tcp::acceptor>(io);
    const tcp::endpoint endpoint = entry.endpoint();
    acceptor->open(endpoint.protocol(), error);
    if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
    if (!error && endpoint.address().is_v6()) {  // "::" takes IPv4, too
      acceptor->set_option(boost::asio::ip::v6_only(false), error);
    }
    if (!error) acceptor->bind(endpoint, error);
    if (!error) acceptor->listen(kBacklog, error);
    if (!error) return acceptor;
  }
  return make_error(ErrorCode::kIo, "cannot listen on {} port {} (serve.host, serve.port): {}",
                    host, port, error.message());
}

std::vector<std::shared_ptr<HttpConnection>> living(const ServerCore& core) {
  std::vector<std::shared_ptr<HttpConnection>> connections;
  for (const auto& [pointer, weak] : core.connections) {
    if (auto connection = weak.lock()) connections.push_back(std::move(connection));
  }
  return connections;
}

}  // namespace

ServerCore::ServerCore(asio::io_context& io_context, ServerLimits server_limits,
                       Router server_router, TlsOptions server_tls, AuthOptions auth_options,
                       std::shared_ptr<AccessLog> access_log)
    : io(io_context),
      limits(server_limits),
      router(std::move(server_router)),
      tls_options(std::move(server_tls)),
      authenticator(auth_options),
      cors_origins(std::move(auth_options.cors_origins)),
      log(std::move(access_log)),
      id_prefix_(random_prefix()) {}

std::string ServerCore::make_id() { return fmt::format("{}-{}", id_prefix_, ++ids_); }

void ServerCore::report(const std::string& message) const {
  if (on_failure) on_failure(message);
}

HttpServer::HttpServer(asio::io_context& io, ServerLimits limits, Router router, TlsOptions tls,
                       AuthOptions auth, std::shared_ptr<AccessLog> log)
    : core_(std::make_shared<ServerCore>(io, limits, std::move(router), std::move(tls),
                                         std::move(auth), std::move(log))) {}

HttpServer::~HttpServer() {
  stop_accepting();
  close_all();
}

void HttpServer::on_failure(std::function<void(const std::string&)> callback) {
  core_->on_failure = std::move(callback);
}

Result<uint16_t> HttpServer::listen(const std::string& host, uint16_t port) {
  if (core_->tls_options.enabled() && !core_->tls) {
    TRY(tls, load_tls(core_->tls_options));
    core_->tls = std::move(tls);
  }
  TRY(acceptor, bind_first(core_->io, host, port));
  error_code error;
  const auto endpoint = acceptor->local_endpoint(error);
  if (error) return make_error(ErrorCode::kIo, "cannot listen on {}: {}", host, error.message());
  core_->acceptors.push_back(acceptor);
  asio::co_spawn(core_->io,
                 accept_all(core_, acceptor,
                            {.listen_host = host, .loopback = endpoint.address().is_loopback()}),
                 [](const std::exception_ptr&) {});
  return endpoint.port();
}

void HttpServer::stop_accepting() {
  core_->stopping = true;
  error_code ignored;
  for (const auto& acceptor : core_->acceptors) acceptor->close(ignored);
  core_->acceptors.clear();
  for (const auto& connection : living(*core_)) connection->close_when_idle();
}

void HttpServer::close_all() {
  for (const auto& connection : living(*core_)) connection->close();
}

ServerStats HttpServer::stats() const {
  ServerStats stats = core_->stats;
  if (core_->log) stats.log_lines_dropped = core_->log->dropped();
  return stats;
}

}  // namespace chitu
