// Prompts for benchmarks of the engine.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace chitu::app {

inline std::vector<int32_t> random_tokens(int64_t n, int64_t vocab_size, std::mt19937& random) {
  std::vector<int32_t> tokens(static_cast<std::size_t>(n));
  for (int32_t& token : tokens) {
    token = static_cast<int32_t>(random() % static_cast<uint32_t>(vocab_size));
  }
  return tokens;
}

}  // namespace chitu::app
