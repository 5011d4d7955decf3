// The bytes of one connection, plain or through TLS. One read and one write may run at a time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <memory>

namespace boost::asio::ssl {
class context;  // NOLINT(readability-identifier-naming): Asio names it
}

namespace chitu {

namespace asio = boost::asio;

struct IoResult {
  boost::system::error_code error;
  size_t bytes = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual asio::awaitable<bool> handshake() = 0;
  virtual asio::awaitable<IoResult> read_some(asio::mutable_buffer buffer) = 0;
  virtual asio::awaitable<IoResult> write_some(asio::const_buffer buffer) = 0;
  virtual asio::awaitable<void> end_writing() = 0;  // the peer sees an end behind what was written
  virtual asio::ip::tcp::socket& socket() = 0;
};

std::unique_ptr<Transport> make_plain_transport(asio::ip::tcp::socket socket);
// REQUIRES: `context` outlives the transport.
std::unique_ptr<Transport> make_tls_transport(asio::ip::tcp::socket socket,
                                              asio::ssl::context& context);

}  // namespace chitu
