// How a template fails, inside this folder only: the parser and the interpreter throw a
// TemplateError from wherever they are, and Template::compile and Template::render (template.h)
// turn it into an Error that names the line. Nothing above them sees an exception.
#pragma once

#include <fmt/format.h>

#include <exception>
#include <string>
#include <utility>

#include "base/result.h"

namespace chitu::jinja {

class TemplateError : public std::exception {
 public:
  TemplateError(ErrorCode code, std::string message, int line = 0)
      : code_(code), message_(std::move(message)), line_(line) {}

  const char* what() const noexcept override { return message_.c_str(); }
  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  int line() const { return line_; }  // 0: the line being evaluated

 private:
  ErrorCode code_;
  std::string message_;
  int line_;
};

// The template, or the values it was given, ask for something that Python would refuse too.
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw TemplateError(ErrorCode::kInvalidArgument,
                      fmt::format(format, std::forward<Args>(args)...));
}

// The template exceeds a limit of ours.
template <class... Args>
[[noreturn]] void fail_limit(fmt::format_string<Args...> format, Args&&... args) {
  throw TemplateError(ErrorCode::kResourceExhausted,
                      fmt::format(format, std::forward<Args>(args)...));
}

// Python would do it, this engine does not.
template <class... Args>
[[noreturn]] void fail_unsupported(fmt::format_string<Args...> format, Args&&... args) {
  throw TemplateError(ErrorCode::kUnsupported, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace chitu::jinja
