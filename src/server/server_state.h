// What the routes of a server share. Used on the io thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "server/generation.h"
#include "server/http_server.h"
#include "server/metrics.h"
#include "server/served_model.h"
#include "server/text_worker.h"

namespace chitu {

struct ServeOptions {
  std::string version;            // of the program
  double keep_alive_s = 15;       // between the comments in a stream that has nothing to say
  double step_timeout_s = 60;     // a step that takes longer is stuck
  std::function<void()> on_stop;  // POST /stop
  std::function<void(const std::string& message)> on_note;  // for the log of the program
};

struct ServerState {
  // `io` must outlive the object, and is done when it ends. `name`: the model's.
  ServerState(asio::io_context& io, const std::string& name, ServeOptions serve_options)
      : options(std::move(serve_options)), model_name(name), metrics(name), hub(io, metrics) {}

  // Of the model's service; without one, kLoading, or kDraining once the server goes down.
  ServiceState state() const;
  bool is_stuck() const;  // the engine has shown no sign of life for step_timeout_s

  const ServeOptions options;
  const std::string model_name;
  Metrics metrics;
  GenerationHub hub;
  std::optional<ServedModel> model;  // once it is loaded
  const HttpServer* http = nullptr;  // once it is made
  bool draining = false;             // no new requests; those there are go on
  uint64_t num_requests = 0;         // that asked for tokens
  TextWorker worker;                 // the last member: its work uses the others
};

}  // namespace chitu
