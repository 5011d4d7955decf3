// The product of F32, F16 and BF16 weights (interleaved_format.h) and activations, written once
// over a reader; included by one source file an instruction set.
//
// A tile is some units by some tokens, all its sums in registers: every vector of weights serves
// all tokens of the tile, every activation all its units. Each sum runs through the columns in
// order, whatever the tile, so that a token's results do not depend on its neighbours.
//
// A reader R says
//   Vec                    the vector type; its sums have one lane a row
//   Value, kFormat         the weights
//   Input, input(call)     the activations
//   kSteps                 multiply-adds for an item; each takes item_columns / kSteps columns
//   load<kStep>(p)         weights of step kStep, from the part of an item at p
//   activation(p)          activations of a step, for all lanes
//   multiply_add(w, x, sum)
//   kTileSums              vectors of sums that the registers hold
//   TileUnits              units that a tile may have, falling; the last with all of kTileSums for
//   kTileTokens            tokens
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "backend/cpu/kernels/interleaved_format.h"
#include "backend/cpu/kernels/linear_kernel.h"

namespace chitu::cpu {

template <class R>
class InterleavedMultiply {
 public:
  static void run(const LinearCall& call, int64_t begin, int64_t end) {
    const int64_t stop = (end + kInterleavedRows - 1) / kInterleavedRows;
    some_units(call, begin / kInterleavedRows, stop, typename R::TileUnits());
  }

 private:
  using V = typename R::Vec;
  using Value = typename R::Value;
  using Input = typename R::Input;
  static constexpr int kParts = kInterleavedRows / V::kWidth;  // vectors for a unit
  static constexpr int kItemValues = kInterleavedRows * R::kFormat.item_columns;
  static constexpr int kStepColumns = R::kFormat.item_columns / R::kSteps;

  template <int kUnits>
  static constexpr int kMostTokens = R::kTileSums / (kUnits * kParts);

  template <int kUnits>
  static int64_t num_tiles(int64_t tokens) {
    return (tokens + kMostTokens<kUnits> - 1) / kMostTokens<kUnits>;
  }

  // Units [unit, stop), as many at once as need no more tiles than few at once would.
  template <int... kUnits>
  static void some_units(const LinearCall& call, int64_t unit, int64_t stop,
                         std::integer_sequence<int, kUnits...>) {
    const int64_t least = std::min({num_tiles<kUnits>(call.tokens)...});
    const auto advance = [&]<int kAtOnce>(std::integral_constant<int, kAtOnce>) {
      if (num_tiles<kAtOnce>(call.tokens) > least) return;
      for (; unit + kAtOnce <= stop; unit += kAtOnce) all_tokens<kAtOnce>(call, unit);
    };
    (advance(std::integral_constant<int, kUnits>()), ...);
    for (; unit < stop; ++unit) all_tokens<1>(call, unit);
  }

  // The last tile of tokens prefetches the units that follow, item by item: units of few columns
  // end before the processor has noticed how they are read. Not more than caches hold besides.
  static constexpr int64_t kMostPrefetched = int64_t{512} << 10;

  // In tiles of about the same size.
  template <int kUnits>
  static void all_tokens(const LinearCall& call, int64_t unit) {
    constexpr int kMost = std::min(R::kTileTokens, kMostTokens<kUnits>);
    using Counts = std::make_integer_sequence<int, kMost>;
    static constexpr auto kTiles = tiles<kUnits, false>(Counts());
    static constexpr auto kLastTiles = tiles<kUnits, true>(Counts());
    const bool prefetch = kUnits * R::kFormat.unit_bytes(call.cols) <= kMostPrefetched;
    const int64_t n = (call.tokens + kMost - 1) / kMost;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t first = call.tokens * i / n;
      const int64_t count = call.tokens * (i + 1) / n - first;
      const auto& table = prefetch && i + 1 == n ? kLastTiles : kTiles;
      table[static_cast<std::size_t>(count - 1)](call, unit, first);
    }
  }

  using Tile = void (*)(const LinearCall& call, int64_t unit, int64_t token);
  template <int kUnits, bool kPrefetch, int... kCounts>
  static constexpr std::array<Tile, sizeof...(kCounts)> tiles(
      std::integer_sequence<int, kCounts...>) {
    return {tile<kUnits, kPrefetch, kCounts + 1>...};
  }

  template <int kUnits, int kTokens>
  using Sums = typename V::F[kUnits * kParts][kTokens];

  template <int kUnits, bool kPrefetch, int kTokens>
  static void tile(const LinearCall& call, int64_t unit, int64_t token) {
    const int64_t unit_values =
        R::kFormat.unit_bytes(call.cols) / static_cast<int64_t>(sizeof(Value));
    const auto* w = reinterpret_cast<const Value*>(call.weights) + unit * unit_values;
    const PaddedRows<Input> input = R::input(call);
    const Input* x = input.row(token);
    Sums<kUnits, kTokens> sums;
#pragma GCC unroll 16
    for (auto& row : sums) {
#pragma GCC unroll 16
      for (auto& sum : row) sum = V::set1(0.0F);
    }
    const int64_t items = (call.cols + R::kFormat.item_columns - 1) / R::kFormat.item_columns;
    for (int64_t i = 0; i < items; ++i) {
      if constexpr (kPrefetch) {
#pragma GCC unroll 16
        for (int u = kUnits; u < 2 * kUnits; ++u) __builtin_prefetch(w + u * unit_values, 0, 2);
      }
      [&]<int... kSteps>(std::integer_sequence<int, kSteps...>) {
        (step<kSteps, kUnits, kTokens>(w, unit_values, x + kSteps * kStepColumns, input.stride,
                                       sums),
         ...);
      }
      (std::make_integer_sequence<int, R::kSteps>());
      w += kItemValues;
      x += R::kFormat.item_columns;
    }
    store<kUnits, kTokens>(call, unit * kInterleavedRows, token, sums);
  }

  template <int kStep, int kUnits, int kTokens>
  [[gnu::always_inline]] static void step(const Value* w, int64_t unit_values, const Input* x,
                                          int64_t x_stride, Sums<kUnits, kTokens>& sums) {
    typename R::Weights weights[kUnits * kParts];
#pragma GCC unroll 16
    for (int v = 0; v < kUnits * kParts; ++v) {
      weights[v] = R::template load<kStep>(w + v / kParts * unit_values +
                                           v % kParts * (kItemValues / kParts));
    }
#pragma GCC unroll 16
    for (int t = 0; t < kTokens; ++t) {
      const auto value = R::activation(x + t * x_stride);
#pragma GCC unroll 16
      for (int v = 0; v < kUnits * kParts; ++v)
        sums[v][t] = R::multiply_add(weights[v], value, sums[v][t]);
    }
  }

  template <int kUnits, int kTokens>
  [[gnu::always_inline]] static void store(const LinearCall& call, int64_t row, int64_t token,
                                           const Sums<kUnits, kTokens>& sums) {
#pragma GCC unroll 16
    for (int v = 0; v < kUnits * kParts; ++v) {
      const int64_t first = row + v * V::kWidth;
#pragma GCC unroll 16
      for (int t = 0; t < kTokens; ++t) {
        float* y = call.y + (token + t) * call.y_stride + first;
        if (first + V::kWidth <= call.rows) {
          V::store(y, call.bias == nullptr ? sums[v][t]
                                           : V::add(sums[v][t], V::load(call.bias + first)));
        } else if (const int left = static_cast<int>(call.rows - first); left > 0) {
          V::store_n(y,
                     call.bias == nullptr ? sums[v][t]
                                          : V::add(sums[v][t], V::load_n(call.bias + first, left)),
                     left);
        }
      }
    }
  }
};

}  // namespace chitu::cpu
