#include "server/http_transport.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace chitu {
namespace {

using asio::ip::tcp;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

template <class Stream>
asio::awaitable<IoResult> read_from(Stream& stream, asio::mutable_buffer buffer) {
  auto [error, bytes] = co_await stream.async_read_some(buffer, kAwait);
  co_return IoResult{error, bytes};
}

template <class Stream>
asio::awaitable<IoResult> write_to(Stream& stream, asio::const_buffer buffer) {
  auto [error, bytes] = co_await stream.async_write_some(buffer, kAwait);
  co_return IoResult{error, bytes};
}

class PlainTransport : public Transport {
 public:
  explicit PlainTransport(tcp::socket socket) : socket_(std::move(socket)) {}

  asio::awaitable<bool> handshake() override { co_return true; }
  asio::awaitable<IoResult> read_some(asio::mutable_buffer buffer) override {
    return read_from(socket_, buffer);
  }
  asio::awaitable<IoResult> write_some(asio::const_buffer buffer) override {
    return write_to(socket_, buffer);
  }
  asio::awaitable<void> end_writing() override {
    boost::system::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    co_return;
  }
  tcp::socket& socket() override { return socket_; }

 private:
  tcp::socket socket_;
};

class TlsTransport : public Transport {
 public:
  TlsTransport(tcp::socket socket, asio::ssl::context& context)
      : stream_(std::move(socket), context) {}

  asio::awaitable<bool> handshake() override {
    auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kAwait);
    co_return !error;
  }
  asio::awaitable<IoResult> read_some(asio::mutable_buffer buffer) override {
    return read_from(stream_, buffer);
  }
  asio::awaitable<IoResult> write_some(asio::const_buffer buffer) override {
    return write_to(stream_, buffer);
  }
  asio::awaitable<void> end_writing() override {
    // Sends the closing alert, and would wait for the peer's; it may end with an error as well.
    (void)co_await stream_.async_shutdown(kAwait);
    // Records that are still on their way are not read after that alert. They are taken off the
    // socket, or closing it would reset the connection before the answer has arrived.
    boost::system::error_code ignored;
    socket().shutdown(tcp::socket::shutdown_send, ignored);
    std::array<char, 4096> rest;
    for (IoResult got{.bytes = 1}; !got.error && got.bytes > 0;) {
      got = co_await read_from(socket(), asio::buffer(rest));
    }
  }
  tcp::socket& socket() override { return stream_.next_layer(); }

 private:
  asio::ssl::stream<tcp::socket> stream_;
};

}  // namespace

std::unique_ptr<Transport> make_plain_transport(tcp::socket socket) {
  return std::make_unique<PlainTransport>(std::move(socket));
}

std::unique_ptr<Transport> make_tls_transport(tcp::socket socket, asio::ssl::context& context) {
  return std::make_unique<TlsTransport>(std::move(socket), context);
}

}  // namespace chitu
