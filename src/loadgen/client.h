// The HTTP client: sends a workload to a server and records what comes back. Nothing in it waits
// without a limit, but for the look-up of the server's name, which is the system's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "loadgen/record.h"

namespace chitu::loadgen {

// "http://127.0.0.1:21002", what --base-url names.
struct Server {
  std::string host;
  std::string port;
  std::string prefix;  // of every target: "/models/a", without a slash at its end

  // A scheme may be left out, a "/v1" at the end does not count. Error: https (put a proxy before
  // it), a port out of range, no host.
  static Result<Server> parse(std::string_view base_url);
  std::string authority() const;  // "host:port", of the Host header
};

struct ClientOptions {
  Server server;
  std::string api_key;  // empty: none is sent
  double connect_seconds = 10;
  double request_seconds = 600;  // from the connection to the answer's last byte
};

// The body of a GET. Errors: no connection, no answer in time, another status than 200.
Result<std::string> fetch(const ClientOptions& options, const std::string& target);

struct Job {
  double due = 0;  // seconds after the run's beginning
  std::string body;
};

struct Progress {
  int64_t total = 0;
  int64_t running = 0;
  int64_t completed = 0;
  int64_t failed = 0;
  int64_t pieces = 0;  // of text that have come: about the number of tokens
  double seconds = 0;
};

struct LoadOptions {
  std::string target;       // "/v1/chat/completions"
  int64_t concurrency = 0;  // requests at once, at most; 0: no limit
  // Called ten times a second; false ends the run, and what has not ended stays so. May be empty.
  std::function<bool(const Progress&)> on_progress;
};

// POSTs each job when it is due, or as soon after that as the concurrency allows, and reads the
// streamed answers; a record for each job, in their order. Whatever a server does is in the
// records. REQUIRES: the times due ascend. Error: the server's name is unknown.
Result<std::vector<RequestRecord>> run_load(const ClientOptions& options, const LoadOptions& load,
                                            std::span<const Job> jobs);

}  // namespace chitu::loadgen
