// What Prometheus reads at /metrics, under vLLM's names where it has one: dashboards made for vLLM
// show this server as well. Every series has the label model_name.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/service.h"
#include "sched/sequence.h"
#include "server/http_server.h"

namespace chitu {

// The life of one sequence of tokens. Times in seconds of std::chrono::steady_clock; 0: not yet.
struct GenerationTimes {
  double arrival = 0;
  double started = 0;  // its first step was planned
  double first_token = 0;
  double last_token = 0;
};

class Metrics {
 public:
  explicit Metrics(const std::string& model_name);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void on_prompt(int64_t tokens);
  // A token came at `now`; updates `times`.
  void on_token(GenerationTimes& times, double now);
  // `tokens`: of the answer.
  void on_end(const GenerationTimes& times, int64_t tokens, FinishReason reason, double now);

  // In Prometheus' text format. `service` is null while the model loads.
  std::string text(const ServiceStats* service, const ServerStats& http);

 private:
  struct Series;
  std::unique_ptr<Series> series_;
};

}  // namespace chitu
