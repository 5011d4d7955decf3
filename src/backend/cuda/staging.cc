#include "backend/cuda/staging.h"

#include <algorithm>
#include <cstring>

#include "backend/cuda/error.h"
#include "base/check.h"

namespace chitu::cuda {

Result<std::unique_ptr<HostStaging>> HostStaging::create(cudaStream_t stream) {
  auto staging = std::unique_ptr<HostStaging>(new HostStaging(stream));
  TRY_STATUS(staging->allocate());
  return staging;
}

Status HostStaging::allocate() {
  for (Slot& slot : slots_) {
    void* memory = nullptr;
    TRY_STATUS(check(cudaMallocHost(&memory, kSlotBytes), "allocating pinned memory"));
    slot.memory = static_cast<std::byte*>(memory);
    TRY_STATUS(
        check(cudaEventCreateWithFlags(&slot.copied, cudaEventDisableTiming), "creating an event"));
  }
  return {};
}

// Pinned memory may not go while a copy reads it; cudaFreeHost() waits for that.
HostStaging::~HostStaging() {
  for (Slot& slot : slots_) {
    if (slot.copied != nullptr) static_cast<void>(cudaEventDestroy(slot.copied));
    if (slot.memory != nullptr) static_cast<void>(cudaFreeHost(slot.memory));
  }
}

std::byte* HostStaging::take(std::size_t bytes) {
  CHECK(bytes <= kSlotBytes);
  Slot& slot = slots_[static_cast<std::size_t>(next_)];
  // An event that was never recorded counts as over. An error of the device is seen by send().
  static_cast<void>(cudaEventSynchronize(slot.copied));
  taken_ = bytes;
  return slot.memory;
}

cudaError_t HostStaging::send(void* device) {
  Slot& slot = slots_[static_cast<std::size_t>(next_)];
  next_ = (next_ + 1) % kSlots;
  const cudaError_t sent =
      cudaMemcpyAsync(device, slot.memory, taken_, cudaMemcpyHostToDevice, stream_);
  return sent != cudaSuccess ? sent : cudaEventRecord(slot.copied, stream_);
}

cudaError_t HostStaging::upload(void* device, const void* host, std::size_t bytes) {
  auto* to = static_cast<std::byte*>(device);
  const auto* from = static_cast<const std::byte*>(host);
  while (bytes > 0) {
    const std::size_t part = std::min(bytes, kSlotBytes);
    std::memcpy(take(part), from, part);
    if (const cudaError_t sent = send(to); sent != cudaSuccess) return sent;
    to += part;
    from += part;
    bytes -= part;
  }
  return cudaSuccess;
}

cudaError_t HostStaging::download(void* host, const void* device, std::size_t bytes) {
  auto* to = static_cast<std::byte*>(host);
  const auto* from = static_cast<const std::byte*>(device);
  while (bytes > 0) {
    const std::size_t part = std::min(bytes, kSlotBytes);
    std::byte* const pinned = take(part);
    cudaError_t status = cudaMemcpyAsync(pinned, from, part, cudaMemcpyDeviceToHost, stream_);
    if (status == cudaSuccess) status = cudaStreamSynchronize(stream_);
    if (status != cudaSuccess) return status;
    std::memcpy(to, pinned, part);
    to += part;
    from += part;
    bytes -= part;
  }
  return cudaSuccess;
}

}  // namespace chitu::cuda
