// Bump memory for the intermediate results of one step. Nothing is freed one by one: reset() starts
// the next step. An arena without memory only measures: its peak() is what the largest step needs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/round_up.h"
#include "tensor/tensor_ref.h"

namespace chitu {

class Arena {
 public:
  static constexpr std::size_t kAlignment = 64;

  Arena() = default;  // measuring
  Arena(void* memory, std::size_t capacity)
      : base_(static_cast<std::byte*>(memory)), capacity_(capacity) {}

  // While measuring, the result points nowhere and must not be read or written.
  TensorRef allocate(DType dtype, const Shape& shape) {
    const auto bytes = static_cast<std::size_t>(bytes_for(dtype, shape.elements()));
    const std::size_t begin = used_;
    used_ += round_up(bytes, kAlignment);
    peak_ = std::max(peak_, used_);
    CHECK(measuring() || used_ <= capacity_);
    void* data = measuring() ? reinterpret_cast<void*>(kAlignment + begin) : base_ + begin;
    return TensorRef::contiguous(data, dtype, shape);
  }

  bool measuring() const { return base_ == nullptr; }
  std::size_t used() const { return used_; }
  std::size_t peak() const { return peak_; }
  void reset() { used_ = 0; }

  // Gives back what was allocated since `mark` = used().
  void rewind(std::size_t mark) { used_ = mark; }

 private:
  std::byte* base_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  std::size_t peak_ = 0;
};

}  // namespace chitu
