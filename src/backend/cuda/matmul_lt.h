// Products of many tokens, by cuBLASLt. The algorithm of a shape is chosen when it is first seen,
// by the library's own heuristics, and kept: what follows is a launch.
#pragma once

#include <cublasLt.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "base/result.h"
#include "tensor/dtype.h"

namespace chitu::cuda {

// y = x w^T + bias, summed in float.
struct LtProduct {
  DType type = DType::kBF16;  // of x and w: kF32, kF16 or kBF16
  const void* x = nullptr;    // [tokens, cols], rows x_stride elements apart
  int64_t x_stride = 0;
  const void* w = nullptr;  // [rows, cols], rows w_stride elements apart
  int64_t w_stride = 0;
  int64_t tokens = 0;
  int64_t rows = 0;
  int64_t cols = 0;
  const void* bias = nullptr;   // [rows] in y_type, aligned to 16 bytes; optional
  DType y_type = DType::kBF16;  // `type` or kF32
  void* y = nullptr;            // [tokens, rows], rows y_stride elements apart
  int64_t y_stride = 0;
};

class MatmulLt {
 public:
  // Of device memory, aligned to 256 bytes, that multiply() may use; what NVIDIA advises for
  // Hopper.
  static constexpr int64_t kWorkspaceBytes = int64_t{32} << 20;

  // Error: kInternal, kResourceExhausted.
  static Result<std::unique_ptr<MatmulLt>> create(int device);
  ~MatmulLt();
  MatmulLt(const MatmulLt&) = delete;
  MatmulLt& operator=(const MatmulLt&) = delete;

  // False where the library has no algorithm for this shape and type on this chip: nothing was
  // done. Error: kInternal.
  Result<bool> multiply(const LtProduct& product, std::byte* workspace, cudaStream_t stream);

 private:
  struct Descriptors;
  // Everything that the choice depends on.
  using Shape = std::array<int64_t, 12>;
  using Algorithm = std::optional<cublasLtMatmulAlgo_t>;  // nothing: there is none

  explicit MatmulLt(cublasLtHandle_t handle) : handle_(handle) {}
  Algorithm choose(const LtProduct& product) const;
  const Algorithm& algorithm(const LtProduct& product, int64_t tokens);

  cublasLtHandle_t handle_;
  std::map<Shape, Algorithm> algorithms_;
};

}  // namespace chitu::cuda
