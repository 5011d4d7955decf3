#include "app/sampling_defaults.h"

#include <algorithm>

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

Result<SamplingParams> read(const json::Fields& fields) {
  SamplingParams sampling;
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

Result<SamplingParams> sampling_defaults(const json::Object* generation_config) {
  if (generation_config == nullptr) return SamplingParams{};
  Result<SamplingParams> sampling = read(json::Fields(*generation_config));
  if (sampling.ok()) return sampling;
  return std::move(sampling).error().within("generation_config.json");
}

}  // namespace chitu::app
