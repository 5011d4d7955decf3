// StoreKv and Attention over a paged cache (kv_layout.h).
//
// The unit of work is a tile: queries of one sequence that share a kv head. Row r of a tile is the
// query of token (first + r) / group with head kv_head * group + (first + r) % group, so that the
// heads of a group share each key and value read, and so do neighbouring tokens.
//
// A tile's keys are taken in chunks of kChunkKeys, those of a span of kSpanChunks chunks merged in
// their order, and then the spans in theirs; the bounds of both are multiples of their sizes. Where
// there are too few tiles to keep the threads busy, spans or chunks of a tile go to different
// threads and are merged in the same order afterwards: the result does not depend on the number of
// threads, nor on what else is in the batch.
#include <algorithm>
#include <atomic>

#include "backend/cpu/context.h"
#include "backend/cpu/kv_layout.h"
#include "base/round_up.h"

namespace chitu::cpu {
namespace {

constexpr int64_t kSpanChunks = 8;
constexpr int64_t kSpanKeys = kSpanChunks * kChunkKeys;
// Narrower tiles would convert and transpose too many keys for each query.
constexpr int64_t kFewestRows = 24;

struct Tile {
  int64_t sequence = 0;
  int64_t kv_head = 0;
  int64_t first = 0;  // row
  int rows = 0;
  int64_t first_key = 0;  // the keys that any row sees, from a multiple of kPanelKeys on
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

  // Makes tiles narrower until there are as many as wanted, or they are as narrow as they may be.
  // Returns how many there are.
  int64_t split(int64_t wanted) {
    while (count() < wanted && tile_rows_ > kFewestRows) tile_rows_ /= 2;
    return count();
  }
  // The number of the narrowest tiles and their rows, at most, from what is known before the plan's
  // memory may be read.
  int64_t most() const {
    const AttentionPlan& plan = *op_.plan;
    return plan.num_sequences * kv_heads_ * div_up(plan.max_q_len * group_, kFewestRows);
  }
  int64_t narrow_rows() const {
    return std::min<int64_t>(kFewestRows, op_.plan->max_q_len * group_);
  }

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
  int64_t count() const {
    int64_t n = 0;
    for (int64_t s = 0; s < op_.plan->num_sequences; ++s) n += kv_heads_ * row_tiles(s);
    return n;
  }
  int64_t rows(int64_t s) const { return (q_starts_[s + 1] - q_starts_[s]) * group_; }
  int64_t row_tiles(int64_t s) const { return div_up(rows(s), tile_rows_); }

  Tile tile(int64_t sequence, int64_t index) const {
    const int64_t per_head = row_tiles(sequence);
    Tile t{
        .sequence = sequence, .kv_head = index / per_head, .first = index % per_head * tile_rows_};
    t.rows = static_cast<int>(std::min<int64_t>(tile_rows_, rows(sequence) - t.first));
    // Positions ascend within a sequence.
    t.first_key = first_key(token(t, 0)) / kPanelKeys * kPanelKeys;
    t.end_key = end_key(token(t, t.rows - 1));
    return t;
  }

  const Attention& op_;
  int64_t kv_heads_;
  int64_t group_;
  const int32_t* q_starts_;
  const int32_t* positions_;
  int64_t tile_rows_ = kTileRows;
};

int64_t part_floats(int64_t rows, int64_t head_dim) { return round_up(rows * (head_dim + 2), 16); }

AttentionPart part_at(float* memory, int64_t rows, int64_t head_dim) {
  return {
      .sums = memory, .largest = memory + rows * head_dim, .total = memory + rows * (head_dim + 1)};
}

class Run {
 public:
  Run(Context& context, const Attention& op)
      : context_(context), op_(op), tiles_(op), head_dim_(op.kv.k.cols()) {}

  void run() {
    const int64_t enough = enough_tiles(context_);
    const int64_t count = tiles_.split(enough);
    const int64_t most_keys = op_.plan->max_kv_len;
    Workspace workspace(context_.workspace);
    thread_floats_ = thread_floats(head_dim_);
    thread_memory_ = workspace.take<float>(thread_floats_ * context_.pool.size());
    if (count >= enough || most_keys <= kChunkKeys) return run_tiles(count);
    unit_keys_ = count * div_up(most_keys, kSpanKeys) >= enough ? kSpanKeys : kChunkKeys;
    units_ = div_up(most_keys, unit_keys_);
    units_memory_ =
        workspace.take<float>(part_floats(tiles_.narrow_rows(), head_dim_) * count * units_);
    run_units(count);
  }

  // Tiles that keep all threads busy.
  static int64_t enough_tiles(const Context& context) { return 4 * context.pool.size(); }

  // A whole, a span and a chunk of it, panels of a chunk's keys, and the kernel's scratch.
  static int64_t thread_floats(int64_t head_dim) {
    return 3 * part_floats(kTileRows, head_dim) + kChunkKeys * head_dim +
           attention_scratch_floats(head_dim);
  }

  // The units of run_units(), at most.
  static int64_t most_units(int64_t most_tiles, int64_t most_keys, int64_t enough) {
    const int64_t tiles = std::min(most_tiles, enough);
    const int64_t spans = tiles * div_up(most_keys, kSpanKeys);
    const int64_t chunks = tiles * div_up(most_keys, kChunkKeys);
    return std::max(spans, std::min(chunks, enough * kSpanChunks));
  }

 private:
  // The parts in a thread's memory.
  struct Parts {
    AttentionPart whole;
    AttentionPart span;
    AttentionPart chunk;
    std::byte* panels;
    float* scratch;
  };
  Parts parts_of(int thread) const {
    float* memory = thread_memory_ + thread * thread_floats_;
    const int64_t size = part_floats(kTileRows, head_dim_);
    const auto part = [&](int64_t i) { return part_at(memory + i * size, kTileRows, head_dim_); };
    float* panels = memory + 3 * size;
    return {.whole = part(0),
            .span = part(1),
            .chunk = part(2),
            .panels = reinterpret_cast<std::byte*>(panels),
            .scratch = panels + kChunkKeys * head_dim_};
  }

  // Calls f(index, cursor, parts of the thread) for [0, n), each thread taking the next that is
  // left.
  template <class F>
  void share(int64_t n, F&& f) {
    std::atomic<int64_t> next{0};
    context_.pool.share(context_.pool.size(), [&](int64_t, int thread) {
      Tiles::Cursor cursor(tiles_);
      const Parts parts = parts_of(thread);
      for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < n;) f(i, cursor, parts);
    });
  }

  // Calls make(begin, end, part) for the pieces of the keys [first, end), whose bounds are
  // multiples of `unit`, and merges what it makes in their order, into `whole`. A piece after the
  // first is made in `piece`.
  template <class Make>
  void fold(const Tile& tile, int64_t first, int64_t end, int64_t unit, const AttentionPart& whole,
            const AttentionPart& piece, Make&& make) const {
    for (int64_t begin = first, next = 0; begin < end; begin = next) {
      next = std::min(end, (begin / unit + 1) * unit);
      make(begin, next, begin == first ? whole : piece);
      if (begin != first) context_.attention.merge(piece, whole, tile.rows, head_dim_);
    }
  }

  // The keys [begin, end) of one span.
  void attend_span(const Tile& tile, int64_t begin, int64_t end, const AttentionPart& span,
                   const Parts& parts) const {
    fold(tile, begin, end, kChunkKeys, span, parts.chunk,
         [&](int64_t from, int64_t to, const AttentionPart& part) {
           attend(tile, from, to, part, parts);
         });
  }

  void run_tiles(int64_t count) {
    share(count, [&](int64_t index, Tiles::Cursor& cursor, const Parts& parts) {
      const Tile tile = cursor.at(index);
      fold(tile, tile.first_key, tile.end_key, kSpanKeys, parts.whole, parts.span,
           [&](int64_t begin, int64_t end, const AttentionPart& part) {
             attend_span(tile, begin, end, part, parts);
           });
      finish(tile, parts.whole);
    });
  }

  // Units of keys, a chunk or a span each, go to different threads.
  void run_units(int64_t count) {
    share(count * units_, [&](int64_t index, Tiles::Cursor& cursor, const Parts& parts) {
      const Tile tile = cursor.at(index / units_);
      const int64_t unit = index % units_;
      const int64_t begin = std::max(tile.first_key, unit * unit_keys_);
      const int64_t end = std::min(tile.end_key, (unit + 1) * unit_keys_);
      if (begin < end) attend_span(tile, begin, end, unit_part(index), parts);
    });
    share(count, [&](int64_t index, Tiles::Cursor& cursor, const Parts&) {
      const Tile tile = cursor.at(index);
      finish(tile, merge_units(tile, index * units_));
    });
  }

  AttentionPart unit_part(int64_t index) const {
    const int64_t rows = tiles_.narrow_rows();
    return part_at(units_memory_ + index * part_floats(rows, head_dim_), rows, head_dim_);
  }

  // Units are merged into the first of their span, and spans into the first of all.
  AttentionPart merge_units(const Tile& tile, int64_t first_unit) const {
    AttentionPart whole;
    AttentionPart span;
    const auto add = [&](const AttentionPart& part, AttentionPart& into) {
      if (into.sums == nullptr) {
        into = part;
      } else {
        context_.attention.merge(part, into, tile.rows, head_dim_);
      }
    };
    for (int64_t unit = tile.first_key / unit_keys_; unit * unit_keys_ < tile.end_key; ++unit) {
      add(unit_part(first_unit + unit), span);
      if (const int64_t end = (unit + 1) * unit_keys_;
          end % kSpanKeys == 0 || end >= tile.end_key) {
        add(span, whole);
        span = {};
      }
    }
    return whole;
  }

  void attend(const Tile& tile, int64_t begin, int64_t end, const AttentionPart& part,
              const Parts& parts) const {
    AttentionChunk chunk;
    chunk.head_dim = head_dim_;
    chunk.scale = op_.scale;
    chunk.softcap = op_.softcap;
    chunk.dtype = op_.kv.k.dtype;
    chunk.part = part;
    chunk.scratch = parts.scratch;
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
    find_rows(tile, begin, end, chunk, parts.panels);
    find_next_panels(tile, end, chunk);
    context_.attention.attend(chunk);
  }

  // Where the keys and values [begin, end) lie. Panels that the cache does not have are made in
  // `memory`.
  void find_rows(const Tile& tile, int64_t begin, int64_t end, AttentionChunk& chunk,
                 std::byte* memory) const {
    const auto* blocks = op_.plan->block_table.row<const int32_t>(tile.sequence);
    const int64_t block_size = op_.plan->block_size;
    const int64_t row_bytes = bytes_for(chunk.dtype, head_dim_);
    for (int64_t key = begin; key < end;) {
      const int64_t block = key / block_size;
      const int64_t run = std::min(end, (block + 1) * block_size) - key;
      const std::byte* v =
          value_row(op_.kv.v, blocks[block], tile.kv_head, key - block * block_size);
      for (int64_t i = 0; i < run; ++i) chunk.v[key - begin + i] = v + i * row_bytes;
      key += run;
    }
    const auto lane = [&](int64_t key) {
      return key_lane(op_.kv.k, blocks[key / block_size], tile.kv_head, key % block_size);
    };
    for (int64_t first = begin; first < end; first += kPanelKeys) {
      const std::byte*& panel = chunk.k[(first - begin) / kPanelKeys];
      if (const KeyLane found = lane(first); found.lane == 0 && found.keys == kPanelKeys) {
        panel = found.panel;
        continue;
      }
      // No panel of the cache, as blocks that are no multiple of a panel have them.
      panel = memory;
      for (int64_t key = first; key < std::min(end, first + kPanelKeys); ++key) {
        copy_key(chunk.dtype, head_dim_, lane(key),
                 {.panel = memory, .lane = static_cast<int>(key - first)});
      }
      memory += bytes_for(chunk.dtype, head_dim_ * kPanelKeys);
    }
  }

  // The cache's panels of the chunk after this one.
  void find_next_panels(const Tile& tile, int64_t begin, AttentionChunk& chunk) const {
    const auto* blocks = op_.plan->block_table.row<const int32_t>(tile.sequence);
    const int64_t block_size = op_.plan->block_size;
    const int64_t end = std::min(tile.end_key, begin + kChunkKeys);
    chunk.next_panels = 0;
    for (int64_t key = begin; key + kPanelKeys <= end; key += kPanelKeys) {
      const KeyLane lane =
          key_lane(op_.kv.k, blocks[key / block_size], tile.kv_head, key % block_size);
      chunk.next_k[chunk.next_panels++] = lane.panel;
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
  int64_t thread_floats_ = 0;
  float* thread_memory_ = nullptr;
  int64_t unit_keys_ = 0;
  int64_t units_ = 0;  // of a tile
  float* units_memory_ = nullptr;
};

}  // namespace

void run(Context& context, const StoreKv& op) {
  for_each_row(context, op.k.rows(), op.k.cols(), [&](int64_t t) {
    store_token(context.rows, op.k.row<const float>(t), op.v.row<const float>(t), op.kv, *op.plan,
                t);
  });
}

void run(Context& context, const Attention& op) { Run(context, op).run(); }

int64_t workspace_bytes(const Context& context, const Attention& op) {
  const Tiles tiles(op);
  const int64_t d = op.kv.k.cols();
  const int64_t units =
      Run::most_units(tiles.most(), op.plan->max_kv_len, Run::enough_tiles(context));
  return Workspace::bytes<float>(Run::thread_floats(d) * context.pool.size()) +
         Workspace::bytes<float>(part_floats(tiles.narrow_rows(), d) * units);
}

}  // namespace chitu::cpu
