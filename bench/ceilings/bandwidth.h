// Read bandwidth of memory and of caches.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "base/thread_pool.h"
#include "kernels/kernels.h"

namespace chitu::ceilings {

enum class Pages : uint8_t { kHuge, kSmall };  // of 2 MiB, where the system allows, and of 4 KiB

// Memory whose parts were first written, so placed, by the threads of `pool` that read them.
class WorkingSet {
 public:
  // `bytes` are rounded up to whole pages of 2 MiB. Error: kResourceExhausted.
  static Result<WorkingSet> make(std::size_t bytes, Pages pages, ThreadPool& pool);
  WorkingSet(WorkingSet&& other) noexcept;
  WorkingSet& operator=(WorkingSet&&) = delete;
  ~WorkingSet();

  std::size_t bytes() const { return bytes_; }

  // Bytes a second of all threads of `pool` together, which read all of it again and again: the
  // best of several runs in about `seconds`.
  double measure(Read read, ThreadPool& pool, double seconds) const;

 private:
  WorkingSet(void* mapping, std::size_t mapped, std::size_t bytes);
  std::byte* data() const;

  void* mapping_;
  std::size_t mapped_;
  std::size_t bytes_;
};

// Bytes of all second-level and of all third-level caches that this process' CPUs have; a common
// size where the system does not tell.
std::size_t l2_cache_bytes();
std::size_t l3_cache_bytes();

}  // namespace chitu::ceilings
