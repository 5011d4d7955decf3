// One HTTP request and its answer, as values: no library, no socket.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chitu {

// Header fields in the order they came; names are kept in lower case.
class HttpHeaders {
 public:
  void add(std::string_view name, std::string value);
  // The first value of a field, whatever the case of `name`.
  std::optional<std::string_view> find(std::string_view name) const;
  int count(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpRequest {
  std::string method;   // "GET"
  std::string target;   // the path only, as sent: "/v1/models/a%20b"
  std::string query;    // behind the '?', as sent; "" without one
  HttpHeaders headers;  // trailing fields of a chunked body are not among them
  std::string body;
  std::string path_parameter;  // what stood for {name} in the route, decoded: "a b"
  std::string id;              // x-request-id, or one made here
  std::string peer;            // "127.0.0.1:40312"
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  // Beside those that the connection writes: date, server, content-type, content-length or
  // transfer-encoding, connection, x-request-id, and CORS.
  std::vector<std::pair<std::string, std::string>> headers;
};

// What OpenAI's clients make their typed exceptions of. Empty `param` and `code` become null; an
// empty `type` becomes what fits the status: invalid_request_error below 500, server_error from
// there on.
struct HttpError {
  int status = 400;
  std::string message;
  std::string type;
  std::string param;
  std::string code;
};

// {"error": {"message", "type", "param", "code"}}; 429 and 503 also get `retry-after: 1`.
HttpResponse error_response(const HttpError& error);

// "Not Found"; "Unknown" for what has no name here.
std::string_view status_name(int status);

}  // namespace chitu
