// `chitu info`: the machine, and with a model what it is and what it takes in memory.

#include <fmt/format.h>

#include <cstdio>

#include "app/commands.h"
#include "app/machine.h"
#include "app/model_store.h"
#include "app/session.h"
#include "backend/cuda/device_info.h"
#include "base/counted.h"
#include "base/memory_info.h"
#include "base/quote.h"

namespace chitu::app {
namespace {

void row(std::string_view what, std::string_view value) {
  fmt::print("  {:<16} {}\n", what, value);
}

std::string describe_threads(const ThreadPool& pool) {
  if (!pool.pins_workers()) return fmt::format("{}, not pinned to CPUs", pool.size());
  return fmt::format("{}, each but the first pinned to a CPU", pool.size());
}

void print_machine(const Environment& environment, const Settings& settings,
                   const Backend& backend) {
  const Machine machine = inspect_machine();
  const MemoryInfo memory = memory_info();
  fmt::print("chitu {}\n\nmachine\n", CHITU_VERSION);
  row("processor", machine.cpu);
  row("instructions", machine.instruction_sets);
  row("CPUs", fmt::format("{} of {} usable, {}", machine.cpus_usable, machine.cpus,
                          counted(machine.numa_nodes, "NUMA node")));
  row("threads", describe_threads(*backend.pool));
  row("kernels", backend.kernels);
  row("memory", fmt::format("{} available of {}", format_bytes(memory.available),
                            format_bytes(memory.total)));
  row("huge pages", machine.huge_pages);
  const Result<cuda::Machine> gpus = cuda::find_devices();
  if (!gpus.ok()) {
    row("GPU", gpus.error().message);
  } else if (gpus->devices.empty()) {
    row("GPU", "none");
  } else {
    for (const cuda::DeviceInfo& device : gpus->devices) row("GPU", cuda::to_string(device));
  }
  row("models kept in", environment.cache_dir.empty()
                            ? "nowhere: neither HOME nor XDG_CACHE_HOME is an absolute path"
                            : (environment.cache_dir / "models").string());
  for (const std::string& line : beyond_machine(settings, backend)) row("note", line);
}

std::string optional_parts(const ModelConfig& config) {
  std::vector<std::string_view> parts;
  if (config.qkv_bias) parts.push_back("QKV bias");
  if (config.qk_norm) parts.push_back("QK norm");
  if (config.tie_word_embeddings) parts.push_back("tied embeddings");
  if (!config.windows.empty()) parts.push_back("sliding window");
  if (config.attention_softcap > 0 || config.logit_softcap > 0) parts.push_back("soft-cap");
  return parts.empty() ? "" : fmt::format(", {}", fmt::join(parts, ", "));
}

Status print_model(const Environment& environment, const Settings& settings, Backend& backend) {
  TRY(checkpoint, open_checkpoint(environment, settings));
  TRY(config, checked_model_config(checkpoint, settings));
  TRY(memory, plan_model(environment, settings, {}, checkpoint, config, backend));
  fmt::print("\nmodel\n");
  row("files", checkpoint.path().string());
  row("architecture", config.architecture + optional_parts(config));
  row("parameters", fmt::format("{:.1f} M", static_cast<double>(memory.weights.parameters) / 1e6));
  row("layers", fmt::format("{} of {}, feed-forward {}", config.num_layers, config.hidden_size,
                            config.intermediate_size));
  row("attention",
      fmt::format("{} of {}, {} for keys and values", counted(config.num_heads, "head"),
                  config.head_dim, config.num_kv_heads));
  row("vocabulary", fmt::format("{} tokens", config.vocab_size));
  row("positions", fmt::format("{} at most", context_limit(config)));
  if (!memory.weights.unused_tensors.empty()) {
    row("unused tensors", fmt::format("{}, the first is {}", memory.weights.unused_tensors.size(),
                                      quote(memory.weights.unused_tensors.front())));
  }
  fmt::print("\nmemory\n{}", table(memory));
  return check_fits(memory, checkpoint, config, *backend.ops);
}

// Whether there is a model to speak of: nothing is fetched for the sake of `chitu info`.
bool names_a_model(const Environment& environment, const Settings& settings) {
  if (!settings.text("models.ckpt_dir").empty()) return true;
  const KnownModel* known = find_known_model(settings.text("models"));
  return known == nullptr || is_stored(environment, *known);
}

Result<int> run(const Invocation& invocation) {
  TRY(backend, make_backend(invocation.settings));
  print_machine(invocation.environment, invocation.settings, backend);
  std::fflush(stdout);
  if (names_a_model(invocation.environment, invocation.settings)) {
    TRY_STATUS(print_model(invocation.environment, invocation.settings, backend));
  }
  return kExitOk;
}

}  // namespace

const Command kInfoCommand{
    .name = "info",
    .summary = "Show the machine, a model, and what it takes in memory",
    .synopsis = "[options] [key=value ...]",
    .takes_settings = true,
    .examples =
        "chitu info\n"
        "chitu info models=/path/to/checkpoint infer.max_seq_len=8192 infer.max_reqs=4",
    .run = run,
};

}  // namespace chitu::app
