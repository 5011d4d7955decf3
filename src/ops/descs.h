// The vocabulary: what a model can ask of a back end. Each operation is a plain struct of views and
// numbers, so that a step can be checked, recorded and replayed.
//
// Conventions
//   tokens    the rows of a step: the new tokens of every sequence, one sequence after the other
//   ids, positions, slots, starts, lengths: I32
//   activations are Ops::activation_dtype(); norm weights, biases, cos, sin and logits are F32
//   an optional TensorRef is empty()
//   y may be the same memory as x only where a comment says so
#pragma once

#include <cstdint>
#include <span>
#include <variant>

#include "ops/weight.h"
#include "tensor/tensor_ref.h"

namespace chitu {

// Where the tokens of one step stand, and where their keys and values lie. Device memory, filled in
// by the executor; the plain numbers are known to the host.
//
// The cache of a layer is a pool of blocks of `block_size` tokens. Sequence s owns the blocks
// block_table[s, 0 .. ceil(kv_lens[s] / block_size)). A contiguous cache is one block a sequence.
struct AttentionPlan {
  TensorRef positions;    // [tokens]           position of each token in its sequence
  TensorRef rope_lens;    // [tokens]           max(length of the sequence's prompt, position + 1)
  TensorRef slots;        // [tokens]           block * block_size + offset, where its K and V go
  TensorRef q_starts;     // [sequences + 1]    first token of each sequence in this step
  TensorRef kv_lens;      // [sequences]        tokens in the cache, those of this step included
  TensorRef block_table;  // [sequences, max_blocks]
  int64_t block_size = 0;
  int64_t num_tokens = 0;
  int64_t num_sequences = 0;
  int64_t max_q_len = 0;   // most new tokens of any sequence
  int64_t max_kv_len = 0;  // largest kv_lens
};

// One layer's cache. k, v: [num_blocks, kv_heads, block_size, head_dim], contiguous, in F32, F16,
// BF16, or Q8_0 for a head_dim that is a multiple of 32. How a back end arranges the values of a
// block within its bytes is its own affair: only StoreKv writes them, and only Attention reads
// them.
struct KvLayer {
  TensorRef k;
  TensorRef v;
};

// Primitives: every back end implements these.

// y[t] = table[ids[t]] * scale
struct Embed {
  TensorRef ids;                  // [tokens]
  const Weight* table = nullptr;  // [vocab, dim]
  float scale = 1.0F;
  TensorRef y;  // [tokens, dim]
};

// y = x W^T + bias
struct Linear {
  TensorRef x;                     // [tokens, in]
  const Weight* weight = nullptr;  // [out, in]
  TensorRef bias;                  // [out], optional
  TensorRef y;                     // [tokens, out]; may be F32 whatever the activations are
};

// y = x / sqrt(mean(x^2) + eps) * weight, over the last dimension. y may be x.
struct RmsNorm {
  TensorRef x;       // [..., dim]
  TensorRef weight;  // [dim]
  float eps = 1e-6F;
  TensorRef y;
};

// y = a + b. y may be a or b.
struct Add {
  TensorRef a;
  TensorRef b;
  TensorRef y;
};

enum class Activation : uint8_t { kSilu, kGelu, kGeluTanh };

// y = act(gate) * up, with gate the first half of each row and up the second.
struct GatedActivation {
  TensorRef gate_up;  // [tokens, 2 * dim]
  Activation activation = Activation::kSilu;
  TensorRef y;  // [tokens, dim]
};

// Frequencies that depend on the sequence's length (dynamic NTK scaling). A token t with
// lens[t] > original_len does not read inv_freq but, all in float, with d = rotary_dim,
//   base = theta * (factor * lens[t] / original_len - (factor - 1)) ^ (d / (d - 2))
//   inv_freq[i] = 1 / base ^ (2i / d)
// as transformers' _compute_dynamic_ntk_parameters. A token's length is a property of its sequence
// and position alone, so neither the batch nor the split of a prompt into steps changes a result.
struct DynamicNtk {
  TensorRef lens;  // [tokens], AttentionPlan::rope_lens; empty: no such scaling
  float theta = 10000.0F;
  float factor = 1.0F;
  int64_t original_len = 0;
};

// The angles of one step, shared by its layers:
//   cos[t, i] = scale * cos(positions[t] * inv_freq[i])
// in float as transformers' rotary embeddings compute them. `scale` is YaRN's
// attention factor.
struct RopeAngles {
  TensorRef positions;  // [tokens]
  TensorRef inv_freq;   // [rotary_dim / 2]
  float scale = 1.0F;
  DynamicNtk ntk;
  TensorRef cos;  // [tokens, rotary_dim / 2]
  TensorRef sin;  // [tokens, rotary_dim / 2]
};

// Rotates the first rotary_dim values of each head in place. Pair i is
// (x[i], x[i + rotary_dim / 2]), or (x[2i], x[2i + 1]) when interleaved.
struct Rope {
  TensorRef x;  // [tokens, heads * head_dim], a view of the columns of qkv as a rule
  int64_t head_dim = 0;
  TensorRef cos;
  TensorRef sin;
  bool interleaved = false;
};

// Writes this step's keys and values to their slots, converting to the cache's dtype.
struct StoreKv {
  TensorRef k;  // [tokens, kv_heads * head_dim]
  TensorRef v;  // [tokens, kv_heads * head_dim]
  KvLayer kv;
  const AttentionPlan* plan = nullptr;
};

// Causal attention of this step's queries over the cache (this step's keys are already stored):
// out = softmax(cap(scale * q k^T)) v, with query head h reading kv head h / (heads / kv_heads).
struct Attention {
  TensorRef q;  // [tokens, heads * head_dim]
  KvLayer kv;
  const AttentionPlan* plan = nullptr;
  int64_t heads = 0;
  float scale = 1.0F;
  int64_t window = 0;    // a token sees itself and the window - 1 tokens before it; 0: all
  float softcap = 0.0F;  // cap(s) = softcap * tanh(s / softcap); 0: none
  TensorRef out;         // [tokens, heads * head_dim]
};

// y[i] = x[rows[i]]: the rows whose logits are wanted.
struct GatherRows {
  TensorRef x;     // [tokens, dim]
  TensorRef rows;  // [n]
  TensorRef y;     // [n, dim]
};

// x = cap * tanh(x / cap), in place.
struct Softcap {
  TensorRef x;
  float cap = 0.0F;
};

// x = x * factor, in place.
struct Scale {
  TensorRef x;
  float factor = 1.0F;
};

// How one row's token is drawn. The filters apply in the order top_k, top_p, min_p, to the
// distribution softmax(logits / temperature), as transformers' and vLLM's do.
struct SamplingParams {
  float temperature = 0.0F;  // 0: the largest logit, the lowest id among equals
  int32_t top_k = 0;         // 0: off
  float top_p = 1.0F;
  float min_p = 0.0F;
  uint64_t seed = 0;
  uint64_t draw = 0;  // index of this draw in its request: (seed, draw) fixes the random number
  int32_t top_logprobs = -1;  // at most kMaxTopLogprobs; -1: no log-probabilities, see Sample
};

// What is done to one token's logit before anything else:
//   logit = (logit > 0 ? logit / repetition : logit * repetition) + bias
// in double, rounded to float at the end. A bias of minus infinity bans the token.
struct LogitAdjustment {
  int32_t token = 0;        // in [0, vocab)
  float repetition = 1.0F;  // > 0
  float bias = 0.0F;
};

inline constexpr int32_t kMaxTopLogprobs = 20;

// ids[r] is drawn from logits[r], adjusted by adjustments[starts[r] .. starts[r + 1]) one after the
// other. With u = uniform(seed, draw) of philox.h, the token is the first, by id, among those the
// filters keep, at which the sum of their probabilities so far exceeds u times the sum of them all.
// Equals are ranked by the lower id; top_k keeps exactly top_k; top_p keeps the fewest of the most
// probable whose share is at least top_p; min_p keeps what has at least min_p of the largest
// probability; one token always stays. NaN counts as minus infinity. Logits of plus infinity share
// everything among them; where all are minus infinity, as when all tokens are banned, all are
// equal.
//
// A row with top_logprobs = n >= 0 also tells log_softmax(logits[r]), of the logits as they came:
// of ids[r] in column 0, of the n likeliest tokens, the likeliest first, in columns 1 .. n. Where
// the vocabulary has fewer, their id is -1. Nothing else is written there.
struct Sample {
  TensorRef logits;                              // [rows, vocab], F32; its contents are lost
  std::span<const SamplingParams> params;        // [rows], host memory
  std::span<const int32_t> adjustment_starts;    // [rows + 1], host memory; empty: no adjustments
  std::span<const LogitAdjustment> adjustments;  // host memory
  TensorRef ids;                                 // [rows]
  TensorRef logprob_ids;                         // [rows, 1 + kMaxTopLogprobs], I32, optional
  TensorRef logprobs;  // the same, F32; given with logprob_ids where a row wants them
};

// Fused: a back end may leave these to ops/fallback.h.

// residual += sum of x over the ranks; y = rms_norm(residual) * weight. x's contents are lost.
// One rank: the sum is x itself.
struct AllReduceAddNorm {
  TensorRef x;         // [tokens, dim]
  TensorRef residual;  // [tokens, dim], F32 or activations; updated
  TensorRef weight;    // [dim]
  float eps = 1e-6F;
  TensorRef y;  // [tokens, dim]
};

// Norms the q and k heads where weights are given (Qwen3), rotates them, stores k and v.
// qkv is [tokens, (heads + 2 * kv_heads) * head_dim]; its q part holds the result, its k and v
// parts are lost.
struct RopeStoreKv {
  TensorRef qkv;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  TensorRef q_norm;  // [head_dim], optional
  TensorRef k_norm;  // [head_dim], optional
  float norm_eps = 1e-6F;
  TensorRef cos;
  TensorRef sin;
  bool interleaved = false;
  KvLayer kv;
  const AttentionPlan* plan = nullptr;
};

using Op =
    std::variant<Embed, Linear, RmsNorm, Add, GatedActivation, RopeAngles, Rope, StoreKv, Attention,
                 GatherRows, Softcap, Scale, Sample, AllReduceAddNorm, RopeStoreKv>;

}  // namespace chitu
