#include "engine/sampling_options.h"

#include <string_view>

namespace chitu {
namespace {

constexpr float kMaxTemperature = 100;  // as of request.temperature

template <class T>
Error out_of_range(std::string_view field, T value, std::string_view range) {
  return make_error(ErrorCode::kInvalidArgument, "{}={}: must be {}", field, value, range);
}

struct Range {
  std::string_view field;
  float value;
  float least;
  float most;
};

// NaN is in no range.
Status check(const Range& range) {
  if (range.value >= range.least && range.value <= range.most) return {};
  return make_error(ErrorCode::kInvalidArgument, "{}={}: must be in [{}, {}]", range.field,
                    range.value, range.least, range.most);
}

Status check_logit_bias(const std::vector<LogitBias>& biases, int64_t vocab_size) {
  if (static_cast<int64_t>(biases.size()) > kMaxLogitBias) {
    return make_error(ErrorCode::kInvalidArgument, "logit_bias has {} entries: at most {} can be",
                      biases.size(), kMaxLogitBias);
  }
  for (const LogitBias& entry : biases) {
    if (entry.token < 0 || entry.token >= vocab_size) {
      return make_error(ErrorCode::kInvalidArgument,
                        "logit_bias: token {} is outside the model's vocabulary of {}", entry.token,
                        vocab_size);
    }
    if (!(entry.bias >= -100 && entry.bias <= 100)) {
      return make_error(ErrorCode::kInvalidArgument,
                        "logit_bias of token {}={}: must be in [-100, 100]", entry.token,
                        entry.bias);
    }
  }
  return {};
}

}  // namespace

Status check_sampling(const SamplingOptions& options, int64_t vocab_size) {
  for (const Range& range : {Range{"temperature", options.temperature, 0, kMaxTemperature},
                             Range{"min_p", options.min_p, 0, 1},
                             Range{"frequency_penalty", options.frequency_penalty, -2, 2},
                             Range{"presence_penalty", options.presence_penalty, -2, 2}}) {
    TRY_STATUS(check(range));
  }
  if (options.top_k < -1) return out_of_range("top_k", options.top_k, "-1 or 0 (off) or more");
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    return out_of_range("top_p", options.top_p, "above 0 and at most 1");
  }
  if (!(options.repetition_penalty > 0 && options.repetition_penalty <= 10)) {
    return out_of_range("repetition_penalty", options.repetition_penalty, "above 0 and at most 10");
  }
  if (options.top_logprobs < -1 || options.top_logprobs > kMaxTopLogprobs) {
    return make_error(ErrorCode::kInvalidArgument,
                      "top_logprobs={}: must be in [0, {}], or -1 for none", options.top_logprobs,
                      kMaxTopLogprobs);
  }
  return check_logit_bias(options.logit_bias, vocab_size);
}

}  // namespace chitu
