// StoreKv and Attention over a paged cache.
//
// The unit of work is a tile: up to kQueryRows queries of one sequence that share a kv head. Row r
// of a tile is the query of token (first + r) / group with head kv_head * group + (first + r) %
// group, so that the heads of a group share each key and value read, and so do neighbouring tokens.
//
// A tile walks its keys in chunks of kChunkKeys, whose bounds are multiples of it, and merges them
// in order. Where there are too few tiles to keep the threads busy, the chunks of a tile go to
// different threads and are merged in the same order afterwards: the result does not depend on the
// number of threads, nor on what else is in the batch.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <limits>

#include "backend/cpu/context.h"

namespace chitu::cpu {
namespace {

int64_t div_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

const std::byte* cache_row(const TensorRef& cache, int64_t row) {
  return static_cast<const std::byte*>(cache.data) + bytes_for(cache.dtype, row * cache.cols());
}

// Rows of a layer's cache [blocks, kv_heads, block_size, head_dim].
int64_t cache_row_index(const TensorRef& cache, int64_t block, int64_t head, int64_t offset) {
  return (block * cache.shape[1] + head) * cache.shape[2] + offset;
}

void store_row(const Context& context, const float* values, const TensorRef& cache, int64_t row) {
  const int64_t d = cache.cols();
  switch (cache.dtype) {
    case DType::kF16:
      return context.rows.to_half(values, cache.row<uint16_t>(row), d);
    case DType::kBF16:
      return context.rows.to_bf16(values, cache.row<uint16_t>(row), d);
    default:
      std::memcpy(cache.row<float>(row), values, static_cast<std::size_t>(d) * sizeof(float));
  }
}

struct Tile {
  int64_t sequence = 0;
  int64_t kv_head = 0;
  int64_t first = 0;  // row
  int rows = 0;
  int64_t first_key = 0;  // the keys that any row sees
  int64_t end_key = 0;
};

// One attention operation's tiles, in the order sequence, kv head, row.
class Tiles {
 public:
  explicit Tiles(const Attention& op)
      : op_(op),
        kv_heads_(op.kv.k.shape[1]),
        group_(op.heads / kv_heads_),
        q_starts_(op.plan->q_starts.row<const int32_t>(0)),
        positions_(op.plan->positions.row<const int32_t>(0)) {}

  int64_t count() const {
    int64_t n = 0;
    for (int64_t s = 0; s < op_.plan->num_sequences; ++s) n += kv_heads_ * row_tiles(s);
    return n;
  }
  // At most so many, from what is known before the plan's memory may be read.
  int64_t most() const {
    const AttentionPlan& plan = *op_.plan;
    return plan.num_sequences * kv_heads_ * div_up(plan.max_q_len * group_, kQueryRows);
  }
  int64_t max_rows() const { return std::min<int64_t>(kQueryRows, op_.plan->max_q_len * group_); }

  // Tiles must be asked for in ascending order.
  class Cursor {
   public:
    explicit Cursor(const Tiles& tiles) : tiles_(tiles) {}
    Tile at(int64_t index) {
      int64_t n = 0;
      while (index >= before_ + (n = tiles_.kv_heads_ * tiles_.row_tiles(sequence_))) {
        before_ += n;
        ++sequence_;
      }
      return tiles_.tile(sequence_, index - before_);
    }

   private:
    const Tiles& tiles_;
    int64_t sequence_ = 0;
    int64_t before_ = 0;  // tiles of earlier sequences
  };

  int64_t token(const Tile& tile, int r) const {
    return q_starts_[tile.sequence] + (tile.first + r) / group_;
  }
  int64_t head(const Tile& tile, int r) const {
    return tile.kv_head * group_ + (tile.first + r) % group_;
  }
  int64_t first_key(int64_t token) const {
    return op_.window > 0 ? std::max<int64_t>(0, positions_[token] - op_.window + 1) : 0;
  }
  int64_t end_key(int64_t token) const { return positions_[token] + 1; }

 private:
  int64_t rows(int64_t s) const { return (q_starts_[s + 1] - q_starts_[s]) * group_; }
  int64_t row_tiles(int64_t s) const { return div_up(rows(s), kQueryRows); }

  Tile tile(int64_t sequence, int64_t index) const {
    const int64_t per_head = row_tiles(sequence);
    Tile t{
        .sequence = sequence, .kv_head = index / per_head, .first = index % per_head * kQueryRows};
    t.rows = static_cast<int>(std::min<int64_t>(kQueryRows, rows(sequence) - t.first));
    t.first_key = first_key(token(t, 0));  // positions ascend within a sequence
    t.end_key = end_key(token(t, t.rows - 1));
    return t;
  }

  const Attention& op_;
  int64_t kv_heads_;
  int64_t group_;
  const int32_t* q_starts_;
  const int32_t* positions_;
};

int64_t part_floats(int64_t rows, int64_t head_dim) {
  return div_up(rows * (head_dim + 2), 16) * 16;
}

AttentionPart part_at(float* memory, int64_t rows, int64_t head_dim) {
  return {
      .sums = memory, .largest = memory + rows * head_dim, .total = memory + rows * (head_dim + 1)};
}

class Run {
 public:
  Run(Context& context, const Attention& op)
      : context_(context),
        op_(op),
        tiles_(op),
        head_dim_(op.kv.k.cols()),
        max_rows_(tiles_.max_rows()) {}

  void run() {
    const int64_t count = tiles_.count();
    const int64_t chunks = div_up(op_.plan->max_kv_len, kChunkKeys);
    Workspace workspace(context_.workspace);
    thread_floats_ = thread_floats(head_dim_);
    thread_memory_ = workspace.take<float>(thread_floats_ * context_.pool.size());
    if (chunks == 1 || count >= enough_tiles(context_)) return run_tiles(count);
    parts_ = workspace.take<float>(part_floats(max_rows_, head_dim_) * count * chunks);
    run_chunks(count, chunks);
  }

  static int64_t enough_tiles(const Context& context) { return 4 * context.pool.size(); }

  // A part being made, the part it is merged into, and the kernel's scratch.
  static int64_t thread_floats(int64_t head_dim) {
    return 2 * part_floats(kQueryRows, head_dim) +
           div_up(attention_scratch_floats(head_dim), 16) * 16;
  }

 private:
  // Calls f(index, memory of the thread) for [0, n), each thread taking the next that is left.
  template <class F>
  void share(int64_t n, F&& f) {
    std::atomic<int64_t> next{0};
    context_.pool.share(context_.pool.size(), [&](int64_t, int thread) {
      Tiles::Cursor cursor(tiles_);
      float* memory = thread_memory_ + thread * thread_floats_;
      for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < n;) f(i, cursor, memory);
    });
  }

  void run_tiles(int64_t count) {
    share(count, [&](int64_t index, Tiles::Cursor& cursor, float* memory) {
      const Tile tile = cursor.at(index);
      const AttentionPart part = part_at(memory, kQueryRows, head_dim_);
      memory += part_floats(kQueryRows, head_dim_);
      const AttentionPart whole = part_at(memory, kQueryRows, head_dim_);
      memory += part_floats(kQueryRows, head_dim_);
      clear(whole, tile.rows);
      for (int64_t c = tile.first_key / kChunkKeys; c * kChunkKeys < tile.end_key; ++c) {
        attend(tile, c, part, memory);
        context_.attention.merge(part, whole, tile.rows, head_dim_);
      }
      finish(tile, whole);
    });
  }

  void run_chunks(int64_t count, int64_t chunks) {
    share(count * chunks, [&](int64_t index, Tiles::Cursor& cursor, float* memory) {
      const Tile tile = cursor.at(index / chunks);
      const int64_t c = index % chunks;
      if ((c + 1) * kChunkKeys <= tile.first_key || c * kChunkKeys >= tile.end_key) return;
      attend(tile, c, chunk_part(index), memory + 2 * part_floats(kQueryRows, head_dim_));
    });
    share(count, [&](int64_t index, Tiles::Cursor& cursor, float* memory) {
      const Tile tile = cursor.at(index);
      const AttentionPart whole = part_at(memory, kQueryRows, head_dim_);
      clear(whole, tile.rows);
      for (int64_t c = tile.first_key / kChunkKeys; c * kChunkKeys < tile.end_key; ++c) {
        context_.attention.merge(chunk_part(index * chunks + c), whole, tile.rows, head_dim_);
      }
      finish(tile, whole);
    });
  }

  AttentionPart chunk_part(int64_t index) const {
    return part_at(parts_ + index * part_floats(max_rows_, head_dim_), max_rows_, head_dim_);
  }

  void clear(const AttentionPart& part, int rows) const {
    std::fill_n(part.sums, rows * head_dim_, 0.0F);
    std::fill_n(part.largest, rows, -std::numeric_limits<float>::infinity());
    std::fill_n(part.total, rows, 0.0F);
  }

  void attend(const Tile& tile, int64_t chunk_index, const AttentionPart& part,
              float* scratch) const {
    const int64_t begin = std::max(tile.first_key, chunk_index * kChunkKeys);
    const int64_t end = std::min(tile.end_key, (chunk_index + 1) * kChunkKeys);
    AttentionChunk chunk;
    chunk.head_dim = head_dim_;
    chunk.scale = op_.scale;
    chunk.softcap = op_.softcap;
    chunk.dtype = op_.kv.k.dtype;
    chunk.part = part;
    chunk.scratch = scratch;
    chunk.rows = tile.rows;
    chunk.keys = static_cast<int>(end - begin);
    for (int r = 0; r < tile.rows; ++r) {
      const int64_t token = tiles_.token(tile, r);
      chunk.q[r] = op_.q.row<const float>(token) + tiles_.head(tile, r) * head_dim_;
      chunk.first[r] =
          static_cast<int>(std::clamp<int64_t>(tiles_.first_key(token) - begin, 0, chunk.keys));
      chunk.end[r] = static_cast<int>(
          std::clamp<int64_t>(tiles_.end_key(token) - begin, chunk.first[r], chunk.keys));
    }
    find_rows(tile, begin, end, chunk);
    context_.attention.attend(chunk);
  }

  // Where the keys and values [begin, end) lie.
  void find_rows(const Tile& tile, int64_t begin, int64_t end, AttentionChunk& chunk) const {
    const auto* blocks = op_.plan->block_table.row<const int32_t>(tile.sequence);
    const int64_t block_size = op_.plan->block_size;
    const int64_t row_bytes = bytes_for(chunk.dtype, head_dim_);
    for (int64_t key = begin; key < end;) {
      const int64_t offset = key % block_size;
      const int64_t run = std::min(block_size - offset, end - key);
      const int64_t row = cache_row_index(op_.kv.k, blocks[key / block_size], tile.kv_head, offset);
      const std::byte* k = cache_row(op_.kv.k, row);
      const std::byte* v = cache_row(op_.kv.v, row);
      for (int64_t i = 0; i < run; ++i) {
        chunk.k[key - begin + i] = k + i * row_bytes;
        chunk.v[key - begin + i] = v + i * row_bytes;
      }
      key += run;
    }
  }

  void finish(const Tile& tile, const AttentionPart& whole) const {
    for (int r = 0; r < tile.rows; ++r) {
      float* out = op_.out.row<float>(tiles_.token(tile, r)) + tiles_.head(tile, r) * head_dim_;
      std::copy_n(whole.sums + r * head_dim_, head_dim_, out);
      context_.rows.scale(out, 1.0F / whole.total[r], head_dim_);
    }
  }

  Context& context_;
  const Attention& op_;
  Tiles tiles_;
  int64_t head_dim_;
  int64_t max_rows_;  // of any tile
  int64_t thread_floats_ = 0;
  float* thread_memory_ = nullptr;
  float* parts_ = nullptr;
};

}  // namespace

void run(Context& context, const StoreKv& op) {
  const auto* slots = op.plan->slots.row<const int32_t>(0);
  const int64_t kv_heads = op.kv.k.shape[1];
  const int64_t d = op.kv.k.cols();
  for_each_row(context, op.k.rows(), op.k.cols(), [&](int64_t t) {
    const int64_t block = slots[t] / op.plan->block_size;
    const int64_t offset = slots[t] % op.plan->block_size;
    for (int64_t head = 0; head < kv_heads; ++head) {
      const int64_t row = cache_row_index(op.kv.k, block, head, offset);
      store_row(context, op.k.row<const float>(t) + head * d, op.kv.k, row);
      store_row(context, op.v.row<const float>(t) + head * d, op.kv.v, row);
    }
  });
}

void run(Context& context, const Attention& op) { Run(context, op).run(); }

int64_t workspace_bytes(const Context& context, const Attention& op) {
  const Tiles tiles(op);
  const int64_t d = op.kv.k.cols();
  const int64_t split = std::min(tiles.most(), Run::enough_tiles(context));
  const int64_t chunks = div_up(op.plan->max_kv_len, kChunkKeys);
  return Workspace::bytes<float>(Run::thread_floats(d) * context.pool.size()) +
         Workspace::bytes<float>(part_floats(tiles.max_rows(), d) * split * chunks);
}

}  // namespace chitu::cpu
