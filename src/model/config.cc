#include "model/config.h"

#include <algorithm>

#include "model/config_limits.h"

namespace chitu {
namespace {

template <class... Args>
Error invalid(fmt::format_string<Args...> format, Args&&... args) {
  return make_error(ErrorCode::kInvalidArgument, format, std::forward<Args>(args)...);
}

// The frequencies are computed in float: what is far beyond any model could overflow there.
constexpr double kMaxScalingFactor = 1e6;

Status validate_llama3(const RopeConfig& rope) {
  const double low = rope.low_freq_factor;
  const double high = rope.high_freq_factor;
  if (!(low >= 1e-3 && high >= low + 1e-3 && high <= kMaxScalingFactor)) {
    return invalid("rope scaling: expected 0 < low_freq_factor < high_freq_factor, found {} and {}",
                   low, high);
  }
  return {};
}

Status validate_yarn(const RopeConfig& rope) {
  if (!(rope.beta_slow >= 1e-3 && rope.beta_fast >= rope.beta_slow &&
        rope.beta_fast <= kMaxScalingFactor)) {
    return invalid("rope scaling: expected 0 < beta_slow <= beta_fast, found {} and {}",
                   rope.beta_slow, rope.beta_fast);
  }
  if (!(rope.attention_factor >= 1e-3 && rope.attention_factor <= 1e3)) {
    return invalid("rope scaling attention_factor: expected a number in [0.001, 1000], found {}",
                   rope.attention_factor);
  }
  return {};
}

Status validate_rope(const RopeConfig& rope, int64_t head_dim) {
  if (rope.rotary_dim < 2 || rope.rotary_dim > head_dim || rope.rotary_dim % 2 != 0) {
    return invalid("rotary dimension: expected an even number in [2, {}] (the head size), found {}",
                   head_dim, rope.rotary_dim);
  }
  // 1 would make every logarithm of theta zero.
  if (!(rope.theta > 1.0 && rope.theta <= 1e30)) {
    return invalid("rope_theta: expected a number above 1, found {}", rope.theta);
  }
  if (rope.scaling == RopeConfig::Scaling::kNone) return {};
  if (!(rope.factor >= 1.0 && rope.factor <= kMaxScalingFactor)) {
    return invalid("rope scaling factor: expected a number of at least 1, found {}", rope.factor);
  }
  if (rope.scaling == RopeConfig::Scaling::kDynamicNtk && rope.rotary_dim < 4) {
    return invalid("dynamic rope scaling needs a rotary dimension of at least 4, found {}",
                   rope.rotary_dim);
  }
  if (rope.scaling == RopeConfig::Scaling::kLlama3) return validate_llama3(rope);
  if (rope.scaling == RopeConfig::Scaling::kYarn) return validate_yarn(rope);
  return {};
}

}  // namespace

int64_t context_limit(const ModelConfig& config) {
  using Scaling = RopeConfig::Scaling;
  const RopeConfig& rope = config.rope;
  // max_position_embeddings of Llama 3 is the length after scaling.
  if (rope.scaling == Scaling::kNone || rope.scaling == Scaling::kLlama3) {
    return config.max_position_embeddings;
  }
  const double scaled = rope.factor * static_cast<double>(rope.original_max_position);
  const auto most = static_cast<double>(limits::kPositions);
  return std::max(config.max_position_embeddings, static_cast<int64_t>(std::min(scaled, most)));
}

void drop_unknown_end_tokens(ModelConfig& config) {
  std::erase_if(config.eos_token_ids,
                [&](int64_t id) { return id < 0 || id >= config.vocab_size; });
}

Status validate(const ModelConfig& config) {
  if (config.num_heads % config.num_kv_heads != 0) {
    return invalid("num_key_value_heads: {} does not divide num_attention_heads {}",
                   config.num_kv_heads, config.num_heads);
  }
  if (!(config.rms_norm_eps > 0.0 && config.rms_norm_eps < 1.0)) {
    return invalid("rms_norm_eps: expected a number in (0, 1), found {}", config.rms_norm_eps);
  }
  for (const double cap : {config.attention_softcap, config.logit_softcap}) {
    if (cap != 0.0 && !(cap >= 1e-3 && cap <= 1e6)) {
      return invalid("logit soft-cap: expected a number in [0.001, 1000000], found {}", cap);
    }
  }
  return validate_rope(config.rope, config.head_dim);
}

}  // namespace chitu
