#include "base/memory_info.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "base/cgroup.h"

namespace chitu {
namespace {

namespace fs = std::filesystem;

// nullopt for "max" and for files that cannot be read.
std::optional<int64_t> read_bytes(const fs::path& path) {
  std::ifstream file(path);
  int64_t bytes = 0;
  return file >> bytes ? std::optional(bytes) : std::nullopt;
}

// The value of a line "<key> <value>"; 0 when there is none.
int64_t read_field(const fs::path& path, std::string_view key) {
  std::ifstream file(path);
  std::string name;
  int64_t value = 0;
  for (std::string line; file >> name >> value; std::getline(file, line)) {
    if (name == key) return value;
  }
  return 0;
}

}  // namespace

MemoryInfo memory_info(const fs::path& proc_meminfo, const fs::path& proc_cgroup,
                       const fs::path& mount) {
  MemoryInfo info{.total = read_field(proc_meminfo, "MemTotal:") * 1024,
                  .available = read_field(proc_meminfo, "MemAvailable:") * 1024};
  const int64_t machine_total = info.total;
  for_each_cgroup(proc_cgroup, mount, "memory", [&](const fs::path& group, int version) {
    const bool v2 = version == 2;
    const auto limit = read_bytes(group / (v2 ? "memory.max" : "memory.limit_in_bytes"));
    const auto used = read_bytes(group / (v2 ? "memory.current" : "memory.usage_in_bytes"));
    if (!limit || !used || *limit >= machine_total) return;
    // Of what the group uses, file pages that nobody touched lately are given up first.
    const int64_t cache =
        read_field(group / "memory.stat", v2 ? "inactive_file" : "total_inactive_file");
    info.total = std::min(info.total, *limit);
    info.available = std::clamp<int64_t>(*limit - *used + cache, 0, info.available);
  });
  return info;
}

MemoryInfo memory_info() {
  return memory_info("/proc/meminfo", "/proc/self/cgroup", "/sys/fs/cgroup");
}

}  // namespace chitu
