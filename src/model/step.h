// Everything one forward pass needs, passed explicitly.
#pragma once

#include <span>

#include "ops/arena.h"
#include "ops/descs.h"
#include "ops/ops.h"

namespace chitu {

struct Step {
  Ops& ops;
  Arena& arena;
  const AttentionPlan& attention;
  TensorRef ids;                // [tokens], I32
  TensorRef wanted_rows;        // [rows], I32: the tokens whose hidden states are wanted
  std::span<const KvLayer> kv;  // one per layer
};

}  // namespace chitu
