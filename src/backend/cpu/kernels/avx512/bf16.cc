// BF16 weights by activations rounded to BF16: vdpbf16ps, two columns an instruction. It treats
// subnormal numbers as zeros and adds products in float.
#include <cstring>

#include "backend/cpu/kernels/avx512/vec.h"
#include "backend/cpu/kernels/interleaved_multiply.h"
#include "backend/cpu/kernels/linear_tables.h"

namespace chitu::cpu {
namespace {

struct ReadPairs {
  using Vec = avx512::Vec;
  using Weights = __m512bh;
  using Value = uint16_t;
  using Input = uint16_t;
  static constexpr InterleavedFormat kFormat = kInterleavedBF16;
  static constexpr int kSteps = 1;
  static constexpr int kTileSums = 24;
  static constexpr int kTileTokens = 12;
  using TileUnits = std::integer_sequence<int, 4, 3, 2>;

  static PaddedRows<uint16_t> input(const LinearCall& call) { return call.bf16; }
  template <int kStep>
  static Weights load(const uint16_t* p) {
    return reinterpret_cast<__m512bh>(_mm512_loadu_si512(p));
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

constexpr LinearKernel kKernels[] = {{.format = DType::kBF16,
                                      .isa = Isa::kAvx512Bf16,
                                      .arithmetic = Arithmetic::kFast,
                                      .layout = LayoutKind::kInterleaved16,
                                      .input = LinearInput::kBf16,
                                      .panel = 0,
                                      .scratch_rows = 0,
                                      .multiply = InterleavedMultiply<ReadPairs>::run}};

}  // namespace

std::span<const LinearKernel> float_kernels_avx512_bf16() { return kKernels; }

}  // namespace chitu::cpu
