#include "app/sampling_defaults.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace chitu::app {
namespace {

Result<float> number_in(const json::Fields& fields, std::string_view key, double fallback,
                        double max) {
  TRY(value, fields.number_or(key, fallback));
  if (value < 0 || value > max) {
    return make_error(ErrorCode::kCorrupt, "{}: expected a number in [0, {}], found {}", key, max,
                      value);
  }
  return static_cast<float>(value);
}

Result<SamplingOptions> read(const json::Fields& fields) {
  SamplingOptions sampling;
  TRY(draws, fields.boolean_or("do_sample", fields.has("temperature")));
  if (!draws) return sampling;
  constexpr double kMaxTemperature = 100;  // as of request.temperature
  TRY(temperature, number_in(fields, "temperature", 1, kMaxTemperature));
  TRY(top_k, fields.integer_or("top_k", 0, -1, INT32_MAX));
  TRY(top_p, number_in(fields, "top_p", 1, 1));
  TRY(min_p, number_in(fields, "min_p", 0, 1));
  sampling.temperature = temperature;
  sampling.top_k = static_cast<int32_t>(std::max<int64_t>(top_k, 0));
  sampling.top_p = top_p;
  sampling.min_p = min_p;
  return sampling;
}

}  // namespace

Result<SamplingOptions> sampling_defaults(const json::Object* generation_config) {
  if (generation_config == nullptr) return SamplingOptions{};
  Result<SamplingOptions> sampling = read(json::Fields(*generation_config));
  if (sampling.ok()) return sampling;
  return std::move(sampling).error().within("generation_config.json");
}

SamplingOptions sampling_of(const Settings& settings, const SamplingOptions& own) {
  const auto number = [&](std::string_view key, float fallback) {
    return settings.is_auto(key) ? fallback : static_cast<float>(settings.number(key));
  };
  return {.temperature = number("request.temperature", own.temperature),
          .top_k = settings.is_auto("request.top_k")
                       ? own.top_k
                       : static_cast<int32_t>(settings.integer("request.top_k")),
          .top_p = number("request.top_p", own.top_p),
          .min_p = number("request.min_p", own.min_p),
          .seed = static_cast<uint64_t>(settings.integer("infer.seed"))};
}

std::string decided_by_checkpoint(const Settings& settings, const SamplingOptions& own) {
  std::vector<std::string> parts;
  const auto add = [&](std::string_view name, auto value, auto unless) {
    if (value != unless && settings.is_auto(fmt::format("request.{}", name))) {
      parts.push_back(fmt::format("{} {}", name, value));
    }
  };
  const SamplingOptions greedy;
  if (sampling_of(settings, own).temperature == greedy.temperature) return "";
  add("temperature", own.temperature, greedy.temperature);
  add("top_k", own.top_k, greedy.top_k);
  add("top_p", own.top_p, greedy.top_p);
  add("min_p", own.min_p, greedy.min_p);
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace chitu::app
