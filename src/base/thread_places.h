// Which CPUs each thread of a pool runs on.
#pragma once

#include <cstdint>
#include <vector>

#include "base/cpus.h"

namespace chitu {

enum class Pin : uint8_t {
  kAuto,  // where there is a thread for each CPU
  kOn,
  kOff,
};

struct ThreadPlace {
  int node = 0;  // threads of one node follow each other, the nodes count up from 0
  CpuList cpus;  // it may run on these only; empty: where it likes

  bool operator==(const ThreadPlace&) const = default;
};

// Places for `num_threads` threads on the CPUs `allowed`, spread over `nodes` (numa_nodes()) in
// proportion to the CPUs that each has; with fewer threads than nodes, as if there were one node. A
// pinned thread has a CPU; another, where there are several nodes, has all of its node. Thread 0,
// which may be any thread of the program, is not pinned; the first CPU stays free for it.
std::vector<ThreadPlace> thread_places(int num_threads, const CpuList& allowed,
                                       const std::vector<CpuList>& nodes, Pin pin);

}  // namespace chitu
