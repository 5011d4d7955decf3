// A whole file in memory, read-only, paged in by the kernel on first touch.
//
// A file that another process shortens while it is mapped raises SIGBUS on access, as for every
// memory map: checkpoints must not be rewritten in place while they are loaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/result.h"

namespace chitu {

class MappedFile {
 public:
  // Regular files only. An empty file maps to an empty span.
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }

  // True if the bytes lie in this file.
  bool contains(const void* data, std::size_t size) const;

  // Asks the kernel to read the range ahead, in the background.
  // REQUIRES: contains(data, size), as for release.
  void will_need(const void* data, std::size_t size) const;

  // Takes the pages that lie wholly in the range out of this process's resident memory. They stay
  // valid; touching them again reads them from the page cache or the disk.
  void release(const void* data, std::size_t size) const;

 private:
  MappedFile(const std::byte* data, std::size_t size) : data_(data), size_(size) {}

  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace chitu
