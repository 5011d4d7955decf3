#include "server/auth.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace chitu {
namespace {

// The key of "Bearer KEY"; the scheme's name is case-insensitive (RFC 9110, 11.1).
std::string_view bearer_key(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() < kScheme.size()) return {};
  for (size_t i = 0; i < kScheme.size(); ++i) {
    const char c = authorization[i];
    if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != kScheme[i]) return {};
  }
  authorization.remove_prefix(kScheme.size());
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  return authorization;
}

}  // namespace

Authenticator::Digest Authenticator::digest(std::string_view key) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
  return digest;
}

Authenticator::Authenticator(const AuthOptions& options)
    : has_admin_key_(!options.admin_key.empty()) {
  for (const std::string& key : options.api_keys) {
    if (!key.empty()) keys_.push_back(digest(key));
  }
  if (has_admin_key_) admin_key_ = digest(options.admin_key);
}

Grant Authenticator::check(std::string_view authorization) const {
  const std::string_view key = bearer_key(authorization);
  if (key.empty()) return keyless() ? Grant::kKey : Grant::kNone;
  const Digest presented = digest(key);
  bool is_key = false;
  for (const Digest& known : keys_) {
    is_key |= CRYPTO_memcmp(known.data(), presented.data(), presented.size()) == 0;
  }
  const bool is_admin =
      CRYPTO_memcmp(admin_key_.data(), presented.data(), presented.size()) == 0 && has_admin_key_;
  if (is_admin) return Grant::kAdmin;
  return is_key || keyless() ? Grant::kKey : Grant::kNone;
}

}  // namespace chitu
