#include "backend/cpu/memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace chitu::cpu {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kHugeFrom = 2 * kHugePage;

std::size_t round_up(std::size_t n, std::size_t unit) { return (n + unit - 1) / unit * unit; }

// Pages are zero and get their memory when they are first written, by the thread that writes.
void* map_huge(std::size_t bytes) {
  const std::size_t length = round_up(bytes, kHugePage);
  void* mapped =
      mmap(nullptr, length + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* begin = static_cast<std::byte*>(mapped);
  const std::size_t head = round_up(reinterpret_cast<std::uintptr_t>(begin), kHugePage) -
                           reinterpret_cast<std::uintptr_t>(begin);
  if (head > 0) munmap(begin, head);
  if (head < kHugePage) munmap(begin + head + length, kHugePage - head);
  // A wish: smaller pages serve as well. The last, partly used page stays small, so that memory is
  // not taken for what nobody asked for.
  madvise(begin + head, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
  return begin + head;
}

}  // namespace

Result<Buffer> allocate_memory(std::size_t bytes, Contents contents) {
  const bool huge = bytes >= kHugeFrom;
  void* data = nullptr;
  if (bytes <= SIZE_MAX / 2) {
    data = huge ? map_huge(bytes) : std::aligned_alloc(64, round_up(bytes == 0 ? 1 : bytes, 64));
  }
  if (data == nullptr) {
    return make_error(ErrorCode::kResourceExhausted, "cannot allocate {} bytes of memory", bytes);
  }
  if (huge) {
    return Buffer(data, bytes,
                  [](void* p, std::size_t n, void*) { munmap(p, round_up(n, kHugePage)); });
  }
  if (contents == Contents::kZero) std::memset(data, 0, bytes);
  return Buffer(data, bytes, [](void* p, std::size_t, void*) { std::free(p); });
}

}  // namespace chitu::cpu
