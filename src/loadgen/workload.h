// What is sent, and when. The same options and seed give the same workload.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/result.h"

namespace chitu::loadgen {

// Uniform in [length * (1 - ratio), length * (1 + ratio)], at least 1. REQUIRES: 0 <= ratio <= 1
int64_t length_near(int64_t length, double ratio, std::mt19937_64& random);

struct Prompt {
  std::string text;
  int64_t max_tokens = 0;  // of the answer
};

struct RandomPrompts {
  int64_t input_len = 256;   // words; the common words used are a token each in most vocabularies
  int64_t output_len = 128;  // tokens
  double range_ratio = 0;    // lengths are uniform in [len * (1 - ratio), len * (1 + ratio)]
  int64_t prefix_len = 0;    // words that all prompts begin with, before input_len others
};

// At least one word and one token each. REQUIRES: 0 <= range_ratio <= 1
std::vector<Prompt> random_prompts(int64_t n, const RandomPrompts& options, uint64_t seed);

// Conversations of a file in ShareGPT's format, a JSON array of {"conversations": [{"from",
// "value"},
// ...]}: a prompt is the first turn, and its answer may be as long as the second. Lengths in tokens
// are not known here, so a token is taken for four bytes. Passed over are conversations without two
// turns, turns below 4 tokens, prompts above 1,024 and pairs above 2,048, as the field does. Errors
// name the file: unreadable, not JSON, another shape, no conversation that will do.
Result<std::vector<Prompt>> read_sharegpt(const std::filesystem::path& path);

// n of `pool` in the order that the seed gives it, from number `first` on, over and over when it
// has fewer; all answers of `output_len` tokens if that is given. REQUIRES: the pool is not empty.
std::vector<Prompt> draw(const std::vector<Prompt>& pool, int64_t first, int64_t n,
                         std::optional<int64_t> output_len, uint64_t seed);

// When each of n requests is due, in seconds from 0, ascending, the first at 0. The times between
// are drawn from a gamma distribution of the mean 1 / rate and the shape `burstiness`: 1 is a
// Poisson process, less comes in bursts, more is more even. An infinite rate: all at 0.
// REQUIRES: rate > 0, burstiness > 0
std::vector<double> arrival_times(int64_t n, double rate, double burstiness, uint64_t seed);

}  // namespace chitu::loadgen
