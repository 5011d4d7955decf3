// Host memory that this process may still take.
#pragma once

#include <cstdint>
#include <filesystem>

namespace chitu {

struct MemoryInfo {
  int64_t total = 0;      // of the machine, or the control group's limit when that is less
  int64_t available = 0;  // without swapping: free, and caches that can be dropped
};

// /proc/meminfo's MemTotal and MemAvailable, cut by the memory limits of the control groups above
// the process (what `docker --memory` sets). 0 where nothing can be read.
MemoryInfo memory_info();
// The same, of files elsewhere.
MemoryInfo memory_info(const std::filesystem::path& proc_meminfo,
                       const std::filesystem::path& proc_cgroup,
                       const std::filesystem::path& mount);

}  // namespace chitu
