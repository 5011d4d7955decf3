// Conformance: every operation on every back end, against the reference back end.
//
// A case is a function from a Side, one back end and its tensors, to the numbers the operation
// produced. It runs once on the reference and once on the back end under test, with the same
// inputs, and the numbers are compared. A new back end adds a line to backends.cc and gets every
// case.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <ostream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "ops/ops.h"

namespace chitu::conformance {

// How far results may be from the reference: |found - wanted| <= tolerance * (|wanted| + rms), with
// rms the root mean square of all that was wanted. The reference accumulates in double.
struct Tolerance {
  // Float sums of up to a few thousand terms: n roundings of 2^-24, in random directions, of
  // partial sums as large as the result: about sqrt(n) * 6e-8. Results that are activations of
  // fewer bits are rounded once more, and some, such as a query on its way to attention, twice.
  double activations = 2e-5;
  // Half of the smallest number that an activation can be, beside the share of its size.
  double smallest = 0;
  // Linear with integer weights of at most 8 bits. The same where activations stay float. Where
  // they are quantized to 8 bits in blocks of 32 normally distributed values, the step is about 2.1
  // sigma / 127, its error's standard deviation 0.5 % of sigma, and so is that of the result; the
  // largest of thousands of results may be five times that off.
  double quantized_linear = 2e-5;
  // Linear with weights in F32 or FP8. The same where they stay what they are; where they are
  // rounded to the activations' type, as half_linear says of activations.
  double float_linear = 2e-5;
  // Linear with weights in BF16 or F16. The same where activations stay float. Where they are
  // rounded to 8 significant bits, and weights in F16 are too, an error is at most 2^-9 of its
  // value, its standard deviation about 0.16 % of sigma at worst, and that of the result 0.16 or
  // 0.23 % of its own; the largest of some thousand results may be four times that off.
  double half_linear = 2e-5;

  double linear(DType weights) const {
    if (weights == DType::kF8_G128 || weights == DType::kF32) return float_linear;
    return is_quantized(weights) ? quantized_linear : half_linear;
  }
};

// How many threads a back end may get: few is what cases run on.
inline constexpr int kFewThreads = 3;
inline constexpr int kThreads[] = {1, kFewThreads, 16};

// Every format of weights and caches that there is.
inline constexpr DType kWeightFormats[] = {
    DType::kF32,     DType::kF16,    DType::kBF16,   DType::kQ8_0,    DType::kQ4_0,
    DType::kQ4_1,    DType::kQ5_0,   DType::kQ5_1,   DType::kQ2_K,    DType::kQ3_K,
    DType::kQ4_K,    DType::kQ5_K,   DType::kQ6_K,   DType::kI4_G32,  DType::kI4_G64,
    DType::kI4_G128, DType::kI8_G32, DType::kI8_G64, DType::kI8_G128, DType::kF8_G128};
inline constexpr DType kCacheFormats[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0};

using Formats = std::vector<DType>;

struct Backend {
  std::string name;  // of the test: letters, digits, underscores
  // Null where this machine cannot run it. `threads` of the CPU, for those that use them: one of
  // kThreads.
  std::function<std::unique_ptr<Ops>(int threads)> make;
  Tolerance tolerance = {};
  // What it has kernels for. Cases with others are left out; prepare() refuses such weights.
  Formats weights = {std::begin(kWeightFormats), std::end(kWeightFormats)};
  Formats caches = {std::begin(kCacheFormats), std::end(kCacheFormats)};
  // A token comes to the same, to the last bit, whatever else is computed in its step.
  bool tokens_are_alone = true;

  friend void PrintTo(const Backend& backend, std::ostream* out) { *out << backend.name; }
};

// backends.cc
std::vector<Backend> backends();

using Floats = std::vector<float>;
using Ints = std::vector<int32_t>;

// One back end, and the memory of the tensors made on it.
class Side {
 public:
  // `precision`: what activations are rounded to, so that both sides start from the same numbers.
  Side(Ops& ops, DType precision) : ops_(ops), precision_(precision) {}

  Ops& ops() { return ops_; }

  // Activations in the back end's dtype; rows `padding` elements further apart than they are wide.
  TensorRef activations(const Floats& values, const Shape& shape, int64_t padding = 0);
  TensorRef f32(const Floats& values, const Shape& shape, int64_t padding = 0);
  TensorRef floats(DType dtype, const Floats& values, const Shape& shape, int64_t padding = 0);
  // A cache of keys or values before anything is stored: NaN in every float format.
  TensorRef empty_cache(DType dtype, const Shape& shape);
  TensorRef ints(const Ints& values, const Shape& shape);
  TensorRef ints(const Ints& values) { return ints(values, {static_cast<int64_t>(values.size())}); }

  // Outputs start as 77 everywhere, so that what an operation leaves out is seen.
  TensorRef output(const Shape& shape, int64_t padding = 0);
  TensorRef f32_output(const Shape& shape, int64_t padding = 0);
  TensorRef int_output(int64_t n);

  // A weight whose parts hold `bytes` in the formats given.
  struct Part {
    DType format;
    int64_t rows;
    std::vector<std::byte> bytes;
  };
  const Weight* weight(const std::vector<Part>& parts, int64_t cols);

  void run(const Op& op);  // shapes are checked first
  Floats read(const TensorRef& x);
  Ints read_ints(const TensorRef& x);
  // What lies between the rows of x, padding included, is still 77.
  void expect_padding_untouched(const TensorRef& x);

 private:
  TensorRef make(DType dtype, const Shape& shape, int64_t padding,
                 const std::vector<std::byte>& bytes);
  std::vector<std::byte> download(const TensorRef& x);

  Ops& ops_;
  DType precision_;
  std::vector<Buffer> buffers_;
  std::vector<std::unique_ptr<Weight>> weights_;
};

class Conformance : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override;

  using Case = std::function<Floats(Side&)>;
  void expect_same(const Case& run, double tolerance);
  void expect_same(const Case& run) { expect_same(run, GetParam().tolerance.activations); }
  static void expect_close(const Floats& found, const Floats& wanted, double tolerance);

  // Those of a list that the back end has kernels for.
  static bool takes_weights(DType format);
  static Formats weight_formats(std::span<const DType> formats);
  static std::vector<Side::Part> weight_parts(std::vector<Side::Part> parts);
  static const Formats& cache_formats() { return GetParam().caches; }

  // The numbers are the same to the last bit whatever the number of threads.
  void expect_same_on_any_threads(const Case& run);

  using IntCase = std::function<Ints(Side&)>;
  void expect_same_ints(const IntCase& run);

  Floats normal(int64_t n, float sigma = 1.0F);
  int64_t between(int64_t least, int64_t most);
  // Random bytes that decode to finite values of about the size of 1 in any format.
  Side::Part random_part(DType format, int64_t rows, int64_t cols);
  Side::Part random_grouped_part(Side::Part part, Floats& values);

  std::mt19937 random_{12345};
  std::unique_ptr<Ops> device_;
  std::unique_ptr<Ops> reference_;
};

std::string backend_name(const testing::TestParamInfo<Backend>& info);

}  // namespace chitu::conformance

// One line at the end of each file of cases.
#define CHITU_CONFORMANCE_BACKENDS(Suite)                                                      \
  INSTANTIATE_TEST_SUITE_P(Backends, Suite, testing::ValuesIn(chitu::conformance::backends()), \
                           chitu::conformance::backend_name)
