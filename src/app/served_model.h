// What the settings and a session have for the server's routes.
#pragma once

#include "app/session.h"
#include "app/settings.h"
#include "engine/service.h"
#include "server/served_model.h"

namespace chitu::app {

// The session and the service must outlive the result.
ServedModel served_model(const Session& session, const Settings& settings, Service& service);

}  // namespace chitu::app
