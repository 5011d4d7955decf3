// POST /v1/embeddings: the normalised hidden state of each input's last token.

#include <fmt/format.h>

#include <utility>

#include "server/generation.h"
#include "server/openai_response.h"
#include "server/routes/model_request.h"
#include "server/routes/routes.h"

namespace chitu {
namespace {

// Inputs that are computed or wait at the same time; the others wait here, so that one request
// cannot fill the queue.
constexpr int64_t kInFlight = 32;

struct EmbeddingJob {
  std::vector<std::vector<int32_t>> inputs;
  int64_t prompt_tokens = 0;
  bool base64 = false;
  std::string cache_salt;
};

ApiResult<EmbeddingJob> read_embeddings(const ServedModel& model, const json::Object& body) {
  TRY(request, read_embeddings_request(body, model.limits));
  if (auto error = check_model(model, request.model)) return *std::move(error);
  if (request.dimensions && *request.dimensions != model.hidden_size) {
    return unsupported_parameter(
        "dimensions", fmt::format("this model's embeddings have {}, and are not made to be "
                                  "shortened",
                                  model.hidden_size));
  }
  EmbeddingJob job{.base64 = request.base64, .cache_salt = std::move(request.cache_salt)};
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    TRY(tokens,
        tokens_of(model, request.inputs[i], true, prompt_name("input", request.is_list, i)));
    job.prompt_tokens += static_cast<int64_t>(tokens.size());
    job.inputs.push_back(std::move(tokens));
  }
  return job;
}

// Where the results go: index i is that of input i, for choices are begun in that order.
struct Progress {
  std::vector<std::vector<float>> embeddings;
  size_t submitted = 0;
  int64_t missing = 0;
  std::optional<HttpError> error;
};

void submit_some(Generation& generation, const EmbeddingJob& job, Progress& progress) {
  while (progress.submitted < job.inputs.size() && generation.unfinished() < kInFlight) {
    Request request;
    request.prompt = job.inputs[progress.submitted];
    request.embed = true;
    request.cache_salt = job.cache_salt;
    const Status status = generation.submit(std::move(request));
    if (!status.ok()) {
      // A full queue has room again once an input of ours is done.
      const bool later = status.error().code == ErrorCode::kResourceExhausted;
      if (!later || generation.unfinished() == 0) progress.error = submit_error(status.error());
      return;
    }
    ++progress.submitted;
  }
}

void take_embeddings(Generation& generation, ServerState& state, const std::string& request_id,
                     Progress& progress) {
  for (ChoiceEvent& arrived : generation.take()) {
    TokenEvent& event = arrived.event;
    if (event.finish == FinishReason::kNone) continue;
    if (event.finish == FinishReason::kError) {
      generation.cancel_all();  // the other inputs, before the client is told
      state.options.on_note(fmt::format("request {} failed: {}", request_id, event.error));
      progress.error =
          internal_error("the engine failed to compute this request; the server's log says why");
      return;
    }
    progress.embeddings[static_cast<size_t>(arrived.choice)] = std::move(event.embedding);
    --progress.missing;
  }
}

asio::awaitable<void> embed(Exchange& exchange, ServerState& state) {
  const double arrival = steady_seconds();
  std::optional<EmbeddingJob> job = co_await read_request(exchange, state, read_embeddings);
  if (!job) co_return;
  const ServedModel& model = *state.model;
  job->cache_salt = cache_salt_of(model, exchange.request(), job->cache_salt);
  Generation generation(state.hub, *model.service, arrival);
  exchange.on_disconnect([&generation] { generation.interrupt(); });
  state.metrics.on_prompt(job->prompt_tokens);
  Progress progress{.missing = static_cast<int64_t>(job->inputs.size())};
  progress.embeddings.resize(job->inputs.size());
  while (progress.missing > 0 && !progress.error) {
    if (generation.interrupted()) co_return;
    submit_some(generation, *job, progress);
    if (progress.error) break;
    co_await generation.wait(Generation::Clock::time_point::max());
    take_embeddings(generation, state, exchange.request().id, progress);
  }
  HttpResponse response;
  if (progress.error) {
    response = error_response(*progress.error);
  } else {
    constexpr int64_t kLarge = 1 << 14;  // numbers
    const bool large = static_cast<int64_t>(job->inputs.size()) * model.hidden_size > kLarge;
    response.body = co_await make_body(state, large, [&] {
      return embeddings_body(model.name, progress.embeddings, job->base64, job->prompt_tokens);
    });
    progress.embeddings.clear();
  }
  co_await exchange.respond(std::move(response));
}

}  // namespace

void add_embeddings_route(Router& router, ServerState& state) {
  router.add("POST", "/v1/embeddings",
             [&state](Exchange& exchange) { return embed(exchange, state); });
}

}  // namespace chitu
