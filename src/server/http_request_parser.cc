#include "server/http_request_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace chitu {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

std::string_view view(string_view text) { return {text.data(), text.size()}; }

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// "http://host/path" -> "/path": what a client sends that takes the server for a proxy, and every
// server has to understand (RFC 9112, 3.2.2). The host is in its field, too.
std::string_view without_authority(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (lower_case(target.substr(0, scheme.size())) != scheme) continue;
    const size_t path = target.find_first_of("/?", scheme.size());
    return path == std::string_view::npos ? "/" : target.substr(path);
  }
  return target;
}

}  // namespace

class RequestParser::Impl : public http::basic_parser<true> {
 public:
  Impl(int64_t max_header_bytes, int64_t max_body_bytes)
      : max_header_bytes_(max_header_bytes), max_body_bytes_(max_body_bytes) {
    header_limit(static_cast<uint32_t>(max_header_bytes));
    body_limit(static_cast<uint64_t>(max_body_bytes));
  }

  size_t feed(std::string_view bytes) {
    if (state_ == State::kHeader) return feed_header(bytes);
    size_t consumed = 0;
    while (state_ == State::kBody && consumed < bytes.size()) {
      const size_t taken = put_some(bytes.substr(consumed));
      consumed += taken;
      if (state_ == State::kBody && is_done()) state_ = State::kDone;
      if (taken == 0) break;
    }
    if (state_ == State::kBody && bytes.size() - consumed > kMaxPending) {
      fail(400, "malformed HTTP request: a line of the chunked body is too long");
    }
    return consumed;
  }

  State state_ = State::kHeader;
  HttpRequest request_;
  HttpError error_;
  bool is_http_1_0_ = false;
  bool keep_alive_ = false;

 private:
  size_t feed_header(std::string_view bytes) {
    size_t consumed = 0;
    if (header_bytes_ == 0) {  // an empty line before a request is to be ignored (RFC 9112, 2.2)
      while (bytes.substr(consumed).starts_with("\r\n")) consumed += 2;
      if (bytes.substr(consumed) == "\r") return consumed;
    }
    while (state_ == State::kHeader && consumed < bytes.size()) {
      const size_t taken = put_some(bytes.substr(consumed));
      consumed += taken;
      header_bytes_ += static_cast<int64_t>(taken);
      if (state_ == State::kHeader && is_header_done()) end_header();
      if (taken == 0) break;
    }
    const bool open = state_ == State::kHeader;
    const auto pending = static_cast<int64_t>(bytes.size() - consumed);
    if (state_ != State::kFailed && header_bytes_ + (open ? pending : 0) > max_header_bytes_) {
      fail_by(http::error::header_limit);
    }
    return consumed;
  }

  size_t put_some(std::string_view bytes) {
    error_code code;
    const size_t taken = put(boost::asio::buffer(bytes.data(), bytes.size()), code);
    if (code && code != http::error::need_more) fail_by(code);
    return taken;
  }

  // What Beast leaves to its user of RFC 9112's rules against requests that two servers read
  // differently.
  void end_header() {
    is_http_1_0_ = !http_1_1_;
    keep_alive_ = keep_alive();
    const auto coding = request_.headers.find("transfer-encoding");
    const bool only_chunked = coding && lower_case(*coding) == "chunked" && chunked();
    if (coding && (!only_chunked || is_http_1_0_)) {
      fail(400, "malformed HTTP request: transfer-encoding: only chunked is known, in HTTP/1.1");
    } else if (request_.headers.count("host") > 1) {
      fail(400, "malformed HTTP request: it has more than one host field");
    } else if (!is_http_1_0_ && request_.headers.count("host") == 0) {
      fail(400, "malformed HTTP request: it has no host field");
    } else if (!request_.target.starts_with('/') && request_.target != "*") {
      fail(400, "malformed HTTP request: its target is not a path");
    } else {
      state_ = is_done() ? State::kDone : State::kBody;
    }
  }

  void fail(int status, std::string message) {
    state_ = State::kFailed;
    error_ = {.status = status, .message = std::move(message)};
  }

  void fail_by(const error_code& code) {
    if (code == http::error::header_limit) {
      return fail(
          431, fmt::format("the header of the request is larger than {} bytes", max_header_bytes_));
    }
    if (code == http::error::body_limit) {
      return fail(413,
                  fmt::format("the body of the request is larger than {} bytes", max_body_bytes_));
    }
    fail(400, fmt::format("malformed HTTP request: {}", code.message()));
  }

  void on_request_impl(http::verb, string_view method, string_view target, int version,
                       error_code&) override {
    http_1_1_ = version == 11;
    request_.method = view(method);
    const std::string_view path = without_authority(view(target));
    const size_t query = path.find('?');
    request_.target = path.substr(0, query);
    if (request_.target.empty()) request_.target.assign(1, '/');
    if (query != std::string_view::npos) request_.query = path.substr(query + 1);
  }

  void on_field_impl(http::field, string_view name, string_view value, error_code&) override {
    if (state_ == State::kHeader) request_.headers.add(view(name), std::string(view(value)));
  }

  // Grows as it comes: a promised length reserves nothing.
  size_t on_body_impl(string_view bytes, error_code&) override {
    request_.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  size_t on_chunk_body_impl(uint64_t, string_view bytes, error_code&) override {
    request_.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  void on_chunk_header_impl(uint64_t, string_view extensions, error_code& code) override {
    extension_bytes_ += static_cast<int64_t>(extensions.size());
    if (extension_bytes_ > max_header_bytes_) code = http::error::bad_chunk_extension;
  }

  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, error_code&) override {}
  void on_finish_impl(error_code&) override {}

  const int64_t max_header_bytes_;
  const int64_t max_body_bytes_;
  int64_t header_bytes_ = 0;
  int64_t extension_bytes_ = 0;
  bool http_1_1_ = false;
};

RequestParser::RequestParser(int64_t max_header_bytes, int64_t max_body_bytes)
    : impl_(std::make_unique<Impl>(max_header_bytes, max_body_bytes)) {}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

size_t RequestParser::feed(std::string_view bytes) { return impl_->feed(bytes); }
RequestParser::State RequestParser::state() const { return impl_->state_; }
HttpRequest& RequestParser::request() { return impl_->request_; }
const HttpError& RequestParser::error() const { return impl_->error_; }
bool RequestParser::is_http_1_0() const { return impl_->is_http_1_0_; }
bool RequestParser::keep_alive() const { return impl_->keep_alive_; }
bool RequestParser::expects_continue() const {
  const auto expect = impl_->request_.headers.find("expect");
  return expect && lower_case(*expect) == "100-continue" && !impl_->is_http_1_0_;
}

}  // namespace chitu
