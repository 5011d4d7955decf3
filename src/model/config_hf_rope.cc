#include <cmath>

#include "base/quote.h"
#include "model/config_hf.h"
#include "model/config_limits.h"
#include "model/rope.h"

namespace chitu {
namespace {

using json::Fields;
using Scaling = RopeConfig::Scaling;

// The object that scales, its name for messages, and the object around it.
struct RopeFields {
  Fields config;
  Fields scaling;
  std::string_view name;
};

Result<RopeFields> find_rope_fields(const json::Object& object, const json::Object& none) {
  const Fields config(object);
  for (const std::string_view key : {"rope_scaling", "rope_parameters"}) {
    if (!config.has(key)) continue;
    TRY(scaling, config.object(key));
    for (const std::string_view nested : {"full_attention", "sliding_attention"}) {
      if (Fields(*scaling).has(nested)) {
        return make_error(ErrorCode::kUnsupported,
                          "{}: has parameters for each kind of layer ({}), which this version does "
                          "not have",
                          key, nested);
      }
    }
    return RopeFields{config, Fields(*scaling), key};
  }
  return RopeFields{config, Fields(none), "rope_scaling"};
}

// A number that may stand in the scaling object or, as transformers 4 had it, beside it.
Result<double> number_in_either(const RopeFields& fields, std::string_view key, double fallback) {
  if (fields.scaling.has(key)) return fields.scaling.number(key);
  return fields.config.number_or(key, fallback);
}

Result<Scaling> read_scaling_type(const RopeFields& fields) {
  const std::string_view key = fields.scaling.has("rope_type") ? "rope_type" : "type";
  TRY(type, fields.scaling.string_or(key, "default"));
  if (type == "default") return Scaling::kNone;
  if (type == "linear") return Scaling::kLinear;
  if (type == "dynamic") return Scaling::kDynamicNtk;
  if (type == "llama3") return Scaling::kLlama3;
  if (type == "yarn") return Scaling::kYarn;
  return make_error(ErrorCode::kUnsupported,
                    "{}: {} is not a scaling this version has (default, linear, dynamic, "
                    "llama3, yarn)",
                    key, quote(type));
}

Result<int64_t> read_original_length(const RopeFields& fields, const ModelConfig& config) {
  static constexpr std::string_view kKey = "original_max_position_embeddings";
  const Fields& where = fields.config.has(kKey) ? fields.config : fields.scaling;
  return where.integer_or(kKey, config.max_position_embeddings, 1, limits::kPositions);
}

Status read_llama3(const Fields& scaling, RopeConfig& rope) {
  TRY(low, scaling.number("low_freq_factor"));
  TRY(high, scaling.number("high_freq_factor"));
  rope.low_freq_factor = low;
  rope.high_freq_factor = high;
  return {};
}

// 0 is "not given" for these, as in transformers.
Result<double> number_unless_zero(const Fields& fields, std::string_view key, double fallback) {
  TRY(value, fields.number_or(key, fallback));
  return value == 0.0 ? fallback : value;
}

Status read_yarn(const Fields& scaling, RopeConfig& rope) {
  TRY(fast, number_unless_zero(scaling, "beta_fast", 32.0));
  TRY(slow, number_unless_zero(scaling, "beta_slow", 1.0));
  TRY(truncate, scaling.boolean_or("truncate", true));
  TRY(mscale, scaling.number_or("mscale", 0.0));
  TRY(mscale_all_dim, scaling.number_or("mscale_all_dim", 0.0));
  rope.beta_fast = fast;
  rope.beta_slow = slow;
  rope.truncate = truncate;
  double attention_factor = yarn_mscale(rope.factor);
  if (mscale != 0.0 && mscale_all_dim != 0.0) {
    attention_factor = yarn_mscale(rope.factor, mscale) / yarn_mscale(rope.factor, mscale_all_dim);
  }
  TRY(given, scaling.number_or("attention_factor", attention_factor));
  rope.attention_factor = given;
  return {};
}

// The factor by which the context grew, where the file leaves it out.
double implied_factor(const RopeConfig& rope, const ModelConfig& config) {
  return static_cast<double>(config.max_position_embeddings) /
         static_cast<double>(rope.original_max_position);
}

Status read_scaling_parameters(const RopeFields& fields, const ModelConfig& config,
                               RopeConfig& rope) {
  if (rope.scaling == Scaling::kNone) return {};
  TRY(original, read_original_length(fields, config));
  // transformers measures dynamic NTK against max_position_embeddings, whatever else is said.
  rope.original_max_position =
      rope.scaling == Scaling::kDynamicNtk ? config.max_position_embeddings : original;
  const bool may_imply = rope.scaling == Scaling::kYarn && !fields.scaling.has("factor");
  TRY(factor,
      may_imply ? Result<double>(implied_factor(rope, config)) : fields.scaling.number("factor"));
  rope.factor = factor;
  if (rope.scaling == Scaling::kLlama3) return read_llama3(fields.scaling, rope);
  if (rope.scaling == Scaling::kYarn) return read_yarn(fields.scaling, rope);
  return {};
}

Status read_scaling(const RopeFields& fields, const ModelConfig& config, RopeConfig& rope) {
  TRY(scaling, read_scaling_type(fields));
  rope.scaling = scaling;
  return read_scaling_parameters(fields, config, rope);
}

}  // namespace

Result<RopeConfig> read_hf_rope(const json::Object& object, const ModelConfig& config,
                                const FamilyTraits& traits) {
  const json::Object none;
  TRY(fields, find_rope_fields(object, none));
  RopeConfig rope;
  rope.interleaved = traits.interleaved_rope;
  TRY(theta, number_in_either(fields, "rope_theta", 10000.0));
  TRY(partial, number_in_either(fields, "partial_rotary_factor", traits.partial_rotary_factor));
  if (!(partial > 0.0 && partial <= 1.0)) {
    return make_error(ErrorCode::kInvalidArgument,
                      "partial_rotary_factor: expected a number in (0, 1], found {}", partial);
  }
  rope.theta = theta;
  rope.rotary_dim = static_cast<int64_t>(static_cast<double>(config.head_dim) * partial);
  Status scaled = read_scaling(fields, config, rope);
  if (!scaled) return std::move(scaled).error().within(fields.name);
  return rope;
}

}  // namespace chitu
