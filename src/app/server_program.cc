#include "app/server_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "app/command.h"
#include "app/served_model.h"
#include "app/server_options.h"
#include "app/terminal.h"
#include "base/counted.h"
#include "server/access_log.h"
#include "server/routes/routes.h"

namespace chitu::app {
namespace {

using Clock = Generation::Clock;
using boost::system::error_code;

// Requests computed at the same time, unless infer.max_reqs says.
constexpr int64_t kRequestsOfAServer = 16;

Clock::duration seconds(double value) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(value));
}

// For what cannot be waited for: a thread in the middle of loading, or of a step.
[[noreturn]] void end_at_once(int code) {
  std::fflush(nullptr);
  std::_Exit(code);
}

}  // namespace

ServerProgram::ServerProgram(const Environment& environment, const Settings& settings)
    : environment_(environment),
      settings_(settings),
      signals_(io_, SIGINT, SIGTERM),
      watchdog_(io_),
      grace_(io_),
      state_(io_, model_name(settings),
             {.version = CHITU_VERSION,
              .keep_alive_s = settings.number("serve.keep_alive_s"),
              .step_timeout_s = settings.number("serve.step_timeout_s"),
              .on_stop = [this] { shut_down("POST /stop"); },
              .on_note = [this](const std::string& message) { say(message); }}) {}

ServerProgram::~ServerProgram() {
  if (loader_.joinable()) loader_.join();
}

Status ServerProgram::run() {
  TRY_STATUS(listen());
  wait_for_signal();
  watch();
  loader_ = std::thread([this] { load(); });
  while (true) {
    try {
      io_.run();
      break;
    } catch (const std::exception& e) {  // of one handler; the others go on
      say(fmt::format("the server caught an exception: {}", e.what()));
    }
  }
  loader_.join();
  service_.reset();
  return outcome_;
}

void ServerProgram::say(const std::string& message) const {
  note_at_once(message, environment_.colour);
}

Status ServerProgram::listen() {
  std::shared_ptr<AccessLog> log;
  if (const std::string path = settings_.text("serve.access_log"); !path.empty()) {
    TRY(opened, AccessLog::open(path));
    log = std::move(opened);
  }
  TRY(auth, auth_options(settings_));
  TRY(tls, tls_options(settings_));
  const bool keyless = auth.api_keys.empty();
  http_ = std::make_unique<HttpServer>(io_, server_limits(settings_), make_routes(state_), tls,
                                       std::move(auth), std::move(log));
  http_->on_failure(state_.options.on_note);
  state_.http = http_.get();
  const std::string host = settings_.text("serve.host");
  TRY(port, http_->listen(host, static_cast<uint16_t>(settings_.integer("serve.port"))));
  const std::string shown = host.find(':') == std::string::npos ? host : fmt::format("[{}]", host);
  note_at_once(
      fmt::format("listening on {}://{}:{}", tls.enabled() ? "https" : "http", shown, port),
      /*dim=*/false);
  if (keyless && !is_loopback(host)) {
    say("anyone who reaches this address may use it: serve.api_keys asks for a key");
  }
  return {};
}

Result<Session> ServerProgram::open() {
  try {
    TRY(session, open_session(environment_, settings_, {.max_reqs = kRequestsOfAServer}));
    note_sampling(environment_, session, settings_);
    return session;
  } catch (const std::exception& e) {
    return make_error(ErrorCode::kInternal, "loading failed: {}", e.what());
  }
}

void ServerProgram::load() {
  // Shared, for what asio calls has to be copyable.
  auto session = std::make_shared<Result<Session>>(open());
  boost::asio::post(io_, [this, session] {
    try {
      on_loaded(std::move(*session));
    } catch (const std::exception& e) {  // no memory or no thread, or it would load for ever
      state_.model.reset();
      service_.reset();
      outcome_ = make_error(ErrorCode::kInternal, "starting the engine failed: {}", e.what());
      shut_down("the model cannot be served");
    }
  });
}

void ServerProgram::on_loaded(Result<Session> session) {
  if (!session.ok()) {
    outcome_ = std::move(session).error();
    shut_down("the model cannot be loaded");
    return;
  }
  session_ = *std::move(session);
  service_ = std::make_unique<Service>(
      *session_->engine, ServiceOptions{.max_queue = settings_.integer("serve.max_queue")},
      [this](std::vector<TokenEvent> events) { state_.hub.deliver(std::move(events)); });
  state_.model = served_model(*session_, settings_, *service_);
  note_at_once(
      fmt::format("ready: {} was loaded in {:.2f} s", state_.model->name, session_->load_seconds),
      /*dim=*/false);
}

void ServerProgram::watch() {
  const double pause = std::min(state_.options.step_timeout_s / 4, 1.0);
  watchdog_.expires_after(seconds(pause));
  watchdog_.async_wait([this](const error_code& error) {
    if (error || ended_) return;
    watch();
    const bool stuck = state_.is_stuck();
    if (stuck && !stuck_) {
      say(fmt::format("the engine shows no sign of life since {:.1f} s; {}",
                      service_->heartbeat_age(), service_->now_doing()));
    } else if (stuck_ && !stuck) {
      say("the engine goes on");
    }
    stuck_ = stuck;
    if (!log_lost_ && http_->stats().log_lines_dropped > 0) {
      log_lost_ = true;
      say("serve.access_log: lines are lost; chitu:access_log_lines_dropped_total counts them");
    }
  });
}

void ServerProgram::wait_for_signal() {
  signals_.async_wait([this](const error_code& error, int signal) {
    if (error) return;
    if (state_.draining) end_at_once(128 + signal);
    wait_for_signal();
    shut_down(signal == SIGTERM ? "SIGTERM" : "interrupted");
  });
}

void ServerProgram::shut_down(const std::string& why) {
  if (state_.draining) return;
  state_.draining = true;
  http_->stop_accepting();
  const double grace = settings_.number("serve.grace_period_s");
  if (!service_ && outcome_.ok()) {
    say(fmt::format("{}: ending before the model is loaded", why));
    end_at_once(kExitOk);
  }
  if (service_) {
    service_->drain();
    say(fmt::format("{}: {} left to finish, for at most {} s", why,
                    counted(state_.hub.active(), "answer"), grace));
  }
  grace_end_ = Clock::now() + seconds(service_ ? grace : 0);
  wait_for_connections();
}

void ServerProgram::wait_for_connections() {
  const bool late = Clock::now() >= grace_end_;
  if (!late && http_->stats().connections_open > 0) {
    grace_.expires_after(std::chrono::milliseconds(20));
    grace_.async_wait([this](const error_code& error) {
      if (!error) wait_for_connections();
    });
    return;
  }
  if (late && state_.hub.active() > 0) {
    say(fmt::format("serve.grace_period_s is over: {} cut short",
                    counted(state_.hub.active(), "answer")));
  }
  http_->close_all();
  wait_for_engine();
}

void ServerProgram::wait_for_engine() {
  if (state_.is_stuck()) {  // its thread cannot be waited for
    say(fmt::format("ending without the engine, which is stuck; {}", service_->now_doing()));
    end_at_once(kExitError);
  }
  if (service_ && service_->heartbeat_age() > 0) {  // in the middle of a step
    grace_.expires_after(std::chrono::milliseconds(5));
    grace_.async_wait([this](const error_code& error) {
      if (!error) wait_for_engine();
    });
    return;
  }
  ended_ = true;
  watchdog_.cancel();
  signals_.cancel();
  signals_.clear();  // from here on a signal ends the program as if nothing had caught it
}

}  // namespace chitu::app
