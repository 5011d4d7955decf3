#include "app/make_ops.h"

#include <algorithm>

#include "backend/cpu/cpu_ops.h"

namespace chitu::app {
namespace {

DType kv_dtype(const Settings& settings) {
  if (!settings.is_auto("infer.cache_dtype")) {
    const std::string name = settings.text("infer.cache_dtype");
    return name == "q8_0" ? DType::kQ8_0 : *dtype_from_name(name);
  }
  return settings.text("dtype") == "float32" ? DType::kF32 : DType::kF16;
}

ThreadPoolOptions pool_options(const Settings& settings) {
  // More threads than CPUs only take turns, and waking them costs more than they bring.
  const auto cpus = static_cast<int64_t>(std::max<std::size_t>(allowed_cpus().size(), 1));
  ThreadPoolOptions options{
      .num_threads = static_cast<int>(std::min(settings.integer("infer.num_threads"), cpus))};
  if (!settings.is_auto("infer.pin_threads")) {
    options.pin = settings.boolean("infer.pin_threads") ? Pin::kOn : Pin::kOff;
  }
  if (settings.boolean("infer.numa")) options.nodes = numa_nodes(kNumaFolder);
  return options;
}

}  // namespace

Result<Backend> make_backend(const Settings& settings) {
  Backend backend;
  backend.kv_dtype = kv_dtype(settings);
  backend.pool = std::make_unique<ThreadPool>(pool_options(settings));
  const bool exact = settings.text("dtype") == "float32";
  TRY(ops, make_cpu_ops(*backend.pool, {.arithmetic = exact ? cpu::Arithmetic::kFloat32
                                                            : cpu::Arithmetic::kFast}));
  backend.ops = std::move(ops);
  const cpu::Isa best = cpu::best_isa();
  backend.kernels = cpu::title(exact ? cpu::float_part(best) : best);
  return backend;
}

}  // namespace chitu::app
