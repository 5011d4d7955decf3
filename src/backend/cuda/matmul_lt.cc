#include "backend/cuda/matmul_lt.h"

#include <algorithm>
#include <limits>

#include "backend/cuda/error.h"
#include "base/check.h"
#include "base/round_up.h"

namespace chitu::cuda {
namespace {

constexpr float kOne = 1.0F;
constexpr float kZero = 0.0F;

cudaDataType_t data_type(DType type) {
  switch (type) {
    case DType::kF32:
      return CUDA_R_32F;
    case DType::kF16:
      return CUDA_R_16F;
    case DType::kBF16:
      return CUDA_R_16BF;
    default:
      CHECK(false);
  }
}

// The largest power of two, up to 16, that the address and the distance of rows are multiples of.
uint32_t alignment(const void* data, int64_t stride, DType type) {
  const auto bits = reinterpret_cast<uintptr_t>(data) |
                    static_cast<uintptr_t>(stride * info(type).block_bytes) | uintptr_t{16};
  return static_cast<uint32_t>(bits & -bits);
}

// The numbers of tokens that share an algorithm: steps of serving have almost any number, and
// choosing takes the host as long as some steps take the device.
int64_t bucket(int64_t tokens) { return round_up(tokens, tokens <= 1024 ? 64 : 512); }

Error library_error(cublasStatus_t status, const LtProduct& p) {
  return make_error(ErrorCode::kInternal, "cuBLASLt: {} x {} x {} in {}: {}", p.tokens, p.rows,
                    p.cols, name(p.type), cublasLtGetStatusString(status));
}

}  // namespace

// What cuBLASLt calls column-major with columns: rows of ours.
struct MatmulLt::Descriptors {
  cublasLtMatmulDescOpaque_t product;
  cublasLtMatrixLayoutOpaque_t w;
  cublasLtMatrixLayoutOpaque_t x;
  cublasLtMatrixLayoutOpaque_t y;

  // The status of the first that failed.
  cublasStatus_t fill(const LtProduct& p, int64_t tokens) {
    cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
    const auto check = [&](cublasStatus_t s) {
      if (status == CUBLAS_STATUS_SUCCESS) status = s;
    };
    const auto set = [&](cublasLtMatmulDescAttributes_t attribute, const auto& value) {
      check(cublasLtMatmulDescSetAttribute(&product, attribute, &value, sizeof(value)));
    };
    const auto layout = [&](cublasLtMatrixLayoutOpaque_t& matrix, DType type, int64_t rows,
                            int64_t cols, int64_t stride) {
      check(cublasLtMatrixLayoutInit(&matrix, data_type(type), static_cast<uint64_t>(cols),
                                     static_cast<uint64_t>(rows), stride));
    };
    check(cublasLtMatmulDescInit(&product, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
    if (p.bias != nullptr) {
      set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
      set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);
      set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, data_type(p.y_type));
    }
    layout(w, p.type, p.rows, p.cols, p.w_stride);
    layout(x, p.type, tokens, p.cols, p.x_stride);
    layout(y, p.y_type, tokens, p.rows, p.y_stride);
    return status;
  }
};

Result<std::unique_ptr<MatmulLt>> MatmulLt::create(int device) {
  TRY_STATUS(check(cudaSetDevice(device), "choosing the device"));
  cublasLtHandle_t handle = nullptr;
  if (const cublasStatus_t status = cublasLtCreate(&handle); status != CUBLAS_STATUS_SUCCESS) {
    const ErrorCode code =
        status == CUBLAS_STATUS_ALLOC_FAILED ? ErrorCode::kResourceExhausted : ErrorCode::kInternal;
    return make_error(code, "cuBLASLt cannot start: {}", cublasLtGetStatusString(status));
  }
  return std::unique_ptr<MatmulLt>(new MatmulLt(handle));
}

MatmulLt::~MatmulLt() { static_cast<void>(cublasLtDestroy(handle_)); }

MatmulLt::Algorithm MatmulLt::choose(const LtProduct& p) const {
  Descriptors d;
  if (d.fill(p, p.tokens) != CUBLAS_STATUS_SUCCESS) return std::nullopt;
  cublasLtMatmulPreferenceOpaque_t preference;
  bool ok = cublasLtMatmulPreferenceInit(&preference) == CUBLAS_STATUS_SUCCESS;
  const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
    ok = ok && cublasLtMatmulPreferenceSetAttribute(&preference, attribute, &value,
                                                    sizeof(value)) == CUBLAS_STATUS_SUCCESS;
  };
  const uint32_t of_w = alignment(p.w, p.w_stride, p.type);
  const uint32_t of_x = alignment(p.x, p.x_stride, p.type);
  const uint32_t of_y = alignment(p.y, p.y_stride, p.y_type);
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<uint64_t>(kWorkspaceBytes));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, of_w);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, of_x);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, of_y);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, of_y);
  cublasLtMatmulHeuristicResult_t result{};
  int found = 0;
  if (!ok ||
      cublasLtMatmulAlgoGetHeuristic(handle_, &d.product, &d.w, &d.x, &d.y, &d.y, &preference, 1,
                                     &result, &found) != CUBLAS_STATUS_SUCCESS) {
    return std::nullopt;
  }
  if (found == 0 || result.state != CUBLAS_STATUS_SUCCESS) return std::nullopt;
  return result.algo;
}

const MatmulLt::Algorithm& MatmulLt::algorithm(const LtProduct& p, int64_t tokens) {
  const Shape shape = {static_cast<int64_t>(p.type),
                       static_cast<int64_t>(p.y_type),
                       p.bias != nullptr ? 1 : 0,
                       tokens,
                       p.rows,
                       p.cols,
                       p.x_stride,
                       p.w_stride,
                       p.y_stride,
                       alignment(p.w, p.w_stride, p.type),
                       alignment(p.x, p.x_stride, p.type),
                       alignment(p.y, p.y_stride, p.y_type)};
  const auto [entry, is_new] = algorithms_.try_emplace(shape);
  if (is_new) {
    LtProduct asked = p;
    asked.tokens = tokens;
    entry->second = choose(asked);
  }
  return entry->second;
}

Result<bool> MatmulLt::multiply(const LtProduct& p, std::byte* workspace, cudaStream_t stream) {
  Descriptors d;
  if (const cublasStatus_t status = d.fill(p, p.tokens); status != CUBLAS_STATUS_SUCCESS)
    return library_error(status, p);
  // An algorithm that serves the bucket may, in principle, not serve a number in it.
  for (const int64_t tokens : {bucket(p.tokens), p.tokens}) {
    const Algorithm& algorithm = this->algorithm(p, tokens);
    if (!algorithm) continue;
    const cublasStatus_t status = cublasLtMatmul(
        handle_, &d.product, &kOne, p.w, &d.w, p.x, &d.x, &kZero, p.y, &d.y, p.y, &d.y, &*algorithm,
        workspace, static_cast<std::size_t>(kWorkspaceBytes), stream);
    if (status == CUBLAS_STATUS_SUCCESS) return true;
    if (status != CUBLAS_STATUS_NOT_SUPPORTED && status != CUBLAS_STATUS_INVALID_VALUE)
      return library_error(status, p);
  }
  return false;
}

}  // namespace chitu::cuda
