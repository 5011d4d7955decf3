// The rotary frequencies of a configuration.
#pragma once

#include <vector>

#include "model/config.h"

namespace chitu {

// [rotary_dim / 2], computed in float as transformers' modeling_rope_utils.py does, so that long
// positions turn by the same angle. For dynamic NTK these are the frequencies up to the original
// length; RopeAngles::ntk says what follows beyond it.
std::vector<float> inverse_frequencies(const RopeConfig& rope);

// What RopeAngles is given; its positions, lens, cos and sin are the step's.
RopeAngles rope_angles(const RopeConfig& rope);

// YaRN (arXiv 2309.00071), equation 22: what cos and sin are multiplied by for a context longer by
// `factor`; 1 when it is not longer.
double yarn_mscale(double factor, double mscale = 1.0);

}  // namespace chitu
