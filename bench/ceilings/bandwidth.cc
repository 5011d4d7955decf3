#include "bandwidth.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>

#include "stopwatch.h"

namespace chitu::ceilings {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kGrain = 4096;  // a part is a multiple

std::size_t round_up(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

std::string first_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Bytes of all caches of this level that hold data, as Linux lists them for each CPU; `fallback`
// where it lists none. (sysconf knows sizes, too, but on AMD's processors that of all caches of the
// package, however few of its cores a virtual machine has.)
std::size_t cache_bytes(std::string_view level, std::size_t fallback) {
  std::map<std::string, std::size_t> caches;  // by the CPUs that share them
  for (const int cpu : allowed_cpus()) {
    for (int index = 0; index < 8; ++index) {
      const std::filesystem::path folder =
          fmt::format("/sys/devices/system/cpu/cpu{}/cache/index{}", cpu, index);
      if (first_line(folder / "level") != level) continue;
      std::istringstream size(first_line(folder / "size"));  // "32768K"
      std::size_t kib = 0;
      if (size >> kib) caches[first_line(folder / "shared_cpu_list")] = kib << 10;
    }
  }
  std::size_t sum = 0;
  for (const auto& [cpus, bytes] : caches) sum += bytes;
  return sum > 0 ? sum : fallback;
}

// Where part i of `parts` begins.
std::size_t part_begin(std::size_t bytes, int64_t i, std::size_t parts) {
  return bytes / kGrain * static_cast<std::size_t>(i) / parts * kGrain;
}

}  // namespace

WorkingSet::WorkingSet(void* mapping, std::size_t mapped, std::size_t bytes)
    : mapping_(mapping), mapped_(mapped), bytes_(bytes) {}

WorkingSet::WorkingSet(WorkingSet&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)),
      mapped_(other.mapped_),
      bytes_(other.bytes_) {}

WorkingSet::~WorkingSet() {
  if (mapping_ != nullptr) munmap(mapping_, mapped_);
}

std::byte* WorkingSet::data() const {
  return reinterpret_cast<std::byte*>(
      round_up(reinterpret_cast<std::uintptr_t>(mapping_), kHugePage));
}

Result<WorkingSet> WorkingSet::make(std::size_t bytes, Pages pages, ThreadPool& pool) {
  bytes = round_up(bytes, kHugePage);
  const std::size_t mapped = bytes + kHugePage;  // room to align
  void* mapping = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) {
    return make_error(ErrorCode::kResourceExhausted, "{} bytes of memory: {}", mapped,
                      std::strerror(errno));
  }
  // Advice: a system without it has pages of one size, and both rows measure those.
  madvise(mapping, mapped, pages == Pages::kHuge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  WorkingSet set(mapping, mapped, bytes);
  pool.share(pool.size(), [&](int64_t i, int) {
    const auto threads = static_cast<std::size_t>(pool.size());
    const std::size_t begin = part_begin(bytes, i, threads);
    std::memset(set.data() + begin, static_cast<int>(i) + 1,
                part_begin(bytes, i + 1, threads) - begin);
  });
  return set;
}

double WorkingSet::measure(Read read, ThreadPool& pool, double seconds) const {
  // A run takes some milliseconds, as those of kernels do, so that starting the threads does not
  // count.
  constexpr std::size_t kRunBytes = std::size_t{64} << 20;
  constexpr std::size_t kPiece = std::size_t{4} << 20;
  const auto threads = static_cast<std::size_t>(pool.size());
  const std::size_t passes = (kRunBytes * threads + bytes_ - 1) / bytes_;
  // Pieces of large sets are taken over from a thread that the system keeps waiting, as kernels
  // take over work. Of small ones each thread has one, which stays in its cache.
  const std::size_t pieces = std::max(threads, bytes_ / kPiece);
  const std::size_t at_once = pieces == threads ? passes : 1;
  const double time = best_time(seconds, [&] {
    for (std::size_t pass = 0; pass < passes; pass += at_once) {
      pool.share(static_cast<int64_t>(pieces), [&](int64_t i, int) {
        const std::size_t begin = part_begin(bytes_, i, pieces);
        const std::size_t size = part_begin(bytes_, i + 1, pieces) - begin;
        for (std::size_t again = 0; again < at_once; ++again) {
          const uint64_t sum = read(data() + begin, size);
          asm volatile("" : : "r"(sum) : "memory");  // every pass reads again
        }
      });
    }
  });
  return static_cast<double>(bytes_ * passes) / time;
}

std::size_t l2_cache_bytes() { return cache_bytes("2", std::size_t{1} << 20); }
std::size_t l3_cache_bytes() { return cache_bytes("3", std::size_t{32} << 20); }

}  // namespace chitu::ceilings
