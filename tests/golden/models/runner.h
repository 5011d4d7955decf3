// Runs a model step by step on any operations, with a small paged cache of its own: what an
// executor does, reduced to what tests need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/model.h"
#include "ops/ops.h"

namespace chitu::test {

struct Sequence {
  std::vector<int32_t> tokens;  // the prompt, and what was generated
  int64_t prompt_len = 0;
  int64_t cached = 0;  // tokens whose keys and values are in the cache
  std::vector<int32_t> blocks;

  explicit Sequence(std::vector<int32_t> prompt)
      : tokens(std::move(prompt)), prompt_len(static_cast<int64_t>(tokens.size())) {}
};

struct RunnerOptions {
  int64_t block_size = 7;  // not a power of two, so that a mix-up of block and offset shows
  int64_t num_blocks = 64;
  std::size_t arena_bytes = std::size_t{4} << 20;
  DType kv_dtype = DType::kF32;
};

class Runner {
 public:
  Runner(const Model& model, Ops& ops, const RunnerOptions& options = {});

  // Computes the next `count` tokens of each sequence in one step, and returns the logits of all of
  // them, one row a token.
  struct Chunk {
    Sequence* sequence;
    int64_t count;
  };
  std::vector<std::vector<float>> step(std::span<const Chunk> chunks);

  // The logits of the whole prompt, computed in chunks of the given size (0: at once).
  std::vector<std::vector<float>> prefill(Sequence& sequence, int64_t chunk = 0);

  // Appends `count` greedy tokens to each sequence, in common steps, and returns them.
  std::vector<std::vector<int32_t>> generate(std::span<Sequence* const> sequences, int64_t count);

 private:
  TensorRef upload(const std::vector<int32_t>& values, const Shape& shape, Arena& arena);
  void grow(Sequence& sequence, int64_t tokens);

  const Model& model_;
  Ops& ops_;
  RunnerOptions options_;
  Buffer arena_;
  std::vector<Buffer> cache_;
  std::vector<KvLayer> kv_;
  int32_t next_block_;
};

int32_t argmax(std::span<const float> logits);

}  // namespace chitu::test
