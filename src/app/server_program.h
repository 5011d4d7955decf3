// The life of `chitu serve`: listens at once, loads the model meanwhile, answers, and goes down
// without cutting answers short.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/environment.h"
#include "app/session.h"
#include "app/settings.h"
#include "base/result.h"
#include "engine/service.h"
#include "server/http_server.h"
#include "server/server_state.h"

namespace chitu::app {

class ServerProgram {
 public:
  ServerProgram(const Environment& environment, const Settings& settings);
  ~ServerProgram();
  ServerProgram(const ServerProgram&) = delete;
  ServerProgram& operator=(const ServerProgram&) = delete;

  // Serves until SIGINT, SIGTERM or POST /stop. Errors: the port cannot be had, a key or
  // certificate cannot be read, the model cannot be loaded.
  Status run();

 private:
  Status listen();
  void load();  // on a thread of its own
  Result<Session> open();
  void on_loaded(Result<Session> session);

  void watch();  // looks at the engine once in a while
  void wait_for_signal();
  void shut_down(const std::string& why);
  void wait_for_connections();  // then closes them
  void wait_for_engine();       // then ends
  void say(const std::string& message) const;

  const Environment& environment_;
  const Settings& settings_;

  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_;
  boost::asio::steady_timer watchdog_;
  boost::asio::steady_timer grace_;
  ServerState state_;

  std::thread loader_;
  std::optional<Session> session_;
  std::unique_ptr<Service> service_;  // uses the session's engine
  std::unique_ptr<HttpServer> http_;  // its connections cancel requests of the service
  Status outcome_;
  bool stuck_ = false;     // what the watchdog saw last
  bool log_lost_ = false;  // lines of the access log; it has been said
  bool ended_ = false;     // the engine has nothing left to do
  Generation::Clock::time_point grace_end_;
};

}  // namespace chitu::app
