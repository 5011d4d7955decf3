#include "base/cpu_quota.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>

namespace chitu {
namespace {

namespace fs = std::filesystem;

std::optional<double> ratio(const std::string& quota, double period) {
  char* end = nullptr;
  const double value = std::strtod(quota.c_str(), &end);
  if (end == quota.c_str() || value <= 0 || period <= 0) return std::nullopt;  // "max" or -1
  return value / period;
}

// cpu.max: "<quota in us, or max> <period in us>"
std::optional<double> quota_v2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period)) return std::nullopt;
  return ratio(quota, period);
}

std::optional<double> quota_v1(const fs::path& group) {
  std::ifstream quota_file(group / "cpu.cfs_quota_us");
  std::ifstream period_file(group / "cpu.cfs_period_us");
  std::string quota;
  double period = 0;
  if (!(quota_file >> quota) || !(period_file >> period)) return std::nullopt;
  return ratio(quota, period);
}

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

std::optional<double> cgroup_cpu_quota(const fs::path& proc_cgroup, const fs::path& mount) {
  std::optional<double> least;
  const auto consider = [&](std::optional<double> quota) {
    if (quota && (!least || *quota < *least)) least = quota;
  };
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
    if (!v2 && !lists(controllers, "cpu")) continue;
    const fs::path root = v2 ? mount : mount / "cpu";
    fs::path group = fs::path(line.substr(second + 1)).relative_path();
    while (true) {
      consider(v2 ? quota_v2(root / group) : quota_v1(root / group));
      if (group.empty()) break;
      group = group.parent_path();
    }
  }
  return least;
}

}  // namespace chitu
