// Bytes -> one HTTP/1.0 or 1.1 request, within limits. No sockets, no waiting.
//
//   RequestParser parser(limits);
//   input.erase(0, parser.feed(input));   // whenever more has come
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "server/http_types.h"

namespace chitu {

class RequestParser {
 public:
  // In a body, what feed() leaves unconsumed is at most so long, or it fails: a chunk's line, or
  // the trailing fields.
  static constexpr size_t kMaxPending = size_t{4} << 10;

  enum class State { kHeader, kBody, kDone, kFailed };

  RequestParser(int64_t max_header_bytes, int64_t max_body_bytes);
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;

  // Takes a part of `bytes` and returns its length; the rest comes again next time, with what
  // followed it. Stops once behind the header, so that the caller may refuse the body, and behind
  // the request: what follows is the next one's.
  size_t feed(std::string_view bytes);
  State state() const;

  // From kBody on whole but for its body; in kFailed as far as it was understood.
  HttpRequest& request();
  // Of kFailed: 400, 413 or 431. The connection cannot be used for another request.
  const HttpError& error() const;

  // From kBody on:
  bool is_http_1_0() const;
  bool keep_alive() const;        // by the version and the `connection` field
  bool expects_continue() const;  // waits for a 100 before it sends the body

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace chitu
