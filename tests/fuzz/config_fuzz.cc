// Any bytes as a configuration, of GGUF metadata or as config.json, for every family there is: an
// error of one line, or numbers that a model may be built from.
#include <cmath>
#include <string_view>

#include "base/check.h"
#include "io/gguf.h"
#include "io/json.h"
#include "model/config_gguf.h"
#include "model/config_hf.h"
#include "model/registry.h"
#include "model/rope.h"

namespace {

using chitu::Checkpoint;
using chitu::ModelConfig;
using chitu::Result;

void use(const chitu::Architecture& architecture, const Result<ModelConfig>& config) {
  if (!config.ok()) {
    CHECK(!config.error().message.empty());
    return;
  }
  const chitu::RopeConfig& rope = config->rope;
  const std::vector<float> frequencies = chitu::inverse_frequencies(rope);
  CHECK(static_cast<int64_t>(frequencies.size()) * 2 == rope.rotary_dim);
  for (const float frequency : frequencies) CHECK(std::isfinite(frequency) && frequency >= 0.0F);
  CHECK(std::isfinite(chitu::rope_angles(rope).scale));
  CHECK(config->windows.empty() ||
        static_cast<int64_t>(config->windows.size()) == config->num_layers);
  CHECK(config->num_heads % config->num_kv_heads == 0);
  CHECK(architecture.make(*config)->kv_spec().values_per_token() > 0);
}

void read_json(std::string_view text) {
  const auto value = chitu::json::parse(text);
  if (!value.ok() || !value->is_object()) return;
  const chitu::json::Object& object = value->get_object();
  for (const chitu::Architecture& architecture : chitu::architectures()) {
    if (architecture.kind != Checkpoint::Kind::kHuggingFace) continue;
    use(architecture, chitu::read_hf_config(object, &object, architecture.traits));
    use(architecture, chitu::read_chatglm_config(object, nullptr, architecture.traits));
  }
}

void read_gguf(const chitu::GgufMetadata& metadata) {
  const auto name = metadata.string_or("general.architecture", "llama");
  for (const chitu::Architecture& architecture : chitu::architectures()) {
    if (architecture.kind != Checkpoint::Kind::kGguf) continue;
    const chitu::GgufTensorFacts facts{.vocab_size = 1000};
    use(architecture,
        chitu::read_gguf_config(metadata, name.ok() ? *name : "llama", facts, architecture.traits));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  if (const auto gguf = chitu::parse_gguf(bytes); gguf.ok()) {
    read_gguf(gguf->metadata);
  } else {
    read_json({reinterpret_cast<const char*>(data), size});
  }
  return 0;
}
