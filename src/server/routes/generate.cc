#include "server/routes/generate.h"

#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <optional>
#include <type_traits>
#include <utility>

#include "server/generation.h"
#include "server/routes/answer.h"
#include "server/routes/model_request.h"
#include "server/sse.h"

namespace chitu {
namespace {

using Clock = Generation::Clock;

// Consecutive numbers make unlike seeds (Steele, Lea, Flood, "Fast splittable pseudorandom number
// generators", 2014: the finalizer of SplitMix64). Number 0 is the seed itself.
uint64_t mixed(uint64_t seed, uint64_t number) {
  if (number == 0) return seed;
  uint64_t z = seed + number * 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

SamplingOptions sampling_of(const SamplingFields& fields, SamplingOptions sampling) {
  const auto set = [](auto& to, const auto& from) {
    if (from) to = static_cast<std::remove_reference_t<decltype(to)>>(*from);
  };
  set(sampling.temperature, fields.temperature);
  set(sampling.top_p, fields.top_p);
  set(sampling.top_k, fields.top_k);
  set(sampling.min_p, fields.min_p);
  set(sampling.repetition_penalty, fields.repetition_penalty);
  sampling.frequency_penalty = static_cast<float>(fields.frequency_penalty);
  sampling.presence_penalty = static_cast<float>(fields.presence_penalty);
  for (const auto& [token, bias] : fields.logit_bias) {
    sampling.logit_bias.push_back({.token = token, .bias = bias});
  }
  return sampling;
}

// The request of one choice, without its prompt and seed.
Request request_of(const ServedModel& model, const GenerationFields& fields) {
  Request request;
  request.max_new_tokens = fields.max_tokens;
  request.sampling = sampling_of(fields.sampling, model.sampling);
  request.sampling.top_logprobs = fields.top_logprobs;
  request.ignore_eos = fields.ignore_eos || model.ignore_eos;
  request.stop_tokens = fields.stop_token_ids;
  if (!request.ignore_eos) {
    request.stop_tokens.insert(request.stop_tokens.end(), model.stop_tokens.begin(),
                               model.stop_tokens.end());
  }
  request.min_tokens = fields.min_tokens;
  request.priority = fields.priority;
  request.cache_salt = fields.cache_salt;
  return request;
}

// A request that names no seed gets one of its own, which depends on infer.seed and on how many
// came before. Its choices have further ones; with a seed, all prompts have the same.
Status submit_all(Generation& generation, ServerState& state, const GenerationJob& job) {
  const ServedModel& model = *state.model;
  const GenerationFields& fields = job.fields;
  const uint64_t seed = fields.sampling.seed ? *fields.sampling.seed
                                             : mixed(model.sampling.seed, state.num_requests++);
  uint64_t number = 0;
  for (const GenerationPrompt& prompt : job.prompts) {
    if (fields.sampling.seed) number = 0;
    for (int64_t i = 0; i < fields.n; ++i) {
      Request request = request_of(model, fields);
      request.prompt = prompt.tokens;
      request.sampling.seed = mixed(seed, number++);
      TRY_STATUS(generation.submit(std::move(request)));
    }
    state.metrics.on_prompt(static_cast<int64_t>(prompt.tokens.size()));
  }
  return {};
}

// Nothing, or that the engine failed, of which the client is told no details.
std::optional<HttpError> take_events(Generation& generation, Answer& answer, ServerState& state,
                                     const std::string& request_id) {
  for (const ChoiceEvent& arrived : generation.take()) {
    if (arrived.event.finish == FinishReason::kError) {
      generation.cancel_all();  // the other choices, before the client is told
      state.options.on_note(fmt::format("request {} failed: {}", request_id, arrived.event.error));
      return internal_error("the engine failed to compute this request; the server's log says why");
    }
    if (answer.push(arrived.choice, arrived.event)) {
      generation.cancel(arrived.choice, FinishReason::kStop);
    }
  }
  return std::nullopt;
}

asio::awaitable<void> answer_whole(Exchange& exchange, ServerState& state, Generation& generation,
                                   Answer& answer) {
  while (!answer.complete()) {
    co_await generation.wait(Clock::time_point::max());
    if (generation.interrupted()) co_return;
    const auto error = take_events(generation, answer, state, exchange.request().id);
    if (error) {
      co_await exchange.respond(error_response(*error));
      co_return;
    }
  }
  HttpResponse response;
  response.body = co_await make_body(state, answer.is_large(), [&] { return answer.take_whole(); });
  co_await exchange.respond(std::move(response));
}

// What a stream has to say now; empty: nothing, and it is not time for a comment either.
struct StreamPart {
  std::string bytes;
  bool last = false;
  std::optional<HttpError> error;
};

StreamPart next_part(Generation& generation, Answer& answer, ServerState& state,
                     const std::string& request_id, Clock::time_point keep_alive) {
  StreamPart part;
  part.error = take_events(generation, answer, state, request_id);
  if (part.error) {
    append_sse_event(error_response(*part.error).body, part.bytes);
    part.last = true;
    return part;
  }
  answer.append_chunks(part.bytes);
  if (answer.complete()) {
    answer.append_end(part.bytes);
    part.last = true;
  }
  if (part.bytes.empty() && Clock::now() >= keep_alive) part.bytes = kSseKeepAlive;
  return part;
}

asio::awaitable<void> answer_stream(Exchange& exchange, ServerState& state, Generation& generation,
                                    Answer& answer) {
  const auto pause = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(state.options.keep_alive_s));
  const std::string id = exchange.request().id;
  bool begun = false;
  auto keep_alive = Clock::now() + pause;
  for (;;) {
    co_await generation.wait(keep_alive);
    if (generation.interrupted()) co_return;
    const StreamPart part = next_part(generation, answer, state, id, keep_alive);
    if (part.bytes.empty()) continue;
    if (!begun && part.error) {
      co_await exchange.respond(error_response(*part.error));
      co_return;
    }
    if (!begun) {
      const bool there = co_await exchange.begin_stream(std::string(kEventStream));
      if (!there) co_return;
      begun = true;
    }
    const bool sent = co_await exchange.send(part.bytes);
    if (!sent) co_return;
    if (part.last) break;
    keep_alive = Clock::now() + pause;
  }
  co_await exchange.end_stream();
}

}  // namespace

asio::awaitable<void> generate(Exchange& exchange, ServerState& state, const AnswerFormat& format,
                               GenerationJob job, double arrival) {
  const ServedModel& model = *state.model;
  Generation generation(state.hub, *model.service, arrival);
  exchange.on_disconnect([&generation] { generation.interrupt(); });
  if (generation.interrupted()) co_return;
  job.fields.cache_salt = cache_salt_of(model, exchange.request(), job.fields.cache_salt);
  const Status submitted = submit_all(generation, state, job);
  if (!submitted.ok()) {
    co_await exchange.respond(error_response(submit_error(submitted.error())));
    co_return;
  }
  AnswerHead head{.id = fmt::format("{}{}", format.id_prefix, exchange.request().id),
                  .created = static_cast<int64_t>(std::time(nullptr)),
                  .model = model.name,
                  .system_fingerprint = model.fingerprint,
                  .include_usage = job.fields.streaming.include_usage};
  Answer answer(*model.tokenizer, format, std::move(head), job);
  if (job.fields.streaming.stream) {
    co_await answer_stream(exchange, state, generation, answer);
  } else {
    co_await answer_whole(exchange, state, generation, answer);
  }
}

}  // namespace chitu
