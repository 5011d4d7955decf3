// What the server answers: OpenAI's routes, those that clients of other engines look for, and
// Chitu's own.
#pragma once

#include "server/router.h"
#include "server/server_state.h"

namespace chitu {

// All routes. `state` must outlive the router.
Router make_routes(ServerState& state);

// Each file of this folder adds its own.
void add_chat_route(Router& router, ServerState& state);
void add_completions_route(Router& router, ServerState& state);
void add_embeddings_route(Router& router, ServerState& state);
void add_text_routes(Router& router, ServerState& state);   // tokenize and the like
void add_model_routes(Router& router, ServerState& state);  // /v1/models
void add_state_routes(Router& router, ServerState& state);  // health, metrics, version
void add_chitu_routes(Router& router, ServerState& state);  // /init, /stop, /status, ...

}  // namespace chitu
