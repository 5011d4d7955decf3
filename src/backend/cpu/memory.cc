#include "backend/cpu/memory.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "base/round_up.h"

namespace chitu::cpu {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
// Smaller buffers come from the heap, larger ones get a mapping of their own. In between they share
// mappings; what one leaves unused at its end is address space, and a part of its last page.
constexpr std::size_t kSharedFrom = std::size_t{64} << 10;
constexpr std::size_t kOwnFrom = 2 * kHugePage;
constexpr std::size_t kSharedBytes = std::size_t{128} << 20;

// `length`, a multiple of kHugePage, of zeros, aligned to kHugePage; nullptr when there is no room.
// A page gets its memory when it is first written, on the NUMA node of the thread that writes.
std::byte* map(std::size_t length) {
  void* mapped =
      mmap(nullptr, length + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* begin = static_cast<std::byte*>(mapped);
  const std::size_t head = round_up(reinterpret_cast<std::uintptr_t>(begin), kHugePage) -
                           reinterpret_cast<std::uintptr_t>(begin);
  if (head > 0) munmap(begin, head);
  if (head < kHugePage) munmap(begin + head + length, kHugePage - head);
  return begin + head;
}

// A wish: smaller pages serve as well.
void wish_for_huge_pages(std::byte* begin, std::size_t bytes) {
  madvise(begin, bytes, MADV_HUGEPAGE);
}

void* map_own(std::size_t bytes) {
  std::byte* begin = map(round_up(bytes, kHugePage));
  if (begin == nullptr) return nullptr;
  // The last, partly used page stays small, so that memory is not taken for what nobody asked for.
  wish_for_huge_pages(begin, bytes / kHugePage * kHugePage);
  return begin;
}

}  // namespace

struct Memory::Shared {
  std::byte* begin = nullptr;
  std::size_t used = 0;
  std::atomic<int> owners{1};  // the buffers in it, and the Memory while it takes from it
};

Memory::~Memory() { release(current_); }

void Memory::release(Shared* mapping) {
  if (mapping == nullptr || mapping->owners.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  munmap(mapping->begin, kSharedBytes);
  delete mapping;
}

void* Memory::take(std::size_t bytes, Shared*& from) {
  const std::lock_guard<std::mutex> lock(mutex_);
  bytes = round_up(bytes, kAlignment);
  if (current_ == nullptr || current_->used + bytes > kSharedBytes) {
    std::byte* begin = map(kSharedBytes);
    if (begin == nullptr) return nullptr;
    wish_for_huge_pages(begin, kSharedBytes);
    release(current_);
    current_ = new Shared{.begin = begin};
  }
  void* data = current_->begin + current_->used;
  current_->used += bytes;
  current_->owners.fetch_add(1, std::memory_order_relaxed);
  from = current_;
  return data;
}

Result<Buffer> Memory::allocate(std::size_t bytes, Contents contents) {
  const auto no_room = [&] {
    return make_error(ErrorCode::kResourceExhausted, "cannot allocate {} bytes of memory", bytes);
  };
  if (bytes > SIZE_MAX / 2) return no_room();
  if (bytes >= kOwnFrom) {
    void* data = map_own(bytes);
    if (data == nullptr) return no_room();
    return Buffer(data, bytes,
                  [](void* p, std::size_t n, void*) { munmap(p, round_up(n, kHugePage)); });
  }
  if (bytes >= kSharedFrom) {
    Shared* from = nullptr;
    void* data = take(bytes, from);
    if (data == nullptr) return no_room();
    return Buffer(
        data, bytes,
        [](void*, std::size_t, void* mapping) { release(static_cast<Shared*>(mapping)); }, from);
  }
  void* data = std::aligned_alloc(kAlignment, round_up(bytes == 0 ? 1 : bytes, kAlignment));
  if (data == nullptr) return no_room();
  if (contents == Contents::kZero) std::memset(data, 0, bytes);
  return Buffer(data, bytes, [](void* p, std::size_t, void*) { std::free(p); });
}

}  // namespace chitu::cpu
