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
              .on_note = [this](const std::string& message) { note(environment_, message); }}) {}

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
      note(environment_, fmt::format("the server caught an exception: {}", e.what()));
    }
  }
  loader_.join();
  service_.reset();
  return outcome_;
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
  fmt::print(stderr, "listening on {}://{}:{}\n", tls.enabled() ? "https" : "http",
             host.find(':') == std::string::npos ? host : fmt::format("[{}]", host), port);
  if (keyless && !is_loopback(host)) {
    note(environment_, "anyone who reaches this address may use it: serve.api_keys asks for a key");
  }
  return {};
}

Result<Session> ServerProgram::open() {
  try {
    return open_session(environment_, settings_, {.max_reqs = kRequestsOfAServer});
  } catch (const std::exception& e) {
    return make_error(ErrorCode::kInternal, "loading failed: {}", e.what());
  }
}

void ServerProgram::load() {
  // Shared, for what asio calls has to be copyable.
  auto session = std::make_shared<Result<Session>>(open());
  boost::asio::post(io_, [this, session] { on_loaded(std::move(*session)); });
}

void ServerProgram::on_loaded(Result<Session> session) {
  if (!session.ok()) {
    outcome_ = std::move(session).error();
    shut_down("the model cannot be loaded");
    return;
  }
  session_ = *std::move(session);
  note_sampling(environment_, *session_, settings_);
  service_ = std::make_unique<Service>(
      *session_->engine, ServiceOptions{.max_queue = settings_.integer("serve.max_queue")},
      [this](std::vector<TokenEvent> events) { state_.hub.deliver(std::move(events)); });
  state_.model = served_model(*session_, settings_, *service_);
  fmt::print(stderr, "ready: {} was loaded in {:.2f} s\n", state_.model->name,
             session_->load_seconds);
}

void ServerProgram::watch() {
  const double pause = std::min(state_.options.step_timeout_s / 4, 1.0);
  watchdog_.expires_after(seconds(pause));
  watchdog_.async_wait([this](const error_code& error) {
    if (error || ended_) return;
    const bool stuck = state_.is_stuck();
    if (stuck && !stuck_) {
      note(environment_, fmt::format("the engine shows no sign of life since {:.1f} s; {}",
                                     service_->heartbeat_age(), service_->now_doing()));
    } else if (stuck_ && !stuck) {
      note(environment_, "the engine goes on");
    }
    stuck_ = stuck;
    watch();
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
    note(environment_, fmt::format("{}: ending before the model is loaded", why));
    end_at_once(kExitOk);
  }
  if (service_) {
    service_->drain();
    note(environment_, fmt::format("{}: {} left to finish, for at most {} s", why,
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
    note(environment_, fmt::format("serve.grace_period_s is over: {} cut short",
                                   counted(state_.hub.active(), "answer")));
  }
  http_->close_all();
  ended_ = true;
  watchdog_.cancel();
  signals_.cancel();
}

}  // namespace chitu::app
