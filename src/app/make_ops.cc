#include "app/make_ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "app/args.h"
#include "backend/cpu/cpu_ops.h"
#include "backend/cuda/cuda_ops.h"
#include "backend/cuda/device_info.h"
#include "base/counted.h"

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

Result<Backend> make_cpu_backend(const Settings& settings) {
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

constexpr std::string_view kCuda = "cuda";

// Of "cuda", "cuda:0" and so on.
Result<int> cuda_device(std::string_view device) {
  if (device == kCuda) return 0;
  if (device.starts_with(kCuda) && device.substr(kCuda.size()).starts_with(':')) {
    const auto index = parse_integer(device.substr(kCuda.size() + 1), 0, 1023);
    if (index) return static_cast<int>(*index);
  }
  return make_error(ErrorCode::kInvalidArgument,
                    "infer.device={}: expected auto, cpu, cuda, or cuda:1 and so on", device);
}

// The numbers between layers. Turing multiplies float16 but not bfloat16.
DType gpu_dtype(const Settings& settings, const cuda::DeviceInfo& device) {
  if (!settings.is_auto("dtype")) return *dtype_from_name(settings.text("dtype"));
  return device.compute_major >= 8 ? DType::kBF16 : DType::kF16;
}

Result<DType> gpu_kv_dtype(const Settings& settings, DType activations) {
  if (settings.is_auto("infer.cache_dtype")) return activations;
  const std::optional<DType> dtype = dtype_from_name(settings.text("infer.cache_dtype"));
  if (dtype) return *dtype;
  return make_error(ErrorCode::kUnsupported,
                    "infer.cache_dtype={}: not on a GPU yet; float16 and bfloat16 are, and "
                    "infer.device=cpu has it",
                    settings.text("infer.cache_dtype"));
}

Result<Backend> make_gpu_backend(const Settings& settings, int index) {
  TRY(machine, cuda::find_devices());
  if (index >= static_cast<int>(machine.devices.size())) {
    return make_error(ErrorCode::kNotFound,
                      "infer.device=cuda:{}: this machine has {}; infer.device=cpu does without",
                      index, counted(machine.devices.size(), "GPU"));
  }
  const cuda::DeviceInfo& device = machine.devices[static_cast<std::size_t>(index)];
  const DType activations = gpu_dtype(settings, device);
  Backend backend{.on_gpu = true};
  TRY(kv, gpu_kv_dtype(settings, activations));
  backend.kv_dtype = kv;
  backend.pool =
      std::make_unique<ThreadPool>(ThreadPoolOptions{.num_threads = 1, .pin = Pin::kOff});
  TRY(ops, make_cuda_ops({.device = index,
                          .activations = activations,
                          .deterministic = settings.boolean("infer.deterministic")}));
  backend.ops = std::move(ops);
  backend.kernels =
      fmt::format("sm_{}{}, {}", device.compute_major, device.compute_minor, name(activations));
  TRY(memory, cuda::device_memory(index));
  const double left_alone = 1.0 - settings.number("infer.memory_utilization");
  backend.memory = std::max<int64_t>(
      memory.free - static_cast<int64_t>(left_alone * static_cast<double>(memory.total)), 1);
  return backend;
}

}  // namespace

Result<Backend> make_backend(const Settings& settings) {
  const std::string device = settings.text("infer.device");
  if (device == "cpu") return make_cpu_backend(settings);
  const bool any = settings.is_auto("infer.device");
  TRY(index, cuda_device(any ? kCuda : std::string_view(device)));
  Result<Backend> gpu = make_gpu_backend(settings, index);
  if (gpu.ok() || !any) return gpu;
  const ErrorCode code = gpu.error().code;  // a GPU that is there and fails is not passed over
  if (code != ErrorCode::kNotFound && code != ErrorCode::kUnsupported) return gpu;
  return make_cpu_backend(settings);
}

}  // namespace chitu::app
