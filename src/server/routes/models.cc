// GET /v1/models and /v1/models/{id}

#include "server/openai_response.h"
#include "server/routes/model_request.h"
#include "server/routes/routes.h"

namespace chitu {
namespace {

ModelCard card(const ServedModel& model) {
  return {.id = model.name, .created = model.created, .max_seq_len = model.limits.max_seq_len};
}

HttpResponse list(const ServerState& state) {
  std::vector<ModelCard> models;  // empty while the model loads
  if (state.model) models.push_back(card(*state.model));
  HttpResponse response;
  response.body = model_list_body(models);
  return response;
}

HttpResponse one(const ServerState& state, const std::string& name) {
  if (!state.model || name != state.model->name) return error_response(model_not_found(name));
  HttpResponse response;
  response.body = model_body(card(*state.model));
  return response;
}

}  // namespace

void add_model_routes(Router& router, ServerState& state) {
  router.add("GET", "/v1/models",
             [&state](Exchange& exchange) { return exchange.respond(list(state)); });
  router.add("GET", "/v1/models/{id}", [&state](Exchange& exchange) {
    return exchange.respond(one(state, exchange.request().path_parameter));
  });
}

}  // namespace chitu
