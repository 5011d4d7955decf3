// Pinned host memory between pageable memory and the device.
//
// A ring of slots, each guarded by an event: a slot is written again when the copy out of it is
// over, so a caller waits only when it is a whole ring ahead of the device. All copies go onto one
// stream, in order with its kernels.
#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <memory>

#include "base/result.h"

namespace chitu::cuda {

class HostStaging {
 public:
  static constexpr std::size_t kSlotBytes = std::size_t{4} << 20;
  static constexpr int kSlots = 4;

  // Error: kResourceExhausted.
  static Result<std::unique_ptr<HostStaging>> create(cudaStream_t stream);
  ~HostStaging();
  HostStaging(const HostStaging&) = delete;
  HostStaging& operator=(const HostStaging&) = delete;

  // Pinned memory, aligned to 256 bytes, to be filled and then sent to the device in one copy:
  //   std::byte* host = staging.take(bytes); ...; context.check(staging.send(device), ...);
  // REQUIRES: bytes <= kSlotBytes; one take() at a time.
  std::byte* take(std::size_t bytes);
  cudaError_t send(void* device);

  // Any number of bytes. When this returns `host` may be reused; the copies themselves may not have
  // happened yet, but precede whatever is put on the stream later.
  cudaError_t upload(void* device, const void* host, std::size_t bytes);
  // Waits for the stream, and for the values.
  cudaError_t download(void* host, const void* device, std::size_t bytes);

 private:
  struct Slot {
    std::byte* memory = nullptr;
    cudaEvent_t copied = nullptr;
  };

  explicit HostStaging(cudaStream_t stream) : stream_(stream) {}
  Status allocate();

  cudaStream_t stream_;
  std::array<Slot, kSlots> slots_{};
  int next_ = 0;
  std::size_t taken_ = 0;  // bytes of the slot that take() gave
};

}  // namespace chitu::cuda
