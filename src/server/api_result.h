// What a request is refused with, in the form that OpenAI's clients know.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "server/http_types.h"

namespace chitu {

// A T, or the error that the client gets. TRY() works on it.
template <class T>
class [[nodiscard]] ApiResult {
 public:
  ApiResult(T value) : value_(std::move(value)) {}          // NOLINT(google-explicit-constructor)
  ApiResult(HttpError error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok()
  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return *std::move(value_); }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return *std::move(value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

  // REQUIRES: !ok()
  const HttpError& error() const& { return error_; }
  HttpError&& error() && { return std::move(error_); }

 private:
  std::optional<T> value_;
  HttpError error_;
};

// 400. `param` is the field, "messages[1].role"; the message begins with it.
HttpError invalid_value(std::string_view param, std::string_view what);
HttpError unsupported_parameter(std::string_view param, std::string_view what);
// 400 with the code that clients look for to shorten a conversation. `found` is what the prompt
// has.
HttpError context_length_exceeded(std::string_view param, std::string_view found,
                                  int64_t max_tokens);
HttpError model_not_found(std::string_view model);   // 404
HttpError no_room(std::string_view why);             // 429
HttpError unavailable(std::string_view why);         // 503: loading, or going down
HttpError internal_error(std::string_view message);  // 500

// The refusal of a deeper layer: 400, or 500 for what is not the request's fault (kIo, kInternal,
// kCorrupt), whose message stays here: it may name files.
HttpError from_error(const Error& error, std::string_view param = {});

}  // namespace chitu
