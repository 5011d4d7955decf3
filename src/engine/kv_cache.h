// The memory of the KV cache: for every layer a pool of blocks of keys and one of values. Which
// block belongs to whom is the scheduler's business (cache/block_pool.h).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "cache/kv_spec.h"
#include "ops/descs.h"
#include "ops/ops.h"

namespace chitu {

struct KvCacheShape {
  KvSpec spec;
  DType dtype = DType::kF32;
  int64_t block_size = 0;  // tokens
  int64_t num_blocks = 0;

  int64_t bytes() const {
    return bytes_for(dtype, spec.values_per_token() * block_size * num_blocks);
  }
};

class KvCache {
 public:
  // Error: kResourceExhausted.
  static Result<KvCache> allocate(const KvCacheShape& shape, Ops& ops);
  // Layers of that shape without memory, for dry runs.
  static std::vector<KvLayer> unallocated(const KvCacheShape& shape);

  std::span<const KvLayer> layers() const { return layers_; }

 private:
  std::vector<Buffer> buffers_;
  std::vector<KvLayer> layers_;
};

}  // namespace chitu
