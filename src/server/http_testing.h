// For tests of the server: one that runs in a thread on a free port, and a client of plain sockets.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "server/http_server.h"

namespace chitu {

struct TestServerOptions {
  ServerLimits limits;
  AuthOptions auth;
  TlsOptions tls;
  std::shared_ptr<AccessLog> log;
  std::string host = "127.0.0.1";
};

// When it is destroyed, io_context::run() has to come to its end: a connection, a timer or a
// handler that is left over makes the test hang.
class TestServer {
 public:
  explicit TestServer(Router router, const TestServerOptions& options = {})
      : server_(std::make_unique<HttpServer>(io_, options.limits, std::move(router), options.tls,
                                             options.auth, options.log)) {
    server_->on_failure([this](const std::string& message) { failures_ += message + "\n"; });
    const auto port = server_->listen(options.host, 0);
    EXPECT_TRUE(port.ok()) << (port.ok() ? "" : port.error().message);
    port_ = port.ok() ? *port : 0;
    thread_ = std::thread([this] { io_.run(); });
  }
  ~TestServer() {
    on_io([&] { server_.reset(); });
    work_.reset();
    thread_.join();
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  uint16_t port() const { return port_; }
  asio::io_context& io() { return io_; }

  void on_io(const std::function<void()>& function) {
    std::promise<void> done;
    asio::post(io_, [&] {
      function();
      done.set_value();
    });
    done.get_future().wait();
  }
  ServerStats stats() {
    ServerStats stats;
    on_io([&] { stats = server_->stats(); });
    return stats;
  }
  std::string failures() {
    std::string failures;
    on_io([&] { failures = failures_; });
    return failures;
  }
  void stop_accepting() {
    on_io([&] { server_->stop_accepting(); });
  }
  void close_all() {
    on_io([&] { server_->close_all(); });
  }
  // Waits for what has to come; a test that waits in vain is ended by its time limit.
  void wait_until(const std::function<bool(const ServerStats&)>& condition) {
    while (!condition(stats())) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }

 private:
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io_);
  std::unique_ptr<HttpServer> server_;
  std::string failures_;
  uint16_t port_ = 0;
  std::thread thread_;
};

struct TestResponse {
  int status = 0;    // 0: there was none
  std::string head;  // in lower case
  std::string body;  // chunks joined
  bool whole = false;

  std::optional<std::string> header(const std::string& name) const {
    const size_t begin = head.find("\r\n" + name + ": ");
    if (begin == std::string::npos) return std::nullopt;
    const size_t value = begin + name.size() + 4;
    return head.substr(value, head.find("\r\n", value) - value);
  }
};

class TestClient {
 public:
  explicit TestClient(uint16_t port, int receive_buffer = 0) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) {
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ =
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~TestClient() { close(); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  bool connected() const { return connected_; }

  // False: the server closed.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  void end_writing() const { ::shutdown(socket_, SHUT_WR); }
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

  // What comes until the server ends.
  std::string read_all() {
    while (read_more()) {
    }
    return std::exchange(input_, {});
  }

  TestResponse read_response(bool has_body = true) {
    TestResponse response;
    size_t end = 0;
    while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more()) return response;
    }
    response.head = input_.substr(0, end + 2);
    input_.erase(0, end + 4);
    response.status = std::stoi(response.head.substr(9, 3));
    std::transform(response.head.begin(), response.head.end(), response.head.begin(), ::tolower);
    if (!has_body) {
      response.whole = true;
    } else if (const auto length = response.header("content-length")) {
      response.whole = take(std::stoul(*length), response.body);
    } else if (response.header("transfer-encoding")) {
      response.whole = read_chunks(response.body);
    } else {
      response.whole = true;
    }
    return response;
  }

  TestResponse get(const std::string& path, const std::string& fields = "") {
    send("GET " + path + " HTTP/1.1\r\nhost: localhost\r\n" + fields + "\r\n");
    return read_response();
  }
  TestResponse post(const std::string& path, const std::string& body,
                    const std::string& fields = "") {
    send("POST " + path + " HTTP/1.1\r\nhost: localhost\r\ncontent-length: " +
         std::to_string(body.size()) + "\r\n" + fields + "\r\n" + body);
    return read_response();
  }

 private:
  bool read_more() {
    char chunk[4096];
    const ssize_t got = ::recv(socket_, chunk, sizeof chunk, 0);
    if (got <= 0) return false;
    input_.append(chunk, static_cast<size_t>(got));
    return true;
  }
  bool take(size_t bytes, std::string& out) {
    while (input_.size() < bytes) {
      if (!read_more()) return false;
    }
    out += input_.substr(0, bytes);
    input_.erase(0, bytes);
    return true;
  }
  bool read_chunks(std::string& out) {
    for (;;) {
      size_t end = 0;
      while ((end = input_.find("\r\n")) == std::string::npos) {
        if (!read_more()) return false;
      }
      const size_t size = std::stoul(input_.substr(0, end), nullptr, 16);
      input_.erase(0, end + 2);
      std::string line_end;
      if (!take(size, out) || !take(2, line_end)) return false;
      if (size == 0) return true;
    }
  }

  int socket_ = -1;
  bool connected_ = false;
  std::string input_;
};

// A router with one route of a lambda.
inline Router one_route(std::string_view method, std::string_view path, Handler handler) {
  Router router;
  router.add(method, path, std::move(handler));
  return router;
}

}  // namespace chitu
