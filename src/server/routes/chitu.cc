// The routes of Chitu 0.1.0: POST /init and /stop for the administrator; /status, /load_status and
// /ping, which its clients POST, and which may be read with GET as well.

#include <fmt/format.h>

#include "server/routes/routes.h"

namespace chitu {
namespace {

HttpResponse message(std::string_view text) {
  HttpResponse response;
  response.body = fmt::format(R"({{"message":"{}"}})", text);
  return response;
}

// The model loads when the program starts; there is nothing left to begin.
HttpResponse init(const ServerState& state) {
  return message(state.model ? "Service has been initialized." : "Service is being initialized.");
}

HttpResponse status(const ServerState& state) {
  HttpResponse response;
  const ServiceState service_state = state.state();
  response.body =
      fmt::format(R"({{"message":"{}","state":"{}"}})",
                  service_state == ServiceState::kReady ? "True" : "False", name(service_state));
  return response;
}

HttpResponse load_status(const ServerState& state) {
  ServiceStats stats;
  if (state.model) stats = state.model->service->stats();
  const SchedulerStats& scheduler = stats.scheduler;
  HttpResponse response;
  response.body = fmt::format(
      R"({{"running":{},"waiting":{},"preemptions":{},"kv_blocks_used":{},)"
      R"("kv_blocks_cached":{},"kv_blocks_total":{},"steps":{},"last_step_seconds":{:.6f}}})",
      scheduler.running, scheduler.waiting, scheduler.preemptions, scheduler.blocks_used,
      scheduler.blocks_cached, scheduler.blocks_total, stats.engine.steps,
      stats.engine.last_step_seconds);
  return response;
}

asio::awaitable<void> stop(Exchange& exchange, ServerState& state) {
  co_await exchange.respond(message("Service is going down."));
  state.options.on_stop();
}

}  // namespace

void add_chitu_routes(Router& router, ServerState& state) {
  router.add(
      "POST", "/init", [&state](Exchange& exchange) { return exchange.respond(init(state)); },
      Access::kAdmin);
  router.add(
      "POST", "/stop", [&state](Exchange& exchange) { return stop(exchange, state); },
      Access::kAdmin);
  for (const std::string_view method : {"GET", "POST"}) {
    router.add(method, "/status",
               [&state](Exchange& exchange) { return exchange.respond(status(state)); });
    router.add(method, "/load_status",
               [&state](Exchange& exchange) { return exchange.respond(load_status(state)); });
    router.add(method, "/ping",
               [](Exchange& exchange) { return exchange.respond(message("pong")); });
  }
}

}  // namespace chitu
