#include "server/tls.h"

#include <openssl/ssl.h>

namespace chitu {

namespace ssl = boost::asio::ssl;

Result<std::unique_ptr<ssl::context>> load_tls(const TlsOptions& options) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  // Renegotiation and compression are what attacks on TLS 1.2 used.
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // A key with a passphrase is refused rather than asked for on the terminal.
  boost::system::error_code error;
  context->set_password_callback([](size_t, ssl::context::password_purpose) { return ""; }, error);
  context->use_certificate_chain_file(options.cert_file, error);
  if (error) {
    return make_error(ErrorCode::kInvalidArgument,
                      "serve.tls_cert: {}: not a certificate chain in PEM: {}", options.cert_file,
                      error.message());
  }
  context->use_private_key_file(options.key_file, ssl::context::pem, error);
  if (error) {
    return make_error(ErrorCode::kInvalidArgument,
                      "serve.tls_key: {}: not the certificate's private key in PEM, without a "
                      "passphrase: {}",
                      options.key_file, error.message());
  }
  return context;
}

}  // namespace chitu
