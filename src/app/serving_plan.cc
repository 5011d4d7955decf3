#include "app/serving_plan.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace chitu::app {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Of two names for the same number, the one given.
Result<int64_t> either(const Args& args, std::string_view name, std::string_view other,
                       int64_t fallback, int64_t min, int64_t max) {
  if (args.has(name) && args.has(other)) {
    return make_error(ErrorCode::kInvalidArgument, "{} and {} are the same; give one of them", name,
                      other);
  }
  return args.integer_or(args.has(other) ? other : name, fallback, min, max);
}

Status read_server(const Args& args, ServingPlan& plan) {
  plan.base_url = args.value("--base-url").value_or("http://127.0.0.1:21002");
  Result<loadgen::Server> server = loadgen::Server::parse(plan.base_url);
  if (!server.ok()) return std::move(server).error().within("--base-url");
  TRY(seconds, args.number_or("--timeout", 600, 0.001, 86400));
  plan.client = {.server = std::move(*server),
                 .api_key = args.value("--api-key").value_or(""),
                 .request_seconds = seconds};
  for (const char c : plan.client.api_key) {
    if (c <= ' ' || c > '~') {
      return make_error(ErrorCode::kInvalidArgument,
                        "--api-key: blanks, line breaks and letters outside ASCII cannot be sent");
    }
  }
  return {};
}

Status read_body(const Args& args, loadgen::BodyOptions& body) {
  const std::string endpoint = args.value("--endpoint").value_or("chat");
  if (endpoint != "chat" && endpoint != "completions") {
    return make_error(ErrorCode::kInvalidArgument, "--endpoint {}: expected chat or completions",
                      endpoint);
  }
  body.api = endpoint == "chat" ? loadgen::Api::kChat : loadgen::Api::kCompletions;
  body.model = args.value("--model").value_or("");
  body.ignore_eos = args.has("--ignore-eos");
  TRY(temperature, args.number_or("--temperature", 0, 0, 2));
  body.temperature = temperature;
  return {};
}

Status read_prompts(const Args& args, ServingPlan& plan) {
  constexpr int64_t kMaxLength = 1'000'000;
  constexpr int64_t kMaxWords = int64_t{1} << 28;  // in all: some 1.5 GB
  TRY(input, either(args, "--input-len", "--seq-len", 256, 1, kMaxLength));
  TRY(output, args.integer_or("--output-len", 128, 1, kMaxLength));
  TRY(prefix, args.integer_or("--prefix-len", 0, 0, kMaxLength));
  TRY(ratio, args.number_or("--range-ratio", 0, 0, 1));
  plan.random = {
      .input_len = input, .output_len = output, .range_ratio = ratio, .prefix_len = prefix};
  const std::string dataset = args.value("--dataset").value_or("random");
  if (dataset != "random" && dataset != "sharegpt") {
    return make_error(ErrorCode::kInvalidArgument, "--dataset {}: expected random or sharegpt",
                      dataset);
  }
  const std::optional<std::string> path = args.value("--dataset-path");
  if ((dataset == "sharegpt") != path.has_value()) {
    return make_error(ErrorCode::kInvalidArgument,
                      "--dataset sharegpt and --dataset-path FILE go together");
  }
  if (!path) {
    for (const auto& [option, n] :
         {std::pair("--num-prompts", plan.num_prompts), std::pair("--warmup", plan.warmup)}) {
      if (n <= kMaxWords / (input + prefix)) continue;
      return make_error(ErrorCode::kInvalidArgument,
                        "{} {} of {} words each are more than {} words in all", option, n,
                        input + prefix, kMaxWords);
    }
    return {};
  }
  for (const std::string_view other :
       {"--input-len", "--seq-len", "--prefix-len", "--range-ratio"}) {
    if (args.has(other)) {
      return make_error(ErrorCode::kInvalidArgument, "{} is for --dataset random", other);
    }
  }
  TRY(pool, loadgen::read_sharegpt(*path));
  plan.pool = std::move(pool);
  if (args.has("--output-len")) plan.output_len = output;
  return {};
}

Status read_level(const Args& args, ServingPlan& plan) {
  const std::optional<std::string> goodput = args.value("--goodput");
  if (!goodput) {
    if (args.words().empty()) return {};
    return make_error(ErrorCode::kInvalidArgument, "bench serving takes no text, found '{}'",
                      args.words().front());
  }
  std::string text = *goodput;
  for (const std::string& word : args.words()) text += " " + word;
  Result<loadgen::ServiceLevel> level = loadgen::ServiceLevel::parse(text);
  if (!level.ok()) return std::move(level).error().within("--goodput");
  plan.level = *level;
  return {};
}

}  // namespace

Result<ServingPlan> read_serving_plan(const Args& args) {
  ServingPlan plan;
  TRY_STATUS(read_server(args, plan));
  TRY_STATUS(read_body(args, plan.body));
  TRY(num_prompts, either(args, "--num-prompts", "--iterations", 100, 1, 1'000'000));
  TRY(warmup, args.integer_or("--warmup", 1, 0, 10'000));
  TRY(rate, args.number_or("--request-rate", kInfinity, 1e-3, kInfinity));
  TRY(burstiness, args.number_or("--burstiness", 1, 1e-3, 1e6));
  TRY(concurrencies, args.integers_or("--concurrency", {0}, 0, 65536));
  TRY(seed, args.integer_or("--seed", 0, 0, std::numeric_limits<int64_t>::max()));
  plan.num_prompts = num_prompts;
  plan.warmup = warmup;
  plan.request_rate = rate;
  plan.burstiness = burstiness;
  plan.concurrencies = std::move(concurrencies);
  plan.seed = static_cast<uint64_t>(seed);
  TRY_STATUS(read_level(args, plan));
  TRY_STATUS(read_prompts(args, plan));
  return plan;
}

std::vector<loadgen::Job> ServingPlan::jobs(int64_t run) const {
  const int64_t n = run == 0 ? warmup : num_prompts;
  const double rate = run == 0 ? kInfinity : request_rate;
  const int64_t before = run == 0 ? 0 : warmup + (run - 1) * num_prompts;
  constexpr uint64_t kRunStride = 0x9e3779b97f4a7c15;  // far apart, so that seeds 0, 1... are too
  const uint64_t run_seed = seed + static_cast<uint64_t>(run) * kRunStride;
  std::vector<loadgen::Prompt> prompts = pool.empty()
                                             ? loadgen::random_prompts(n, random, run_seed)
                                             : loadgen::draw(pool, before, n, output_len, seed);
  const std::vector<double> due = loadgen::arrival_times(n, rate, burstiness, run_seed);
  std::vector<loadgen::Job> all;
  all.reserve(prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    all.push_back({.due = due[i], .body = loadgen::request_body(prompts[i], body)});
    prompts[i] = {};  // its memory is the body's
  }
  return all;
}

int64_t ServingPlan::repeated_prompts() const {
  if (pool.empty()) return 0;
  const int64_t all = warmup + static_cast<int64_t>(concurrencies.size()) * num_prompts;
  return std::max<int64_t>(0, all - static_cast<int64_t>(pool.size()));
}

}  // namespace chitu::app
