#include "base/cgroup.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace chitu {
namespace {

// Whether `name` is one of "cpu,cpuacct".
bool lists(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    const std::size_t comma = std::min(names.find(','), names.size());
    if (names.substr(0, comma) == name) return true;
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return false;
}

}  // namespace

void for_each_cgroup(const std::filesystem::path& proc_cgroup, const std::filesystem::path& mount,
                     std::string_view controller,
                     const std::function<void(const std::filesystem::path&, int version)>& f) {
  // Each line is "<hierarchy>:<controllers>:<path>"; version 2 has no controllers. Inside a
  // container the path is often one of the host that the container does not see: then the root is
  // what counts, and it comes last on the way up.
  std::ifstream lines(proc_cgroup);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool v2 = controllers.empty();
    if (!v2 && !lists(controllers, controller)) continue;
    const std::filesystem::path root = v2 ? mount : mount / controller;
    std::filesystem::path group = std::filesystem::path(line.substr(second + 1)).relative_path();
    while (true) {
      f(root / group, v2 ? 2 : 1);
      if (group.empty()) break;
      group = group.parent_path();
    }
  }
}

}  // namespace chitu
