#include "model/config.h"

#include "model/config_limits.h"

namespace chitu {
namespace {

template <class... Args>
Error invalid(fmt::format_string<Args...> format, Args&&... args) {
  return make_error(ErrorCode::kInvalidArgument, format, std::forward<Args>(args)...);
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
  if (!(rope.factor >= 1.0 && rope.factor <= 1e9)) {
    return invalid("rope scaling factor: expected a number of at least 1, found {}", rope.factor);
  }
  if (rope.scaling == RopeConfig::Scaling::kDynamicNtk && rope.rotary_dim < 4) {
    return invalid("dynamic rope scaling needs a rotary dimension of at least 4, found {}",
                   rope.rotary_dim);
  }
  if (rope.scaling == RopeConfig::Scaling::kLlama3 &&
      !(rope.low_freq_factor > 0.0 && rope.high_freq_factor > rope.low_freq_factor)) {
    return invalid(
        "rope scaling high_freq_factor: expected a number above low_freq_factor {} > 0, found {}",
        rope.low_freq_factor, rope.high_freq_factor);
  }
  if (rope.scaling == RopeConfig::Scaling::kYarn &&
      !(rope.beta_slow > 0.0 && rope.beta_fast >= rope.beta_slow && rope.attention_factor > 0.0)) {
    return invalid(
        "rope scaling: expected beta_fast >= beta_slow > 0 and attention_factor > 0, found {}, {}, "
        "{}",
        rope.beta_fast, rope.beta_slow, rope.attention_factor);
  }
  return {};
}

Status validate_token_ids(const ModelConfig& config) {
  for (const int64_t id : config.eos_token_ids) {
    if (id >= config.vocab_size) {
      return invalid("eos_token_id: {} is not below vocab_size {}", id, config.vocab_size);
    }
  }
  return {};
}

}  // namespace

Status validate(const ModelConfig& config) {
  if (config.num_heads % config.num_kv_heads != 0) {
    return invalid("num_key_value_heads: {} does not divide num_attention_heads {}",
                   config.num_kv_heads, config.num_heads);
  }
  if (!(config.rms_norm_eps > 0.0 && config.rms_norm_eps < 1.0)) {
    return invalid("rms_norm_eps: expected a number in (0, 1), found {}", config.rms_norm_eps);
  }
  if (config.attention_softcap < 0.0 || config.logit_softcap < 0.0) {
    return invalid(
        "logit soft-cap: expected a positive number, found {}",
        config.attention_softcap < 0.0 ? config.attention_softcap : config.logit_softcap);
  }
  TRY_STATUS(validate_rope(config.rope, config.head_dim));
  return validate_token_ids(config);
}

}  // namespace chitu
