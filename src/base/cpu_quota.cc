#include "base/cpu_quota.h"

#include <fstream>
#include <string>

#include "base/cgroup.h"

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

}  // namespace

std::optional<double> cgroup_cpu_quota(const fs::path& proc_cgroup, const fs::path& mount) {
  std::optional<double> least;
  for_each_cgroup(proc_cgroup, mount, "cpu", [&](const fs::path& group, int version) {
    const std::optional<double> quota = version == 2 ? quota_v2(group) : quota_v1(group);
    if (quota && (!least || *quota < *least)) least = quota;
  });
  return least;
}

}  // namespace chitu
