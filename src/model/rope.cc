#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace chitu {
namespace {

// theta ^ (2i / d). The exponent is a float, as is the power.
std::vector<float> base_powers(const RopeConfig& rope) {
  std::vector<float> powers(static_cast<std::size_t>(rope.rotary_dim / 2));
  for (std::size_t i = 0; i < powers.size(); ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(rope.rotary_dim);
    powers[i] = std::pow(static_cast<float>(rope.theta), exponent);
  }
  return powers;
}

std::vector<float> plain(const RopeConfig& rope) {
  std::vector<float> frequencies = base_powers(rope);
  for (float& f : frequencies) f = 1.0F / f;
  return frequencies;
}

std::vector<float> linear(const RopeConfig& rope) {
  std::vector<float> frequencies = plain(rope);
  for (float& f : frequencies) f /= static_cast<float>(rope.factor);
  return frequencies;
}

// Llama 3.1: long wavelengths are stretched by `factor`, short ones kept, those between blended.
std::vector<float> llama3(const RopeConfig& rope) {
  const auto factor = static_cast<float>(rope.factor);
  const auto original = static_cast<double>(rope.original_max_position);
  const auto low_wavelength = static_cast<float>(original / rope.low_freq_factor);
  const auto high_wavelength = static_cast<float>(original / rope.high_freq_factor);
  const auto low = static_cast<float>(rope.low_freq_factor);
  const auto span = static_cast<float>(rope.high_freq_factor - rope.low_freq_factor);

  std::vector<float> frequencies = plain(rope);
  for (float& f : frequencies) {
    const float wavelength = static_cast<float>(2.0 * std::numbers::pi) / f;
    if (wavelength > low_wavelength) {
      f = f / factor;
    } else if (wavelength >= high_wavelength) {
      const float smooth = (static_cast<float>(original) / wavelength - low) / span;
      f = (1.0F - smooth) * f / factor + smooth * f;
    }
  }
  return frequencies;
}

// YaRN, section 3.2: dimensions that turn more than beta_fast times within the original length keep
// their frequency, those that turn less than beta_slow times are interpolated, with a ramp between.
std::vector<float> yarn(const RopeConfig& rope) {
  const auto dim = static_cast<double>(rope.rotary_dim);
  const auto correction_dim = [&](double rotations) {
    const auto original = static_cast<double>(rope.original_max_position);
    return dim * std::log(original / (rotations * 2.0 * std::numbers::pi)) /
           (2.0 * std::log(rope.theta));
  };
  double low = correction_dim(rope.beta_fast);
  double high = correction_dim(rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1.0);
  if (low == high) high += 0.001;  // the ramp would divide by zero

  std::vector<float> frequencies = base_powers(rope);
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const float extrapolated = 1.0F / frequencies[i];
    const float interpolated = 1.0F / (static_cast<float>(rope.factor) * frequencies[i]);
    const float ramp =
        (static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low);
    const float keep = 1.0F - std::clamp(ramp, 0.0F, 1.0F);
    frequencies[i] = interpolated * (1.0F - keep) + extrapolated * keep;
  }
  return frequencies;
}

}  // namespace

std::vector<float> inverse_frequencies(const RopeConfig& rope) {
  const auto scaled = [&] {
    switch (rope.scaling) {
      case RopeConfig::Scaling::kLinear:
        return linear(rope);
      case RopeConfig::Scaling::kLlama3:
        return llama3(rope);
      case RopeConfig::Scaling::kYarn:
        return yarn(rope);
      case RopeConfig::Scaling::kNone:
      case RopeConfig::Scaling::kDynamicNtk:
        break;
    }
    return plain(rope);
  };
  std::vector<float> frequencies = scaled();
  if (!rope.frequency_divisors.empty()) {
    CHECK(rope.frequency_divisors.size() == frequencies.size());
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
      frequencies[i] /= rope.frequency_divisors[i];
    }
  }
  return frequencies;
}

RopeAngles rope_angles(const RopeConfig& rope) {
  RopeAngles angles{.scale = static_cast<float>(rope.attention_factor)};
  if (rope.scaling == RopeConfig::Scaling::kDynamicNtk) {
    angles.ntk = {.theta = static_cast<float>(rope.theta),
                  .factor = static_cast<float>(rope.factor),
                  .original_len = rope.original_max_position};
  }
  return angles;
}

double yarn_mscale(double factor, double mscale) {
  return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

}  // namespace chitu
