// BF16 weights, and F16 weights rounded to BF16, by activations rounded to BF16: vdpbf16ps, two
// columns an instruction. It treats subnormal numbers as zeros and adds products in float.
#include <cstring>

#include "backend/cpu/kernels/avx512/bf16_pairs.h"
#include "backend/cpu/kernels/avx512/vec.h"
#include "backend/cpu/kernels/interleaved_multiply.h"
#include "backend/cpu/kernels/linear_tables.h"
#include "backend/cpu/kernels/row_kernels.h"

namespace chitu::cpu {
namespace {

template <__m512bh (*kLoad)(const uint16_t*)>
struct ReadPairs {
  using Vec = avx512::Vec;
  using Weights = __m512bh;
  using Value = uint16_t;
  using Input = uint16_t;
  static constexpr InterleavedFormat kFormat = avx512::kPairs;
  static constexpr int kSteps = 1;
  static constexpr int kTileSums = 24;
  static constexpr int kTileTokens = 12;
  using TileUnits = std::integer_sequence<int, 8, 4, 3, 2>;

  static PaddedRows<uint16_t> input(const LinearCall& call) { return call.bf16; }
  template <int kStep>
  static Weights load(const uint16_t* p) {
    return kLoad(p);
  }
  static Weights activation(const uint16_t* x) {
    int32_t pair;
    std::memcpy(&pair, x, sizeof(pair));
    return reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
  }
  static __m512 multiply_add(Weights w, Weights x, __m512 sum) {
    return _mm512_dpbf16_ps(sum, w, x);
  }
};

constexpr Multiply kMultiplyBf16 = InterleavedMultiply<ReadPairs<avx512::load_bf16_item>>::run;

void multiply_f16(const LinearCall& call, int64_t begin, int64_t end) {
  // Rounded as they are read, once a tile, where tiles are few; otherwise once for all tiles.
  constexpr int64_t kFewTokens = 16;
  if (call.tokens <= kFewTokens) {
    InterleavedMultiply<ReadPairs<avx512::load_f16_item>>::run(call, begin, end);
  } else {
    avx512::multiply_rounded(call, begin, end, kMultiplyBf16);
  }
}

constexpr LinearKernel kKernels[] = {
    avx512::pairs_kernel(DType::kBF16, Isa::kAvx512Bf16, kMultiplyBf16),
    avx512::pairs_kernel(DType::kF16, Isa::kAvx512Bf16, multiply_f16),
};

// As row_kernels.h says, but that subnormal numbers become zeros.
void to_bf16(const float* x, uint16_t* y, int64_t n) {
  constexpr int kWidth = avx512::Vec::kWidth;
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i),
                        reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(_mm512_loadu_ps(x + i))));
  }
  if (i < n) {
    const auto left = static_cast<__mmask16>((1U << (n - i)) - 1);
    _mm256_mask_storeu_epi16(
        y + i, left,
        reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(left, x + i))));
  }
}

}  // namespace

const RowKernels& row_kernels_avx512_bf16() {
  static const RowKernels kTable = [] {
    RowKernels table = row_kernels_avx512();
    table.to_bf16 = to_bf16;
    return table;
  }();
  return kTable;
}

std::span<const LinearKernel> float_kernels_avx512_bf16() { return kKernels; }

}  // namespace chitu::cpu
