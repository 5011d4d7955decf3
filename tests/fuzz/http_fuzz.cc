// Any bytes as what a client sends: the same requests come out in whatever pieces it arrived, each
// within its limits, and each is admitted or refused by the rules. What is no request may
// be refused earlier or later: the parser waits for a header's end before it looks again.
#include <algorithm>
#include <string>
#include <vector>

#include "base/check.h"
#include "server/http_admission.h"
#include "server/http_request_parser.h"

namespace {

using State = chitu::RequestParser::State;

constexpr int64_t kMaxHeader = 512;
constexpr int64_t kMaxBody = 256;

struct Parsed {
  std::vector<chitu::HttpRequest> requests;

  bool operator==(const Parsed& other) const {
    return std::equal(requests.begin(), requests.end(), other.requests.begin(),
                      other.requests.end(), [](const auto& a, const auto& b) {
                        return a.method == b.method && a.target == b.target && a.query == b.query &&
                               a.body == b.body;
                      });
  }
};

// As a connection does it: what was not consumed comes again, with more.
Parsed parse(std::string_view bytes, size_t piece) {
  Parsed parsed;
  std::string input;
  chitu::RequestParser parser(kMaxHeader, kMaxBody);
  while (!bytes.empty()) {
    input += bytes.substr(0, piece);
    bytes.remove_prefix(std::min(piece, bytes.size()));
    size_t taken = 0;
    do {
      taken = parser.feed(input);
      CHECK(taken <= input.size());
      input.erase(0, taken);
      if (parser.state() == State::kFailed) {
        const int status = parser.error().status;
        CHECK(status == 400 || status == 413 || status == 431);
        return parsed;
      }
      CHECK(static_cast<int64_t>(parser.request().body.size()) <= kMaxBody);
      if (parser.state() != State::kDone) continue;
      parsed.requests.push_back(std::move(parser.request()));
      parser = chitu::RequestParser(kMaxHeader, kMaxBody);
      taken = input.size();  // what is there may be the next one, whole
    } while (taken > 0);
    CHECK(input.size() <= std::max<size_t>(kMaxHeader, chitu::RequestParser::kMaxPending));
  }
  return parsed;
}

void admit(chitu::HttpRequest& request) {
  chitu::Router router;
  const chitu::Handler nothing = [](chitu::Exchange&) -> chitu::asio::awaitable<void> {
    co_return;
  };
  router.add("POST", "/v1/completions", nothing);
  router.add("GET", "/v1/models/{id}", nothing);
  router.add("POST", "/stop", nothing, chitu::Access::kAdmin);
  const chitu::AuthOptions options{.api_keys = {"key"}, .cors_origins = {"https://chat.example"}};
  const std::vector<std::string> origins = options.cors_origins;
  for (const bool keyless : {false, true}) {
    const chitu::Authenticator authenticator(keyless ? chitu::AuthOptions{} : options);
    const auto admission = chitu::admit(request, {.router = router,
                                                  .authenticator = authenticator,
                                                  .cors_origins = origins,
                                                  .listen_host = "localhost",
                                                  .loopback = true});
    CHECK(admission.refusal.has_value() != (admission.route != nullptr));
    if (!admission.route) continue;
    CHECK(admission.route->access != chitu::Access::kAdmin);
    CHECK(keyless || request.headers.find("authorization").value_or("").ends_with("key"));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  Parsed whole = parse(bytes, bytes.size() + 1);
  CHECK(whole == parse(bytes, 1 + data[0] % 64));
  for (chitu::HttpRequest& request : whole.requests) admit(request);
  return 0;
}
