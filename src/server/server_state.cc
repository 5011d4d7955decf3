#include "server/server_state.h"

namespace chitu {

ServiceState ServerState::state() const {
  if (draining) return ServiceState::kDraining;
  return model ? model->service->stats().state : ServiceState::kLoading;
}

bool ServerState::is_stuck() const {
  return model && model->service->heartbeat_age() > options.step_timeout_s;
}

}  // namespace chitu
