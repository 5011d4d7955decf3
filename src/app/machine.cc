#include "app/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/cpus.h"

namespace chitu::app {
namespace {

// The first "<key> : <value>" of /proc/cpuinfo.
std::string cpuinfo(std::string_view key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || !line.starts_with(key)) continue;
    return line.size() > colon + 2 ? line.substr(colon + 2) : "";
  }
  return "";
}

std::string instruction_sets() {
  struct Flag {
    std::string_view linux_name;
    std::string_view name;
  };
  constexpr std::array<Flag, 12> kFlags = {{{"avx2", "AVX2"},
                                            {"fma", "FMA"},
                                            {"f16c", "F16C"},
                                            {"avx_vnni", "AVX-VNNI"},
                                            {"avx512f", "AVX-512F"},
                                            {"avx512bw", "AVX-512BW"},
                                            {"avx512_vnni", "AVX-512-VNNI"},
                                            {"avx512_bf16", "AVX-512-BF16"},
                                            {"avx512_fp16", "AVX-512-FP16"},
                                            {"amx_tile", "AMX"},
                                            {"asimd", "NEON"},
                                            {"sve", "SVE"}}};
  const std::string line = cpuinfo("flags") + cpuinfo("Features");
  std::unordered_set<std::string_view> present;
  for (std::string_view rest = line; !rest.empty();) {
    const std::size_t space = std::min(rest.find(' '), rest.size());
    present.insert(rest.substr(0, space));
    rest.remove_prefix(std::min(space + 1, rest.size()));
  }
  std::vector<std::string_view> names;
  for (const Flag& flag : kFlags) {
    if (present.contains(flag.linux_name)) names.push_back(flag.name);
  }
  return names.empty() ? "none of those that kernels use"
                       : fmt::format("{}", fmt::join(names, " "));
}

// The word in brackets of "always [madvise] never".
std::string huge_pages() {
  std::string modes;
  std::getline(std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled"), modes);
  const std::size_t begin = modes.find('[');
  const std::size_t end = modes.find(']');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return "unknown";
  return modes.substr(begin + 1, end - begin - 1);
}

}  // namespace

Machine inspect_machine() {
  Machine machine;
  machine.cpu = cpuinfo("model name");
  if (machine.cpu.empty()) machine.cpu = "unknown";
  machine.instruction_sets = instruction_sets();
  machine.cpus = static_cast<int>(std::thread::hardware_concurrency());
  machine.cpus_usable = usable_cpus();
  machine.numa_nodes = std::max(1, static_cast<int>(numa_nodes(kNumaFolder).size()));
  machine.huge_pages = huge_pages();
  return machine;
}

}  // namespace chitu::app
