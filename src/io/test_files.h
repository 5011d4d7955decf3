// Checkpoint files for tests, byte by byte, right or wrong.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf_metadata.h"

namespace chitu {

template <class T>
std::string little_endian(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

inline std::string safetensors_bytes(std::string_view header, std::string_view data = "") {
  return little_endian<uint64_t>(header.size()) + std::string(header) + std::string(data);
}

// A directory of the test's own, removed at its end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = ::testing::TempDir() + "chitu_XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::filesystem::path& name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

class GgufBytes {
 public:
  std::string magic = "GGUF";
  uint32_t version = 3;
  int64_t extra_metadata = 0;  // added to the count
  int64_t extra_tensors = 0;
  uint64_t alignment = 32;  // of the data section

  static std::string text(std::string_view value) {
    return little_endian<uint64_t>(value.size()) + std::string(value);
  }

  // One entry with any value bytes.
  void raw(std::string_view key, uint32_t type, std::string_view value) {
    metadata_ += text(key) + little_endian(type) + std::string(value);
    ++metadata_count_;
  }
  void string(std::string_view key, std::string_view value) {
    raw(key, static_cast<uint32_t>(GgufType::kString), text(value));
  }
  void integer(std::string_view key, GgufType type, int64_t value) {
    const auto size = static_cast<std::size_t>(scalar_bytes(type));
    raw(key, static_cast<uint32_t>(type), little_endian(value).substr(0, size));
  }
  void array(std::string_view key, GgufType element, uint64_t count, std::string_view elements) {
    raw(key, static_cast<uint32_t>(GgufType::kArray),
        little_endian(static_cast<uint32_t>(element)) + little_endian(count) +
            std::string(elements));
  }

  // A tensor description, its data elsewhere.
  void describe(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type,
                uint64_t offset) {
    tensors_ += text(name) + little_endian(static_cast<uint32_t>(dims.size()));
    for (const uint64_t dim : dims) tensors_ += little_endian(dim);
    tensors_ += little_endian(type) + little_endian(offset);
    ++tensor_count_;
  }
  // A tensor and its data, behind what is there already.
  void tensor(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type,
              std::string_view data) {
    data_.resize((data_.size() + alignment - 1) / alignment * alignment);
    describe(name, dims, type, data_.size());
    data_ += data;
  }

  std::string bytes() const {
    std::string file =
        magic + little_endian(version) + little_endian<int64_t>(tensor_count_ + extra_tensors) +
        little_endian<int64_t>(metadata_count_ + extra_metadata) + metadata_ + tensors_;
    file.resize((file.size() + alignment - 1) / alignment * alignment);
    return file + data_;
  }

 private:
  std::string metadata_;
  std::string tensors_;
  std::string data_;
  int64_t metadata_count_ = 0;
  int64_t tensor_count_ = 0;
};

}  // namespace chitu
