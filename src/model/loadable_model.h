// What an architecture gives to the loader, beyond what the engine sees.
#pragma once

#include "model/binder.h"
#include "model/model.h"
#include "model/tensor_names.h"

namespace chitu {

class LoadableModel : public Model {
 public:
  // Declares every weight. The targets are members of this object.
  virtual void bind(Binder& binder, const TensorNames& names) = 0;

  void own(Buffer vectors) { vectors_ = std::move(vectors); }

 private:
  Buffer vectors_;  // norms, biases and tables
};

}  // namespace chitu
