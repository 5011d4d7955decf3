// Errors are values at every edge that can fail: files, user input, devices, memory.
//
//   Result<Config> parse(std::string_view text);
//   ...
//   TRY(config, parse(text));        // declares `config`, or returns the error
//   TRY_STATUS(validate(config));    // the same for a Status
//
// A message says what happened, where (file, field, value), and what to do about it.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

namespace chitu {

enum class ErrorCode {
  kInvalidArgument,    // the caller, a setting or a request is wrong
  kNotFound,           // a file, tensor, model or key does not exist
  kIo,                 // the operating system refused
  kCorrupt,            // a file does not follow its format
  kUnsupported,        // valid, but this build or version cannot do it
  kResourceExhausted,  // memory, blocks, or a stated limit
  kCancelled,
  kInternal,
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;

  // The same error seen from further out: "path/config.json: hidden_size: expected an integer".
  Error within(std::string_view where) && {
    message.insert(0, fmt::format("{}: ", where));
    return std::move(*this);
  }
};

template <class... Args>
Error make_error(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return {code, fmt::format(format, std::forward<Args>(args)...)};
}

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok()
  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return std::move(*value_); }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return std::move(*value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

  // REQUIRES: !ok()
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }

  T value_or(T fallback) && { return ok() ? std::move(*value_) : std::move(fallback); }

 private:
  std::optional<T> value_;
  Error error_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }

  // REQUIRES: !ok()
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

#define CHITU_CONCAT_(a, b) a##b
#define CHITU_CONCAT(a, b) CHITU_CONCAT_(a, b)

#define CHITU_TRY_(result, name, expression)          \
  auto&& result = (expression);                       \
  if (!result.ok()) return std::move(result).error(); \
  auto name = std::move(result).value()

#define TRY(name, expression) CHITU_TRY_(CHITU_CONCAT(try_result_, __LINE__), name, expression)

#define TRY_STATUS(expression)                                  \
  do {                                                          \
    auto&& try_status = (expression);                           \
    if (!try_status.ok()) return std::move(try_status).error(); \
  } while (false)

}  // namespace chitu
