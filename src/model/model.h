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

  // The hidden states of step.wanted_rows after the final norm: [rows, hidden_size], activations,
  // in the step's arena. Asks the same operations of step.ops, in the same order, for every step of
  // the same shape.
  virtual TensorRef forward(Step& step) const = 0;
  // The logits of such hidden states: [rows, vocab_size], F32, in the step's arena.
  virtual TensorRef logits(Step& step, const TensorRef& hidden) const = 0;
};

}  // namespace chitu
