#include "tests/golden/models/runner.h"

#include <algorithm>

#include "base/check.h"

namespace chitu::test {

Runner::Runner(const Model& model, Ops& ops, const RunnerOptions& options)
    : model_(model),
      ops_(ops),
      options_(options),
      next_block_(static_cast<int32_t>(options.num_blocks)) {
  arena_ = ops.allocate(options.arena_bytes).value();
  const KvSpec spec = model.kv_spec();
  const Shape shape{options.num_blocks, spec.kv_heads, options.block_size, spec.head_dim};
  const auto bytes = static_cast<std::size_t>(bytes_for(options.kv_dtype, shape.elements()));
  for (int64_t layer = 0; layer < spec.num_layers; ++layer) {
    Buffer k = ops.allocate(bytes).value();
    Buffer v = ops.allocate(bytes).value();
    kv_.push_back({.k = TensorRef::contiguous(k.data(), options.kv_dtype, shape),
                   .v = TensorRef::contiguous(v.data(), options.kv_dtype, shape)});
    cache_.push_back(std::move(k));
    cache_.push_back(std::move(v));
  }
}

TensorRef Runner::upload(const std::vector<int32_t>& values, const Shape& shape, Arena& arena) {
  const TensorRef tensor = arena.allocate(DType::kI32, shape);
  ops_.upload(tensor.data, values.data(), values.size() * sizeof(int32_t));
  return tensor;
}

// Blocks are handed out from the end, so that a sequence's are neither first nor in order.
void Runner::grow(Sequence& sequence, int64_t tokens) {
  while (static_cast<int64_t>(sequence.blocks.size()) * options_.block_size < tokens) {
    CHECK(next_block_ > 0);
    sequence.blocks.push_back(--next_block_);
  }
}

std::vector<std::vector<float>> Runner::step(std::span<const Chunk> chunks) {
  std::vector<int32_t> ids, positions, lens, slots, starts = {0}, kv_lens, rows, table;
  AttentionPlan plan{.block_size = options_.block_size,
                     .num_sequences = static_cast<int64_t>(chunks.size())};
  std::size_t max_blocks = 0;
  for (const Chunk& chunk : chunks) {
    Sequence& s = *chunk.sequence;
    const int64_t end = s.cached + chunk.count;
    CHECK(end <= static_cast<int64_t>(s.tokens.size()));
    grow(s, end);
    for (int64_t p = s.cached; p < end; ++p) {
      ids.push_back(s.tokens[static_cast<std::size_t>(p)]);
      positions.push_back(static_cast<int32_t>(p));
      lens.push_back(static_cast<int32_t>(std::max(s.prompt_len, p + 1)));
      const int64_t block = s.blocks[static_cast<std::size_t>(p / options_.block_size)];
      slots.push_back(static_cast<int32_t>(block * options_.block_size + p % options_.block_size));
      rows.push_back(static_cast<int32_t>(rows.size()));
    }
    starts.push_back(static_cast<int32_t>(ids.size()));
    kv_lens.push_back(static_cast<int32_t>(end));
    plan.max_q_len = std::max(plan.max_q_len, chunk.count);
    plan.max_kv_len = std::max(plan.max_kv_len, end);
    max_blocks = std::max(max_blocks, s.blocks.size());
    s.cached = end;
  }
  for (const Chunk& chunk : chunks) {
    std::vector<int32_t> row = chunk.sequence->blocks;
    row.resize(max_blocks, 0);
    table.insert(table.end(), row.begin(), row.end());
  }

  Arena arena(arena_.data(), arena_.bytes());
  const auto tokens = static_cast<int64_t>(ids.size());
  plan.num_tokens = tokens;
  plan.positions = upload(positions, {tokens}, arena);
  plan.rope_lens = upload(lens, {tokens}, arena);
  plan.slots = upload(slots, {tokens}, arena);
  plan.q_starts = upload(starts, {plan.num_sequences + 1}, arena);
  plan.kv_lens = upload(kv_lens, {plan.num_sequences}, arena);
  plan.block_table = upload(table, {plan.num_sequences, static_cast<int64_t>(max_blocks)}, arena);
  Step step{.ops = ops_,
            .arena = arena,
            .attention = plan,
            .ids = upload(ids, {tokens}, arena),
            .wanted_rows = upload(rows, {tokens}, arena),
            .kv = kv_};
  const TensorRef logits = model_.logits(step, model_.forward(step));
  CHECK(ops_.synchronize().ok());
  std::vector<std::vector<float>> result(static_cast<std::size_t>(tokens));
  for (std::size_t r = 0; r < result.size(); ++r) {
    result[r].resize(static_cast<std::size_t>(logits.cols()));
    ops_.download(result[r].data(), logits.row<float>(static_cast<int64_t>(r)),
                  result[r].size() * sizeof(float));
  }
  return result;
}

std::vector<std::vector<float>> Runner::prefill(Sequence& sequence, int64_t chunk) {
  std::vector<std::vector<float>> logits;
  while (sequence.cached < sequence.prompt_len) {
    const int64_t left = sequence.prompt_len - sequence.cached;
    const Chunk part{&sequence, chunk == 0 ? left : std::min(chunk, left)};
    for (auto& row : step({&part, 1})) logits.push_back(std::move(row));
  }
  return logits;
}

std::vector<std::vector<int32_t>> Runner::generate(std::span<Sequence* const> sequences,
                                                   int64_t count) {
  std::vector<std::vector<int32_t>> generated(sequences.size());
  for (int64_t n = 0; n < count; ++n) {
    std::vector<Chunk> chunks;
    for (Sequence* s : sequences) {
      chunks.push_back({s, static_cast<int64_t>(s->tokens.size()) - s->cached});
    }
    const auto logits = step(chunks);
    std::size_t row = 0;
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      row += static_cast<std::size_t>(chunks[i].count);
      generated[i].push_back(argmax(logits[row - 1]));
      sequences[i]->tokens.push_back(generated[i].back());
    }
  }
  return generated;
}

int32_t argmax(std::span<const float> logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

}  // namespace chitu::test
