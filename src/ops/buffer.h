// Owned memory of a back end.
#pragma once

#include <cstddef>
#include <utility>

namespace chitu {

class Buffer {
 public:
  using Free = void (*)(void* data, std::size_t bytes, void* context);

  Buffer() = default;
  Buffer(void* data, std::size_t bytes, Free free, void* context = nullptr)
      : data_(data), bytes_(bytes), free_(free), context_(context) {}
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(free_, other.free_);
    std::swap(context_, other.context_);
    return *this;
  }
  ~Buffer() {
    if (data_ != nullptr && free_ != nullptr) free_(data_, bytes_, context_);
  }

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  bool empty() const { return data_ == nullptr; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  Free free_ = nullptr;
  void* context_ = nullptr;
};

}  // namespace chitu
