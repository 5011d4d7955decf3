// The Linux control groups above this process.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

namespace chitu {

// Calls f(directory, version) for every group of `controller` ("cpu", "memory") that holds the
// process, innermost first, of version 1 and of version 2. `proc_cgroup` is the process' own list
// of groups (/proc/self/cgroup), `mount` the root of the control group file systems
// (/sys/fs/cgroup). The directories need not exist: inside a container they are often the host's
// names.
void for_each_cgroup(const std::filesystem::path& proc_cgroup, const std::filesystem::path& mount,
                     std::string_view controller,
                     const std::function<void(const std::filesystem::path&, int version)>& f);

}  // namespace chitu
