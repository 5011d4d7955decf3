#include "server/routes/routes.h"

namespace chitu {

Router make_routes(ServerState& state) {
  Router router;
  add_chat_route(router, state);
  add_completions_route(router, state);
  add_embeddings_route(router, state);
  add_text_routes(router, state);
  add_model_routes(router, state);
  add_state_routes(router, state);
  add_chitu_routes(router, state);
  return router;
}

}  // namespace chitu
