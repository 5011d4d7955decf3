#include "base/cpus.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <map>
#include <string>

#include "base/cpu_quota.h"

namespace chitu {
namespace {

namespace fs = std::filesystem;

// More than any kernel is built for (CONFIG_NR_CPUS).
constexpr int kMaxCpus = 1 << 20;

// A mask of CPUs as the system takes it.
class CpuMask {
 public:
  explicit CpuMask(int cpus) : set_(CPU_ALLOC(cpus)), bytes_(CPU_ALLOC_SIZE(cpus)) {
    CPU_ZERO_S(bytes_, set_);
  }
  ~CpuMask() { CPU_FREE(set_); }
  CpuMask(const CpuMask&) = delete;
  CpuMask& operator=(const CpuMask&) = delete;

  void add(int cpu) { CPU_SET_S(cpu, bytes_, set_); }
  bool has(int cpu) const { return CPU_ISSET_S(cpu, bytes_, set_); }
  cpu_set_t* get() { return set_; }
  std::size_t bytes() const { return bytes_; }

 private:
  cpu_set_t* set_;
  std::size_t bytes_;
};

// Takes a number in [0, kMaxCpus) off the front of `text`.
std::optional<int> take_number(std::string_view& text) {
  int value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || value < 0 || value >= kMaxCpus) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

// The N of "nodeN".
std::optional<int> node_number(std::string_view name) {
  constexpr std::string_view kPrefix = "node";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  const std::optional<int> number = take_number(name);
  return name.empty() ? number : std::nullopt;
}

}  // namespace

CpuList allowed_cpus() {
  // The mask of a machine with more CPUs than this one holds is refused with EINVAL.
  for (int capacity = CPU_SETSIZE; capacity <= kMaxCpus; capacity *= 2) {
    CpuMask mask(capacity);
    if (sched_getaffinity(0, mask.bytes(), mask.get()) != 0) continue;
    CpuList cpus;
    for (int cpu = 0; cpu < capacity; ++cpu) {
      if (mask.has(cpu)) cpus.push_back(cpu);
    }
    return cpus;
  }
  return {};
}

int usable_cpus() {
  double cpus = static_cast<double>(std::max<std::size_t>(allowed_cpus().size(), 1));
  if (const auto quota = cgroup_cpu_quota("/proc/self/cgroup", "/sys/fs/cgroup")) {
    // Rounded down: a thread more than the quota pays for is stopped in the middle of a job, and
    // all others wait for it.
    cpus = std::min(cpus, std::floor(*quota));
  }
  return std::max(1, static_cast<int>(cpus));
}

std::optional<CpuList> parse_cpu_list(std::string_view text) {
  CpuList cpus;
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  while (!text.empty()) {
    const std::optional<int> first = take_number(text);
    std::optional<int> last = first;
    if (first && text.starts_with('-')) {
      text.remove_prefix(1);
      last = take_number(text);
    }
    if (!first || !last || *last < *first) return std::nullopt;
    if (!cpus.empty() && *first <= cpus.back()) return std::nullopt;
    for (int cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
    if (text.empty()) break;
    if (!text.starts_with(',') || text.size() == 1) return std::nullopt;
    text.remove_prefix(1);
  }
  return cpus;
}

std::vector<CpuList> numa_nodes(const fs::path& folder) {
  std::map<int, CpuList> nodes;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
    const std::optional<int> number = node_number(entry.path().filename().string());
    if (!number) continue;
    std::string line;
    std::getline(std::ifstream(entry.path() / "cpulist"), line);
    std::optional<CpuList> cpus = parse_cpu_list(line);
    if (!cpus) return {};
    if (!cpus->empty()) nodes[*number] = *std::move(cpus);  // others are memory alone
  }
  std::vector<CpuList> lists;
  for (auto& [number, cpus] : nodes) lists.push_back(std::move(cpus));
  return lists;
}

void bind_thread(pthread_t thread, const CpuList& cpus) {
  if (cpus.empty()) return;
  CpuMask mask(cpus.back() + 1);
  for (const int cpu : cpus) mask.add(cpu);
  pthread_setaffinity_np(thread, mask.bytes(), mask.get());
}

}  // namespace chitu
