// What one layer caches per token, and how many such layers there are. The executor turns this into
// memory; models only describe it.
#pragma once

#include <cstdint>

namespace chitu {

struct KvSpec {
  int64_t num_layers = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;  // of keys and of values

  // Values (not bytes) of keys and values together that one token adds.
  int64_t values_per_token() const { return 2 * num_layers * kv_heads * head_dim; }
};

}  // namespace chitu
