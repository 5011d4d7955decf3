// What kind of machine this is.
#pragma once

#include <cstdint>
#include <string>

namespace chitu::app {

struct Machine {
  std::string cpu;  // "Intel(R) Xeon(R) ..."; "unknown" when it cannot be read
  std::string
      instruction_sets;  // those that kernels use, of those the CPU has: "AVX2 FMA AVX-512F"
  int cpus = 0;          // of the machine
  int cpus_usable = 0;   // by this process
  int numa_nodes = 1;
  std::string huge_pages;  // the system's mode, "always", "madvise" or "never"; "unknown"
};

Machine inspect_machine();

}  // namespace chitu::app
