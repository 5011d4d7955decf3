// Memory of the CPU back end: weights, KV cache, workspace.
//
// A page of 2 MiB instead of 512 of 4 KiB saves the faults while a model is loaded and most of the
// address translation while it is read. A mapping of its own gets such pages only where it fills
// them, and most weights of a small model are smaller; so buffers of middling size share mappings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

#include "base/result.h"
#include "ops/buffer.h"

namespace chitu::cpu {

enum class Contents : uint8_t { kZero, kUndefined };

// May be used by several threads at once. Buffers may outlive it.
class Memory {
 public:
  Memory() = default;
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // Aligned to 64 bytes; large buffers on huge pages where the system offers them. Their pages get
  // memory when they are first written, on the NUMA node of the thread that writes. What shares a
  // mapping is given back to the system when the last buffer of the mapping is gone.
  // Error: kResourceExhausted.
  Result<Buffer> allocate(std::size_t bytes, Contents contents = Contents::kZero);

 private:
  struct Shared;  // a mapping that several buffers share

  void* take(std::size_t bytes, Shared*& from);
  static void release(Shared* mapping);

  std::mutex mutex_;
  Shared* current_ = nullptr;
};

}  // namespace chitu::cpu
