#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "harness.h"
#include "tensor/format/half.h"

namespace chitu::conformance {
namespace {

constexpr DType kPlain[] = {DType::kF32, DType::kF16, DType::kBF16};
// kWeightFormats has those first.
constexpr std::span<const DType> kQuantized = std::span(kWeightFormats).subspan(std::size(kPlain));

// Where a block's scales in F16 are. Formats in groups begin with a scale in F32.
std::vector<std::size_t> half_scales(DType format) {
  switch (format) {
    case DType::kQ4_1:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K:
      return {0, 2};
    case DType::kQ2_K:
      return {80, 82};
    case DType::kQ3_K:
      return {108};
    case DType::kQ6_K:
      return {208};
    default:
      return {0};
  }
}

// Every byte is `fill`, the integer scales of groups included; the scales in float are not.
Side::Part filled_part(DType format, int64_t rows, int64_t cols, uint8_t fill) {
  constexpr float kScales[] = {0.25F, 0.375F};
  Side::Part part{format, rows, {}};
  part.bytes.resize(static_cast<std::size_t>(bytes_for(format, rows * cols)), std::byte{fill});
  const auto block_bytes = static_cast<std::size_t>(info(format).block_bytes);
  for (std::size_t at = 0; at < part.bytes.size(); at += block_bytes) {
    if (format >= DType::kI4_G32) {
      std::memcpy(part.bytes.data() + at, kScales, sizeof(float));
      continue;
    }
    const float* scale = kScales;
    for (const std::size_t offset : half_scales(format)) {
      const uint16_t half = float_to_half(*scale++);
      std::memcpy(part.bytes.data() + at + offset, &half, sizeof(half));
    }
  }
  return part;
}

class Linears : public Conformance {
 protected:
  struct Form {
    int64_t tokens;
    int64_t cols;
    bool bias = false;
    int64_t padding = 0;
  };

  void check(const std::vector<Side::Part>& all_parts, const Form& form) {
    const std::vector<Side::Part> parts = weight_parts(all_parts);
    if (parts.empty()) return;
    SCOPED_TRACE(testing::Message()
                 << name(parts[0].format) << " x" << parts.size() << " rows " << parts[0].rows
                 << " cols " << form.cols << " tokens " << form.tokens);
    int64_t rows = 0;
    double tolerance = 0.0;
    for (const Side::Part& part : parts) {
      rows += part.rows;
      tolerance = std::max(tolerance, GetParam().tolerance.linear(part.format));
    }
    const Floats x = normal(form.tokens * form.cols);
    const Floats bias = normal(rows);
    const auto run = [&](Side& side) {
      const TensorRef y = side.output({form.tokens, rows}, form.padding);
      side.run(Linear{.x = side.activations(x, {form.tokens, form.cols}, form.padding),
                      .weight = side.weight(parts, form.cols),
                      .bias = form.bias ? side.f32(bias, {rows}) : TensorRef(),
                      .y = y});
      side.expect_padding_untouched(y);
      return side.read(y);
    };
    expect_same(run, tolerance);
  }
};

TEST_P(Linears, PlainFormats) {
  for (const DType format : kPlain) {
    for (const int64_t tokens : {1, 2, 3, 4, 5, 9, 12, 13, 33, 77}) {
      const int64_t rows = between(1, 150);
      const int64_t cols = between(1, 100);
      check({random_part(format, rows, cols)},
            {.tokens = tokens, .cols = cols, .bias = tokens % 2 == 0});
    }
    check({random_part(format, 64, 576)}, {.tokens = 7, .cols = 576});
    check({random_part(format, 1, 1)}, {.tokens = 1, .cols = 1});
  }
}

TEST_P(Linears, QuantizedFormats) {
  for (const DType format : weight_formats(kQuantized)) {
    const int64_t block = info(format).block_elements;
    for (const int64_t tokens : {1, 2, 3, 8, 9, 21}) {
      const int64_t rows = between(1, 70);
      const int64_t cols = between(1, 1024 / block) * block;
      check({random_part(format, rows, cols)},
            {.tokens = tokens, .cols = cols, .bias = tokens % 2 == 0});
    }
    check({random_part(format, 16, block)}, {.tokens = 1, .cols = block});
    check({random_part(format, 17, block)}, {.tokens = 4, .cols = block});
  }
}

TEST_P(Linears, ManyTokensPassInTurns) {
  check({random_part(DType::kQ4_1, 24, 64)}, {.tokens = 300, .cols = 64, .bias = true});
  check({random_part(DType::kBF16, 24, 40)}, {.tokens = 300, .cols = 40, .bias = true});
}

TEST_P(Linears, SegmentsOfDifferentFormats) {
  const int64_t cols = 256;
  check({random_part(DType::kQ4_K, 19, cols), random_part(DType::kQ4_K, 5, cols),
         random_part(DType::kQ6_K, 33, cols)},
        {.tokens = 3, .cols = cols, .bias = true});
  check({random_part(DType::kBF16, 3, cols), random_part(DType::kQ8_0, 40, cols),
         random_part(DType::kF32, 9, cols)},
        {.tokens = 10, .cols = cols, .bias = true});
  check({random_part(DType::kF8_G128, 21, cols), random_part(DType::kF8_G128, 4, cols),
         random_part(DType::kF16, 7, cols), random_part(DType::kF8_G128, 30, cols)},
        {.tokens = 5, .cols = cols, .bias = true});
  check({random_part(DType::kF32, 50, cols), random_part(DType::kF8_G128, 14, cols)},
        {.tokens = 65, .cols = cols, .bias = true});
}

TEST_P(Linears, ViewsOfWiderRows) {
  check({random_part(DType::kQ8_0, 20, 96)}, {.tokens = 5, .cols = 96, .padding = 13});
  check({random_part(DType::kF32, 20, 30)}, {.tokens = 5, .cols = 30, .padding = 3});
}

TEST_P(Linears, LogitsAreFloatWhateverTheActivations) {
  const Side::Part part = random_part(DType::kF16, 40, 48);
  const Floats x = normal(2 * 48);
  expect_same(
      [&](Side& side) {
        const TensorRef y = side.f32_output({2, 40});
        side.run(
            Linear{.x = side.activations(x, {2, 48}), .weight = side.weight({part}, 48), .y = y});
        return side.read(y);
      },
      GetParam().tolerance.linear(DType::kF16));
}

// Each column and row in turn: a kernel that loses or doubles one cannot pass.
TEST_P(Linears, EveryColumnCounts) {
  for (const DType format : weight_formats(kWeightFormats)) {
    const int64_t cols = is_quantized(format) ? 256 : 67;
    const Side::Part part = random_part(format, 18, cols);
    Floats x(cols * cols);
    for (int64_t i = 0; i < cols; ++i) x[i * cols + i] = 1.0F;  // exact in 8 bits too
    SCOPED_TRACE(name(format));
    expect_same(
        [&](Side& side) {
          const TensorRef y = side.output({cols, 18});
          side.run(Linear{
              .x = side.activations(x, {cols, cols}), .weight = side.weight({part}, cols), .y = y});
          return side.read(y);
        },
        format == DType::kF16 ? GetParam().tolerance.half_linear
                              : GetParam().tolerance.activations);
  }
}

// However many tokens there are, each is computed as if it were alone.
TEST_P(Linears, TokensDoNotChangeEachOther) {
  for (const DType format : weight_formats(kWeightFormats)) {
    SCOPED_TRACE(name(format));
    constexpr int64_t kTokens = 45;
    constexpr int64_t kRows = 75;
    constexpr int64_t kCols = 256;
    Side side(*device_, device_->activation_dtype());
    const Floats x = normal(kTokens * kCols);
    const Weight* weight = side.weight({random_part(format, kRows, kCols)}, kCols);
    const auto rows = [&](int64_t first, int64_t count) {
      const TensorRef y = side.output({count, kRows});
      side.run(Linear{.x = side.activations(
                          Floats(x.begin() + first * kCols, x.begin() + (first + count) * kCols),
                          {count, kCols}),
                      .weight = weight,
                      .y = y});
      return side.read(y);
    };
    const Floats together = rows(0, kTokens);
    for (const int64_t count : {1, 2, 5, 16, 33}) {
      const Floats some = rows(kTokens - count, count);
      SCOPED_TRACE(testing::Message() << count << " of " << kTokens);
      const Floats wanted(together.end() - count * kRows, together.end());
      if (GetParam().tokens_are_alone) {
        EXPECT_TRUE(some == wanted);
      } else {
        expect_close(some, wanted, GetParam().tolerance.activations);
      }
    }
  }
}

TEST_P(Linears, ThreadsDoNotChangeTheResult) {
  for (const DType format : weight_formats(kWeightFormats)) {
    SCOPED_TRACE(name(format));
    constexpr int64_t kCols = 256;
    const std::vector<Side::Part> parts =
        weight_parts({random_part(format, 300, kCols), random_part(DType::kQ8_0, 21, kCols),
                      random_part(DType::kF32, 21, kCols)});
    for (const int64_t tokens : {1, 5, 45}) {
      const Floats x = normal(tokens * kCols);
      int64_t rows = 0;
      for (const Side::Part& part : parts) rows += part.rows;
      expect_same_on_any_threads([&](Side& side) {
        const TensorRef y = side.output({tokens, rows});
        side.run(Linear{.x = side.activations(x, {tokens, kCols}),
                        .weight = side.weight(parts, kCols),
                        .y = y});
        return side.read(y);
      });
    }
  }
}

// Codes and activations at the ends of their ranges, where sums of products are the largest that an
// accumulator of 16 or 32 bits must hold. Activations of one magnitude are exact in 8 bits, so the
// result is as exact as that of float.
TEST_P(Linears, ExtremeCodes) {
  constexpr int64_t kCols = 512;
  constexpr int64_t kRows = 19;
  constexpr int64_t kTokens = 23;  // panels of every size
  using Sign = float (*)(int64_t column);
  constexpr Sign kSigns[] = {
      [](int64_t) { return 1.0F; },
      [](int64_t) { return -1.0F; },
      [](int64_t column) { return column % 2 == 0 ? 1.0F : -1.0F; },
      [](int64_t column) { return column / 2 % 2 == 0 ? 1.0F : -1.0F; },
      [](int64_t column) { return column / 16 % 2 == 0 ? 1.0F : -1.0F; },
  };
  for (const DType format : weight_formats(kQuantized)) {
    if (format == DType::kF8_G128) continue;
    for (const int fill : {0x00, 0x7f, 0x80, 0xff}) {
      SCOPED_TRACE(testing::Message() << name(format) << " codes " << fill);
      const Side::Part part = filled_part(format, kRows, kCols, static_cast<uint8_t>(fill));
      for (int64_t shift = 0; shift < 5; ++shift) {
        Floats x;
        for (int64_t i = 0; i < kTokens * kCols; ++i)
          x.push_back(kSigns[(i / kCols + shift) % 5](i % kCols));
        expect_same(
            [&](Side& side) {
              const TensorRef y = side.output({kTokens, kRows});
              side.run(Linear{.x = side.activations(x, {kTokens, kCols}),
                              .weight = side.weight({part}, kCols),
                              .y = y});
              return side.read(y);
            },
            GetParam().tolerance.activations);
      }
    }
  }
}

TEST_P(Linears, ExtremeActivations) {
  if (!takes_weights(DType::kQ4_0)) GTEST_SKIP() << "no weights in Q4_0";
  const Side::Part part = random_part(DType::kQ4_0, 16, 64);
  for (const float size : {0.0F, 1e-40F, 1e-20F, 1e20F}) {
    Floats x = normal(64, size);
    x[40] = 0.0F;
    expect_same(
        [&](Side& side) {
          const TensorRef y = side.output({1, 16});
          side.run(
              Linear{.x = side.activations(x, {1, 64}), .weight = side.weight({part}, 64), .y = y});
          Floats scaled = side.read(y);
          // Results below the smallest normal float may be flushed to zero.
          for (float& v : scaled) v = std::fabs(v) < 1e-37F ? 0.0F : v;
          return scaled;
        },
        GetParam().tolerance.quantized_linear);
  }
}

// What is not finite neither becomes a plausible number nor reaches another token.
TEST_P(Linears, NotFiniteInNotFiniteOut) {
  constexpr int64_t kTokens = 22;  // panels of every size
  constexpr int64_t kRows = 37;
  constexpr int64_t kCols = 512;
  for (const DType format : weight_formats(kWeightFormats)) {
    const Side::Part part = random_part(format, kRows, kCols);
    Side side(*device_, device_->activation_dtype());
    const Weight* weight = side.weight({part}, kCols);
    const auto multiply = [&](const Floats& x) {
      const TensorRef y = side.output({kTokens, kRows});
      side.run(Linear{.x = side.activations(x, {kTokens, kCols}), .weight = weight, .y = y});
      return side.read(y);
    };
    const Floats x = normal(kTokens * kCols);
    const Floats finite = multiply(x);
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN(),
          std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
      SCOPED_TRACE(testing::Message() << name(format) << ", activation " << bad);
      for (const int64_t token : {3, 17, 20, 21}) {
        Floats spoilt = x;
        spoilt[token * kCols + between(0, kCols - 1)] = bad;
        const Floats y = multiply(spoilt);
        for (int64_t i = 0; i < kTokens * kRows; ++i) {
          if (i / kRows != token) {
            ASSERT_EQ(y[i], finite[i]) << "token " << i / kRows << " beside " << token;
          } else if (std::isnan(bad)) {
            ASSERT_TRUE(std::isnan(y[i])) << "row " << i % kRows << ": " << y[i];
          } else {
            ASSERT_FALSE(std::isfinite(y[i])) << "row " << i % kRows << ": " << y[i];
          }
        }
      }
    }
  }
}

// Each token, and each row of the weight, is as precise as it would be alone: no scale is shared
// with a neighbour that is ten thousand times larger.
TEST_P(Linears, RowsOfVeryDifferentSizes) {
  constexpr int64_t kTokens = 21;
  constexpr int64_t kCols = 256;
  constexpr int64_t kRows = 37;
  const auto size_of = [](int64_t row) { return std::ldexp(1.0F, row % 3 == 0 ? 9 : -7); };
  // Formats whose blocks begin with their one scale, and formats whose rows stay as they are.
  const auto is_scaled = [](DType format) {
    return format == DType::kQ8_0 || format == DType::kQ4_0 || format == DType::kQ5_0;
  };
  Floats x = normal(kTokens * kCols);
  for (int64_t i = 0; i < kTokens * kCols; ++i) x[i] *= size_of(i / kCols);
  for (const DType format : weight_formats(kWeightFormats)) {
    SCOPED_TRACE(name(format));
    Side::Part part = random_part(format, kRows, kCols);
    const int64_t blocks = kCols / info(format).block_elements;
    for (int64_t block = 0; is_scaled(format) && block < kRows * blocks; ++block) {
      uint16_t scale = 0;
      std::byte* at = part.bytes.data() + block * info(format).block_bytes;
      std::memcpy(&scale, at, sizeof(scale));
      scale = float_to_half(half_to_float(scale) * size_of(block / blocks));
      std::memcpy(at, &scale, sizeof(scale));
    }
    expect_same(
        [&](Side& side) {
          const TensorRef y = side.output({kTokens, kRows});
          side.run(Linear{.x = side.activations(x, {kTokens, kCols}),
                          .weight = side.weight({part}, kCols),
                          .y = y});
          Floats values = side.read(y);
          for (int64_t i = 0; i < kTokens * kRows; ++i) {
            values[i] /= size_of(i / kRows) * (is_scaled(format) ? size_of(i % kRows) : 1.0F);
          }
          return values;
        },
        GetParam().tolerance.linear(format));
  }
}

TEST_P(Linears, EmbedDecodesExactly) {
  for (const DType format : weight_formats(kWeightFormats)) {
    const int64_t cols = is_quantized(format) ? 512 : 517;
    const std::vector<Side::Part> parts = {random_part(format, 37, cols),
                                           random_part(DType::kF32, 3, cols)};
    SCOPED_TRACE(name(format));
    for (const float scale : {1.0F, 0.5F}) {
      expect_same(
          [&](Side& side) {
            const TensorRef y = side.output({6, cols}, 5);
            side.run(Embed{.ids = side.ints({0, 36, 17, 17, 39, 37}),
                           .table = side.weight(parts, cols),
                           .scale = scale,
                           .y = y});
            side.expect_padding_untouched(y);
            return side.read(y);
          },
          device_->activation_dtype() == DType::kF32 ? 0.0 : GetParam().tolerance.activations);
    }
  }
}

// Scales and zeros that are tensors of their own, beside a part that has none.
TEST_P(Linears, ScalesBesideTheValues) {
  constexpr int64_t kRows = 150;
  constexpr int64_t kCols = 256;
  const Floats x = normal(5 * kCols);
  const auto draw = [&](std::size_t n, int most) {
    std::vector<uint8_t> bytes(n);
    for (uint8_t& b : bytes) b = static_cast<uint8_t>(between(0, most));
    return bytes;
  };
  std::vector<uint8_t> values = draw(kRows * kCols, 0x7e);  // no NaN in FP8
  std::vector<uint8_t> zeros = draw(kRows * kCols / 32, 15);
  Floats d = normal(kRows * kCols / 32, 0.1F);
  Floats plain_row = normal(kCols);
  const auto matrix = [](auto& data, DType type, int64_t rows, int64_t cols) {
    return TensorRef::contiguous(data.data(), type, {rows, cols});
  };
  struct Scaled {
    DType type;
    int64_t group;
    bool zeros;
    int64_t rows_per_scale;
  };
  for (const Scaled& c : {Scaled{DType::kU4, 32, true, 1}, Scaled{DType::kU4, 128, false, 1},
                          Scaled{DType::kU8, 64, true, 1}, Scaled{DType::kI8, 128, false, 1},
                          Scaled{DType::kF8E4M3, 128, false, 128}}) {
    SCOPED_TRACE(testing::Message() << name(c.type) << " in groups of " << c.group);
    const int64_t groups = kCols / c.group;
    const int64_t scale_rows = (kRows + c.rows_per_scale - 1) / c.rows_per_scale;
    const TensorRef parts[] = {matrix(values, c.type, kRows, kCols),
                               matrix(plain_row, DType::kF32, 1, kCols)};
    const GroupScales scales[] = {
        {.scales = matrix(d, DType::kF32, scale_rows, groups),
         .zeros = c.zeros ? matrix(zeros, DType::kU8, scale_rows, groups) : TensorRef(),
         .rows_per_scale = c.rows_per_scale},
        {}};
    if (!takes_weights(*grouped_format(parts[0], scales[0]))) continue;
    expect_same(
        [&](Side& side) {
          auto weight = side.ops().prepare({.parts = parts, .scales = scales});
          EXPECT_TRUE(weight.ok());
          const TensorRef y = side.output({5, kRows + 1});
          side.run(Linear{.x = side.activations(x, {5, kCols}), .weight = &weight.value(), .y = y});
          return side.read(y);
        },
        std::max(GetParam().tolerance.linear(*grouped_format(parts[0], scales[0])),
                 GetParam().tolerance.linear(DType::kF32)));
  }
}

TEST_P(Linears, PrepareRefusesFormatsWithoutKernel) {
  const int32_t values[4] = {};
  const TensorRef parts[] = {
      TensorRef::contiguous(const_cast<int32_t*>(values), DType::kI32, {2, 2})};
  const auto refused = device_->prepare({parts});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_FALSE(device_->prepared_bytes(DType::kI32, 2, 2).ok());
}

CHITU_CONFORMANCE_BACKENDS(Linears);

}  // namespace
}  // namespace chitu::conformance
