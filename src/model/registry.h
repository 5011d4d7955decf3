// The architectures this build knows, written out.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "io/checkpoint.h"
#include "model/family.h"
#include "model/loadable_model.h"

namespace chitu {

struct Architecture {
  std::string_view name;  // config.json's "architectures", or GGUF's general.architecture
  Checkpoint::Kind kind;
  Result<ModelConfig> (*read_config)(const Checkpoint& checkpoint, const FamilyTraits& traits);
  FamilyTraits traits;
  const TensorNames* names;
  std::unique_ptr<LoadableModel> (*make)(ModelConfig config);
};

std::span<const Architecture> architectures();

// Error: kUnsupported with the names there are.
Result<const Architecture*> find_architecture(std::string_view name, Checkpoint::Kind kind);

}  // namespace chitu
