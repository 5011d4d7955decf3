// API keys: what a request that presents one may do.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace chitu {

struct AuthOptions {
  std::vector<std::string> api_keys;  // none: the server is keyless, open to all who reach it
  std::string admin_key;              // empty: admin routes are refused
  // Web pages that may call: "https://chat.example.org"; "*" for all. None by default.
  std::vector<std::string> cors_origins;
};

enum class Grant { kNone, kKey, kAdmin };

// Knows keys by their SHA-256 only. A check compares with every key there is, whole, so that its
// time tells nothing of them.
class Authenticator {
 public:
  explicit Authenticator(const AuthOptions& options);

  bool keyless() const { return keys_.empty(); }
  bool has_admin_key() const { return has_admin_key_; }
  // `authorization`: the field's value, "Bearer KEY"; empty without one. A keyless server grants
  // kKey whatever is presented: OpenAI's clients always send some key.
  Grant check(std::string_view authorization) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  static Digest digest(std::string_view key);

  std::vector<Digest> keys_;
  Digest admin_key_{};
  bool has_admin_key_ = false;
};

}  // namespace chitu
