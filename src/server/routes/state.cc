// GET /health (alive), /ready (takes requests), /metrics (Prometheus), /version

#include <fmt/format.h>

#include "server/routes/routes.h"

namespace chitu {
namespace {

HttpResponse state_response(int status, std::string_view what, ServiceState state) {
  HttpResponse response;
  response.status = status;
  response.body = fmt::format(R"({{"status":"{}","state":"{}"}})", what, name(state));
  if (status == 503) response.headers = {{"retry-after", "1"}};
  return response;
}

// The engine is alive when it idles, or when its step has not taken longer than a step may.
HttpResponse health(const ServerState& state) {
  return state.is_stuck() ? state_response(503, "stuck", state.state())
                          : state_response(200, "ok", state.state());
}

HttpResponse ready(const ServerState& state) {
  const bool takes_requests = state.state() == ServiceState::kReady && !state.is_stuck();
  return takes_requests ? state_response(200, "ok", state.state())
                        : state_response(503, "unavailable", state.state());
}

HttpResponse metrics(ServerState& state) {
  std::optional<ServiceStats> stats;
  if (state.model) stats = state.model->service->stats();
  HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = state.metrics.text(stats ? &*stats : nullptr, state.http->stats());
  return response;
}

HttpResponse version(const ServerState& state) {
  HttpResponse response;
  response.body = fmt::format(R"({{"version":"{}"}})", state.options.version);
  return response;
}

}  // namespace

void add_state_routes(Router& router, ServerState& state) {
  router.add("GET", "/health",
             [&state](Exchange& exchange) { return exchange.respond(health(state)); });
  router.add("GET", "/ready",
             [&state](Exchange& exchange) { return exchange.respond(ready(state)); });
  router.add("GET", "/metrics",
             [&state](Exchange& exchange) { return exchange.respond(metrics(state)); });
  router.add("GET", "/version",
             [&state](Exchange& exchange) { return exchange.respond(version(state)); });
}

}  // namespace chitu
