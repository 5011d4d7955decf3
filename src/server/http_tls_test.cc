// The server through TLS, with a certificate made here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "server/http_testing.h"

namespace chitu {
namespace {

using ::testing::HasSubstr;

template <auto function>
struct Free {
  template <class T>
  void operator()(T* pointer) const {
    function(pointer);
  }
};

struct KeyPair {
  std::string cert_file;
  std::string key_file;
};

// A self-signed certificate for `name`, in the tests' folder.
KeyPair make_certificate(const std::string& name) {
  const auto folder = std::filesystem::path(::testing::TempDir());
  KeyPair files{(folder / (name + ".crt")).string(), (folder / (name + ".key")).string()};
  const std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, Free<X509_free>> cert(X509_new());
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
  X509_set_pubkey(cert.get(), key.get());
  X509_NAME* subject = X509_get_subject_name(cert.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(cert.get(), subject);
  X509_sign(cert.get(), key.get(), EVP_sha256());
  const std::unique_ptr<std::FILE, Free<std::fclose>> cert_out(
      std::fopen(files.cert_file.c_str(), "w"));
  PEM_write_X509(cert_out.get(), cert.get());
  const std::unique_ptr<std::FILE, Free<std::fclose>> key_out(
      std::fopen(files.key_file.c_str(), "w"));
  PEM_write_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return files;
}

class TlsClient {
 public:
  explicit TlsClient(uint16_t port, int version = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_.get(), version);
    bio_.reset(BIO_new_ssl_connect(context_.get()));
    BIO_set_conn_hostname(bio_.get(), ("127.0.0.1:" + std::to_string(port)).c_str());
    connected_ = BIO_do_connect(bio_.get()) == 1;
  }
  bool connected() const { return connected_; }
  void send(const std::string& bytes) {
    EXPECT_EQ(BIO_write(bio_.get(), bytes.data(), static_cast<int>(bytes.size())),
              static_cast<int>(bytes.size()));
  }
  std::string read_all() {
    std::string all;
    char chunk[4096];
    for (int got = 0; (got = BIO_read(bio_.get(), chunk, sizeof chunk)) > 0;) {
      all.append(chunk, static_cast<size_t>(got));
    }
    return all;
  }
  void close() { bio_.reset(); }

 private:
  std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>> context_;
  std::unique_ptr<BIO, Free<BIO_free_all>> bio_;
  bool connected_ = false;
};

asio::awaitable<void> echo(Exchange& exchange) {
  HttpResponse response;
  response.body = std::move(exchange.request().body);
  co_await exchange.respond(std::move(response));
}

class HttpTls : public ::testing::Test {
 protected:
  TestServerOptions options(double header_timeout_s = 10) const {
    return {.limits = {.max_body_bytes = 100'000, .header_timeout_s = header_timeout_s},
            .tls = {.cert_file = keys_.cert_file, .key_file = keys_.key_file}};
  }
  const KeyPair keys_ = make_certificate("chitu-test");
};

TEST_F(HttpTls, Answers) {
  TestServer server(one_route("POST", "/echo", echo), options());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(server.port(), version);
    ASSERT_TRUE(client.connected());
    client.send(
        "POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\nconnection: close\r\n\r\n"
        "hello");
    EXPECT_THAT(client.read_all(), ::testing::EndsWith("\r\n\r\nhello"));
  }
  EXPECT_FALSE(TlsClient(server.port(), TLS1_1_VERSION).connected());
}

TEST_F(HttpTls, RefusesLargeBodies) {
  TestServer server(one_route("POST", "/echo", echo), options());
  TlsClient client(server.port());
  client.send("POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 200000\r\n\r\n" +
              std::string(150'000, 'x'));
  EXPECT_THAT(client.read_all(), HasSubstr("HTTP/1.1 413 "));
}

TEST_F(HttpTls, NoticesAClientThatLeaves) {
  std::atomic<int> entered = 0;
  std::atomic<int> noticed = 0;
  TestServer server(
      one_route("GET", "/wait",
                [&](Exchange& exchange) -> asio::awaitable<void> {
                  asio::steady_timer never(co_await asio::this_coro::executor,
                                           asio::steady_timer::time_point::max());
                  exchange.on_disconnect([&] {
                    ++noticed;
                    never.cancel();
                  });
                  ++entered;
                  (void)co_await never.async_wait(asio::as_tuple(asio::use_awaitable));
                }),
      options());
  TlsClient client(server.port());
  client.send("GET /wait HTTP/1.1\r\nhost: localhost\r\n\r\n");
  while (entered == 0) std::this_thread::yield();
  client.close();
  while (noticed == 0) std::this_thread::yield();
}

TEST_F(HttpTls, EndsHandshakesThatDoNotComeOn) {
  TestServer server(one_route("POST", "/echo", echo), options(/*header_timeout_s=*/0.1));
  TestClient silent(server.port());
  EXPECT_EQ(silent.read_all(), "");
  TestClient plain(server.port());
  plain.send("GET /echo HTTP/1.1\r\nhost: localhost\r\n\r\n");
  (void)plain.read_all();  // an alert at most
  server.wait_until([](const ServerStats& stats) { return stats.connections_open == 0; });
}

TEST_F(HttpTls, NamesTheFileThatDoesNotFit) {
  asio::io_context io;
  const KeyPair other = make_certificate("chitu-other");
  HttpServer missing(io, {}, Router(), {.cert_file = "/nonexistent.pem"}, {}, nullptr);
  const auto no_file = missing.listen("127.0.0.1", 0);
  ASSERT_FALSE(no_file.ok());
  EXPECT_THAT(no_file.error().message, HasSubstr("serve.tls_cert: /nonexistent.pem"));
  HttpServer mixed(io, {}, Router(), {.cert_file = keys_.cert_file, .key_file = other.key_file}, {},
                   nullptr);
  const auto wrong_key = mixed.listen("127.0.0.1", 0);
  ASSERT_FALSE(wrong_key.ok());
  EXPECT_THAT(wrong_key.error().message, HasSubstr("serve.tls_key: " + other.key_file));
}

}  // namespace
}  // namespace chitu
