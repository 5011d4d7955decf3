// The CPUs of this machine that this process may use, and which of them share a memory.
#pragma once

#include <pthread.h>

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace chitu {

using CpuList = std::vector<int>;  // numbers of the system, ascending

// The CPUs of the calling thread's affinity mask.
CpuList allowed_cpus();

// How many CPUs this process may use: allowed_cpus(), cut by the cgroup's CPU quota; at least 1.
int usable_cpus();

// A list as the kernel writes it, "0-3,8,10-11"; nullopt when it is none.
std::optional<CpuList> parse_cpu_list(std::string_view text);

inline constexpr const char* kNumaFolder = "/sys/devices/system/node";

// The CPUs of each NUMA node that has any, in the order of the nodes' numbers. `folder` is
// kNumaFolder; without it, or with a list in it that cannot be read, empty.
std::vector<CpuList> numa_nodes(const std::filesystem::path& folder);

// Lets a thread run on these CPUs only. Best effort: a mask that has shrunk meanwhile only costs
// speed.
void bind_thread(pthread_t thread, const CpuList& cpus);

}  // namespace chitu
