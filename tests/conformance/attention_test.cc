#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "harness.h"

namespace chitu::conformance {
namespace {

struct Sequence {
  int64_t cached;  // tokens stored by earlier steps
  int64_t added;   // tokens of this step
};

struct Form {
  std::vector<Sequence> sequences;
  int64_t heads = 1;
  int64_t kv_heads = 1;
  int64_t head_dim = 8;
  int64_t block_size = 16;
  DType cache = DType::kF32;
  int64_t window = 0;
  float softcap = 0.0F;
};

// A batch over a paged cache whose blocks are handed out in a random order, with some never used.
struct Batch {
  Ints positions, slots, q_starts = {0}, kv_lens, table;
  Ints all_slots;  // of cached and added tokens
  int64_t num_blocks = 0;
  int64_t max_blocks = 1;
  int64_t max_q = 0;
  int64_t max_kv = 0;

  Batch(const Form& form, std::mt19937& random) {
    for (const Sequence& s : form.sequences) {
      const int64_t blocks = (s.cached + s.added + form.block_size - 1) / form.block_size;
      max_blocks = std::max(max_blocks, blocks);
      num_blocks += blocks;
      max_q = std::max(max_q, s.added);
      max_kv = std::max(max_kv, s.cached + s.added);
    }
    num_blocks += 3;
    Ints free(static_cast<std::size_t>(num_blocks));
    std::iota(free.begin(), free.end(), 0);
    std::shuffle(free.begin(), free.end(), random);
    for (const Sequence& s : form.sequences) {
      Ints row;
      for (int64_t b = 0; b * form.block_size < s.cached + s.added; ++b) {
        row.push_back(free.back());
        free.pop_back();
      }
      for (int64_t p = 0; p < s.cached + s.added; ++p) {
        all_slots.push_back(
            static_cast<int32_t>(row[p / form.block_size] * form.block_size + p % form.block_size));
        if (p < s.cached) continue;
        positions.push_back(static_cast<int32_t>(p));
        slots.push_back(all_slots.back());
      }
      q_starts.push_back(q_starts.back() + static_cast<int32_t>(s.added));
      kv_lens.push_back(static_cast<int32_t>(s.cached + s.added));
      row.resize(static_cast<std::size_t>(max_blocks), -1);  // never to be read
      table.insert(table.end(), row.begin(), row.end());
    }
  }

  AttentionPlan plan(Side& side, int64_t block_size) const {
    const auto sequences = static_cast<int64_t>(kv_lens.size());
    return {.positions = side.ints(positions),
            .slots = side.ints(slots),
            .q_starts = side.ints(q_starts),
            .kv_lens = side.ints(kv_lens),
            .block_table = side.ints(table, {sequences, max_blocks}),
            .block_size = block_size,
            .num_tokens = static_cast<int64_t>(positions.size()),
            .num_sequences = sequences,
            .max_q_len = max_q,
            .max_kv_len = max_kv};
  }

  int64_t all_tokens() const { return static_cast<int64_t>(all_slots.size()); }

  // A cache that holds `k` and `v`, [all tokens, kv_heads * head_dim].
  KvLayer store(Side& side, const Form& form, const Floats& k, const Floats& v) const {
    const Shape cache{num_blocks, form.kv_heads, form.block_size, form.head_dim};
    const KvLayer kv{side.empty_cache(form.cache, cache), side.empty_cache(form.cache, cache)};
    const int64_t n = all_tokens();
    // Storing looks at slots only.
    const AttentionPlan plan{
        .positions = side.ints(all_slots),
        .slots = side.ints(all_slots),
        .q_starts = side.ints({0, static_cast<int32_t>(n)}),
        .kv_lens = side.ints({static_cast<int32_t>(n)}),
        .block_table = side.ints(table, {1, static_cast<int64_t>(table.size())}),
        .block_size = form.block_size,
        .num_tokens = n,
        .num_sequences = 1,
        .max_q_len = n};
    const Shape rows{n, form.kv_heads * form.head_dim};
    side.run(StoreKv{.k = side.f32(k, rows), .v = side.f32(v, rows), .kv = kv, .plan = &plan});
    return kv;
  }
};

std::string describe(const Form& f) {
  return (testing::Message() << f.sequences.size() << " sequences, first " << f.sequences[0].cached
                             << "+" << f.sequences[0].added << ", heads " << f.heads << "/"
                             << f.kv_heads << " of " << f.head_dim << ", blocks of " << f.block_size
                             << ", " << name(f.cache) << ", window " << f.window << ", softcap "
                             << f.softcap)
      .GetString();
}

class Attentions : public Conformance {
 protected:
  void check(Form f) {
    check_cache(f);
    // A cache in the type of the activations is what has the fastest kernels.
    const DType activations = device_->activation_dtype();
    if (f.cache != DType::kF32 || activations == DType::kF32) return;
    f.cache = activations;
    check_cache(f);
  }

  void check_cache(const Form& f) {
    SCOPED_TRACE(describe(f));
    const Batch batch(f, random_);
    const auto tokens = static_cast<int64_t>(batch.positions.size());
    const Floats k = normal(batch.all_tokens() * f.kv_heads * f.head_dim);
    const Floats v = normal(batch.all_tokens() * f.kv_heads * f.head_dim);
    const Floats q = normal(tokens * f.heads * f.head_dim, 2.0F);
    expect_same([&](Side& side) {
      const KvLayer kv = batch.store(side, f, k, v);
      const AttentionPlan plan = batch.plan(side, f.block_size);
      const TensorRef out = side.output({tokens, f.heads * f.head_dim}, 3);
      side.run(Attention{.q = side.activations(q, {tokens, f.heads * f.head_dim}, 24),
                         .kv = kv,
                         .plan = &plan,
                         .heads = f.heads,
                         .scale = 1.0F / std::sqrt(static_cast<float>(f.head_dim)),
                         .window = f.window,
                         .softcap = f.softcap,
                         .out = out});
      side.expect_padding_untouched(out);
      return side.read(out);
    });
  }

  // Some tokens of the first sequence.
  void expect_tokens_alone_as_together(const Form& f, const Ints& tokens) {
    const Batch batch(f, random_);
    const int64_t cols = f.heads * f.head_dim;
    const auto rows = static_cast<int64_t>(batch.positions.size());
    const Floats k = normal(batch.all_tokens() * f.kv_heads * f.head_dim);
    const Floats v = normal(batch.all_tokens() * f.kv_heads * f.head_dim);
    const Floats q = normal(rows * cols, 2.0F);
    Side side(*device_, DType::kF32);
    const KvLayer kv = batch.store(side, f, k, v);
    const auto run = [&](const AttentionPlan& plan, const Floats& queries) {
      const Shape shape{plan.num_tokens, cols};
      const TensorRef out = side.output(shape);
      side.run(Attention{.q = side.activations(queries, shape),
                         .kv = kv,
                         .plan = &plan,
                         .heads = f.heads,
                         .scale = 0.25F,
                         .window = f.window,
                         .softcap = f.softcap,
                         .out = out});
      return side.read(out);
    };
    const Floats together = run(batch.plan(side, f.block_size), q);
    const Ints table(batch.table.begin(), batch.table.begin() + batch.max_blocks);
    for (const int32_t token : tokens) {
      const auto position = static_cast<int32_t>(f.sequences[0].cached) + token;
      const AttentionPlan alone{.positions = side.ints({position}),
                                .slots = side.ints({0}),
                                .q_starts = side.ints({0, 1}),
                                .kv_lens = side.ints({position + 1}),
                                .block_table = side.ints(table, {1, batch.max_blocks}),
                                .block_size = f.block_size,
                                .num_tokens = 1,
                                .num_sequences = 1,
                                .max_q_len = 1,
                                .max_kv_len = position + 1};
      const auto row = [&](const Floats& values) {
        return Floats(values.begin() + token * cols, values.begin() + (token + 1) * cols);
      };
      EXPECT_EQ(run(alone, row(q)), row(together)) << "token " << token;
    }
  }
};

// What is not finite in a query, key or value, and whom it reaches.
class SpoiltAttentions : public Conformance {
 protected:
  enum class Operand { kQuery, kKey, kValue };

  void check(const Form& f, Operand operand, float bad) {
    SCOPED_TRACE(testing::Message()
                 << describe(f) << ", operand " << static_cast<int>(operand) << " is " << bad);
    const Batch batch(f, random_);
    const auto tokens = static_cast<int64_t>(batch.positions.size());
    const int64_t cols = f.heads * f.head_dim;
    const int64_t kv_cols = f.kv_heads * f.head_dim;
    Floats q = normal(tokens * cols);
    Floats k = normal(batch.all_tokens() * kv_cols);
    Floats v = normal(batch.all_tokens() * kv_cols);
    const Floats finite = attend(f, batch, q, k, v);
    if (operand == Operand::kQuery) q[kToken * cols + kHead * f.head_dim + kDim] = bad;
    Floats& cached = operand == Operand::kKey ? k : v;
    const int64_t kv_head = kHead / (f.heads / f.kv_heads);
    if (operand != Operand::kQuery) cached[kPosition * kv_cols + kv_head * f.head_dim + kDim] = bad;
    const Floats out = attend(f, batch, q, k, v);
    for (int64_t i = 0; i < tokens * f.heads; ++i) {
      const int64_t at = i * f.head_dim;
      if (reaches(f, batch, operand, i / f.heads, i % f.heads)) {
        ASSERT_FALSE(std::isfinite(out[at + kDim])) << "row " << i << ": " << out[at + kDim];
      } else {
        ASSERT_TRUE(std::equal(&out[at], &out[at] + f.head_dim, &finite[at])) << "row " << i;
      }
    }
  }

 private:
  static constexpr int64_t kToken = 7;
  static constexpr int64_t kHead = 4;
  static constexpr int64_t kDim = 5;
  static constexpr int64_t kPosition = 143;  // of the first sequence

  // Whether what is spoilt reaches that head of that token.
  static bool reaches(const Form& f, const Batch& batch, Operand operand, int64_t token,
                      int64_t head) {
    if (operand == Operand::kQuery) return token == kToken && head == kHead;
    const int64_t group = f.heads / f.kv_heads;
    const int64_t position = batch.positions[token];
    return token < f.sequences[0].added && head / group == kHead / group && position >= kPosition &&
           (f.window == 0 || position - f.window < kPosition);
  }

  Floats attend(const Form& f, const Batch& batch, const Floats& q, const Floats& k,
                const Floats& v) {
    Side side(*device_, DType::kF32);
    const KvLayer kv = batch.store(side, f, k, v);
    const AttentionPlan plan = batch.plan(side, f.block_size);
    const Shape shape{plan.num_tokens, f.heads * f.head_dim};
    const TensorRef out = side.output(shape);
    side.run(Attention{.q = side.activations(q, shape),
                       .kv = kv,
                       .plan = &plan,
                       .heads = f.heads,
                       .scale = 0.25F,
                       .window = f.window,
                       .softcap = f.softcap,
                       .out = out});
    return side.read(out);
  }
};

TEST_P(SpoiltAttentions, NotFiniteInNotFiniteOutForThoseWhoSeeIt) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const DType dtype : cache_formats()) {
    for (const auto& [window, softcap] : {std::pair{0, 0.0F}, {20, 0.0F}, {0, 5.0F}}) {
      for (const auto& sequences :
           {std::vector<Sequence>{{130, 160}, {40, 3}}, {{137, 9}}, {{400, 8}, {3, 1}}}) {
        const Form f{.sequences = sequences,
                     .heads = 6,
                     .kv_heads = 2,
                     .head_dim = 32,
                     .cache = dtype,
                     .window = window,
                     .softcap = softcap};
        check(f, Operand::kQuery, kNan);
        check(f, Operand::kKey, kNan);
        check(f, Operand::kValue, kNan);
        check(f, Operand::kValue, -kInf);
        // Softcap makes a large score of an infinite one.
        if (softcap == 0.0F) check(f, Operand::kQuery, kInf);
      }
    }
  }
  // All keys of a query are spoilt.
  check({.sequences = {{143, 8}}, .heads = 6, .kv_heads = 2, .head_dim = 32, .window = 1},
        Operand::kKey, kNan);
}

TEST_P(Attentions, DecodeOfOneSequence) {
  for (const int64_t cached : {0, 1, 15, 16, 17, 127, 128, 129, 700}) {
    check({.sequences = {{cached, 1}}, .heads = 9, .kv_heads = 3, .head_dim = 64});
  }
}

TEST_P(Attentions, HeadSizesAndGroups) {
  for (const int64_t head_dim : {1, 7, 8, 20, 32, 64, 80, 96, 128, 256}) {
    check({.sequences = {{30, 5}}, .heads = 4, .kv_heads = 2, .head_dim = head_dim});
  }
  for (const auto& [heads, kv_heads] :
       {std::pair{1, 1}, std::pair{8, 8}, std::pair{8, 1}, std::pair{40, 1}, std::pair{14, 2}}) {
    check({.sequences = {{9, 3}, {50, 1}}, .heads = heads, .kv_heads = kv_heads, .head_dim = 16});
  }
}

TEST_P(Attentions, Prefill) {
  for (const int64_t added : {2, 16, 17, 65, 200}) {
    check({.sequences = {{0, added}}, .heads = 3, .kv_heads = 1, .head_dim = 32});
    check({.sequences = {{90, added}}, .heads = 3, .kv_heads = 1, .head_dim = 32});
  }
}

TEST_P(Attentions, RaggedBatchesMixPrefillAndDecode) {
  for (int i = 0; i < 8; ++i) {
    Form f{.sequences = {}, .heads = 6, .kv_heads = 2, .head_dim = 24};
    for (int64_t s = between(1, 9); s > 0; --s) {
      f.sequences.push_back(
          {between(0, 1) * between(0, 300), between(0, 1) == 0 ? 1 : between(1, 60)});
    }
    check(f);
  }
}

TEST_P(Attentions, BlockSizes) {
  for (const int64_t block_size : {1, 2, 16, 100, 128, 512}) {
    check({.sequences = {{150, 1}, {0, 20}, {199, 30}},
           .heads = 4,
           .kv_heads = 2,
           .head_dim = 16,
           .block_size = block_size});
  }
}

TEST_P(Attentions, CacheDTypes) {
  for (const DType dtype : cache_formats()) {
    for (const int64_t head_dim : {64, 20, 3, 128, 160}) {
      if (head_dim % info(dtype).block_elements != 0) continue;
      for (const int64_t block_size : {32, 7, 200}) {
        check({.sequences = {{140, 1}, {0, 33}},
               .heads = 4,
               .kv_heads = 2,
               .head_dim = head_dim,
               .block_size = block_size,
               .cache = dtype});
      }
    }
  }
}

TEST_P(Attentions, SlidingWindow) {
  for (const int64_t window : {1, 2, 16, 100, 128, 129, 1000}) {
    check({.sequences = {{300, 1}, {0, 150}, {77, 40}},
           .heads = 2,
           .kv_heads = 1,
           .head_dim = 16,
           .window = window});
  }
}

TEST_P(Attentions, Softcap) {
  check({.sequences = {{300, 1}, {0, 40}},
         .heads = 4,
         .kv_heads = 2,
         .head_dim = 32,
         .softcap = 5.0F});
  check({.sequences = {{300, 1}, {0, 40}},
         .heads = 4,
         .kv_heads = 2,
         .head_dim = 32,
         .window = 50,
         .softcap = 2.0F});
}

TEST_P(Attentions, LongContext) {
  check({.sequences = {{10000, 1}}, .heads = 4, .kv_heads = 2, .head_dim = 16});
  check({.sequences = {{3000, 7}, {2500, 1}, {2500, 1}, {2500, 1}, {2500, 1}},
         .heads = 4,
         .kv_heads = 2,
         .head_dim = 16});
}

// More pieces of keys than a GPU works on at a time: each of its blocks gets larger ones.
TEST_P(Attentions, ManyQueriesOfLongContext) {
  Form f{.sequences = {}, .heads = 128, .kv_heads = 1, .head_dim = 8};
  for (int s = 0; s < 12; ++s) f.sequences.push_back({1500 - s, 1});
  check(f);
  f.cache = device_->activation_dtype();
  expect_tokens_alone_as_together(f, {0});
  f.sequences[1].added = 4;
  f.window = 1200;
  check(f);
}

// Scores far apart, and keys that dominate late, are where a running maximum goes wrong.
TEST_P(Attentions, LargeScores) {
  const Form f{.sequences = {{299, 1}}, .heads = 1, .kv_heads = 1, .head_dim = 4};
  const Batch batch(f, random_);
  for (const float sigma : {10.0F, 1000.0F}) {
    const Floats k = normal(batch.all_tokens() * 4, sigma);
    const Floats v = normal(batch.all_tokens() * 4);
    expect_same([&](Side& side) {
      const KvLayer kv = batch.store(side, f, k, v);
      const AttentionPlan plan = batch.plan(side, f.block_size);
      const TensorRef out = side.output({1, 4});
      side.run(Attention{.q = side.activations({3, -5, 2, 4}, {1, 4}),
                         .kv = kv,
                         .plan = &plan,
                         .heads = 1,
                         .out = out});
      return side.read(out);
    });
  }
}

// What a token comes to is the same, to the last bit, whatever else is computed in its step.
TEST_P(Attentions, ATokenDoesNotDependOnItsStep) {
  for (const DType dtype : cache_formats()) {
    for (const auto& [window, softcap] : {std::pair{0, 0.0F}, {150, 0.0F}, {0, 5.0F}}) {
      const Form form{.sequences = {{1100, 250}, {3, 40}},
                      .heads = 6,
                      .kv_heads = 2,
                      .head_dim = 32,
                      .block_size = 48,
                      .cache = dtype,
                      .window = window,
                      .softcap = softcap};
      SCOPED_TRACE(describe(form));
      expect_tokens_alone_as_together(form, {0, 1, 124, 249});
    }
  }
}

// With 4 kv heads, one token's tiles are enough for one thread, get spans of their keys each on
// three, and chunks on sixteen.
TEST_P(Attentions, ThreadsDoNotChangeTheResult) {
  for (const DType dtype : cache_formats()) {
    for (const auto& sequences : {std::vector<Sequence>{{4999, 1}},
                                  {{4999, 1}, {30, 1}},
                                  {{1500, 70}, {4999, 1}, {3, 9}}}) {
      const Form f{.sequences = sequences,
                   .heads = 8,
                   .kv_heads = 4,
                   .head_dim = 32,
                   .block_size = 48,
                   .cache = dtype};
      SCOPED_TRACE(describe(f));
      const Batch batch(f, random_);
      const int64_t cols = f.heads * f.head_dim;
      const auto tokens = static_cast<int64_t>(batch.positions.size());
      const Floats k = normal(batch.all_tokens() * f.kv_heads * f.head_dim);
      const Floats v = normal(batch.all_tokens() * f.kv_heads * f.head_dim);
      const Floats q = normal(tokens * cols, 2.0F);
      expect_same_on_any_threads([&](Side& side) {
        const KvLayer kv = batch.store(side, f, k, v);
        const AttentionPlan plan = batch.plan(side, f.block_size);
        const TensorRef out = side.output({tokens, cols});
        side.run(Attention{.q = side.activations(q, {tokens, cols}),
                           .kv = kv,
                           .plan = &plan,
                           .heads = f.heads,
                           .scale = 0.2F,
                           .out = out});
        return side.read(out);
      });
    }
  }
}

// What is stored of keys is seen in the other cases: their arrangement is the back end's.
TEST_P(Attentions, ValuesAreStoredExactly) {
  for (const DType dtype : cache_formats()) {
    for (const int64_t head_dim : {3, 16, 64}) {
      if (head_dim % info(dtype).block_elements != 0) continue;
      const Form f{.sequences = {{5, 1}, {0, 40}, {31, 2}},
                   .heads = 2,
                   .kv_heads = 2,
                   .head_dim = head_dim,
                   .cache = dtype};
      const Batch batch(f, random_);
      const int64_t tokens = batch.all_tokens();
      const Floats k = normal(tokens * 2 * head_dim);
      Floats v = normal(tokens * 2 * head_dim);
      std::fill_n(v.begin(), head_dim, 0.0F);
      for (int64_t i = 0; i < head_dim; ++i) v[head_dim + i] *= 1e-7F;  // scales below F16's normal
      expect_same(
          [&](Side& side) {
            const TensorRef stored = batch.store(side, f, k, v).v;
            const Floats rows = side.read(stored);
            Floats wanted;
            for (const int32_t slot : batch.all_slots) {
              for (int64_t head = 0; head < 2; ++head) {
                const int64_t row =
                    (slot / f.block_size * 2 + head) * f.block_size + slot % f.block_size;
                wanted.insert(wanted.end(), rows.begin() + row * head_dim,
                              rows.begin() + (row + 1) * head_dim);
              }
            }
            return wanted;
          },
          0.0);
    }
  }
}

TEST_P(Attentions, RopeStoreKv) {
  // Queries and keys are rounded on their way, and the scores are large: cos and sin are no
  // angle's.
  const double tolerance = 2 * GetParam().tolerance.activations;
  for (const bool norms : {false, true}) {
    for (const bool interleaved : {false, true}) {
      for (const auto& [head_dim, half] : {std::pair{64, 32}, std::pair{32, 8}, std::pair{10, 5}}) {
        const Form f{.sequences = {{5, 1}, {0, 40}, {31, 2}},
                     .heads = 6,
                     .kv_heads = 2,
                     .head_dim = head_dim};
        const Batch batch(f, random_);
        const auto tokens = static_cast<int64_t>(batch.positions.size());
        const Floats cached_k = normal(batch.all_tokens() * 2 * head_dim);
        const Floats cached_v = normal(batch.all_tokens() * 2 * head_dim);
        const Floats qkv = normal(tokens * 10 * head_dim);
        const Floats q_norm = normal(head_dim);
        const Floats k_norm = normal(head_dim);
        const Floats cos = normal(tokens * half);
        const Floats sin = normal(tokens * half);
        expect_same(
            [&](Side& side) {
              const AttentionPlan plan = batch.plan(side, f.block_size);
              const KvLayer kv = batch.store(side, f, cached_k, cached_v);
              const TensorRef x = side.activations(qkv, {tokens, 10 * head_dim});
              side.run(RopeStoreKv{.qkv = x,
                                   .heads = 6,
                                   .kv_heads = 2,
                                   .head_dim = head_dim,
                                   .q_norm = norms ? side.f32(q_norm, {head_dim}) : TensorRef(),
                                   .k_norm = norms ? side.f32(k_norm, {head_dim}) : TensorRef(),
                                   .cos = side.f32(cos, {tokens, half}),
                                   .sin = side.f32(sin, {tokens, half}),
                                   .interleaved = interleaved,
                                   .kv = kv,
                                   .plan = &plan});
              const TensorRef q = x.col_slice(0, 6 * head_dim);
              const TensorRef out = side.output({tokens, 6 * head_dim});
              side.run(Attention{
                  .q = q, .kv = kv, .plan = &plan, .heads = 6, .scale = 0.1F, .out = out});
              Floats all = side.read(q);
              const Floats attended = side.read(out);
              all.insert(all.end(), attended.begin(), attended.end());
              return all;
            },
            tolerance);
      }
    }
  }
}

CHITU_CONFORMANCE_BACKENDS(Attentions);
CHITU_CONFORMANCE_BACKENDS(SpoiltAttentions);

}  // namespace
}  // namespace chitu::conformance
