#include "backend/cuda/device_info.h"

namespace chitu::cuda {

std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

std::string to_string(const DeviceInfo& info) {
  constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
  return fmt::format("{}, {:.1f} GiB, sm_{}{}, {} SMs", info.name,
                     static_cast<double>(info.memory_bytes) / kGiB, info.compute_major,
                     info.compute_minor, info.multiprocessors);
}

}  // namespace chitu::cuda
