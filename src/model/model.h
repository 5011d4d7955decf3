// A loaded model: weights prepared for one back end, and how a step is computed with them.
#pragma once

#include <cstdint>

#include "cache/kv_spec.h"
#include "model/config.h"
#include "model/step.h"

namespace chitu {

class Model {
 public:
  virtual ~Model() = default;

  virtual const ModelConfig& config() const = 0;
  virtual KvSpec kv_spec() const = 0;

  // Logits of step.logit_rows: [rows, vocab_size], F32, in the step's arena. Asks the same
  // operations of step.ops, in the same order, for every step of the same shape.
  virtual TensorRef forward(Step& step) const = 0;
};

}  // namespace chitu
