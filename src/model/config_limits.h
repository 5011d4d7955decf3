// The ranges in which the numbers of a configuration are believed. They are far above any model and
// low enough that no product of a tensor's dimensions overflows 64 bits.
#pragma once

#include <cstdint>

namespace chitu::limits {

inline constexpr int64_t kVocab = int64_t{1} << 24;
inline constexpr int64_t kHidden = int64_t{1} << 20;
inline constexpr int64_t kIntermediate = int64_t{1} << 24;
inline constexpr int64_t kLayers = 4096;
inline constexpr int64_t kHeads = 4096;
inline constexpr int64_t kHeadDim = 4096;
inline constexpr int64_t kPositions = int64_t{1} << 30;

}  // namespace chitu::limits
