// The CPU time a Linux control group grants its processes: what `docker --cpus=2` or a Kubernetes
// limit sets.
#pragma once

#include <filesystem>
#include <optional>

namespace chitu {

// CPUs' worth of time, the least that any group above the process grants; nullopt when unlimited.
// `proc_cgroup` is the process' own list of groups (/proc/self/cgroup), `mount` the root of the
// control group file systems (/sys/fs/cgroup); version 1, version 2 and both side by side. Files
// that are missing or unreadable limit nothing.
std::optional<double> cgroup_cpu_quota(const std::filesystem::path& proc_cgroup,
                                       const std::filesystem::path& mount);

}  // namespace chitu
