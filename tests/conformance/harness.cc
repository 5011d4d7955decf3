#include "harness.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/reference/reference_ops.h"
#include "ops/check_shapes.h"
#include "tensor/format/bf16.h"
#include "tensor/format/decode.h"
#include "tensor/format/half.h"

namespace chitu::conformance {
namespace {

constexpr float kUntouched = 77.0F;

std::vector<std::byte> encode(DType dtype, const Floats& values) {
  std::vector<std::byte> bytes(
      static_cast<std::size_t>(bytes_for(dtype, static_cast<int64_t>(values.size()))));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (dtype == DType::kF32) {
      std::memcpy(bytes.data() + i * 4, &values[i], 4);
    } else {
      const uint16_t half =
          dtype == DType::kF16 ? float_to_half(values[i]) : float_to_bf16(values[i]);
      std::memcpy(bytes.data() + i * 2, &half, 2);
    }
  }
  return bytes;
}

Floats decoded(DType dtype, const std::vector<std::byte>& bytes) {
  Floats values(bytes.size() / static_cast<std::size_t>(info(dtype).block_bytes) *
                static_cast<std::size_t>(info(dtype).block_elements));
  decode(dtype, bytes.data(), values.data(), static_cast<int64_t>(values.size()));
  return values;
}

}  // namespace

TensorRef Side::make(DType dtype, const Shape& shape, int64_t padding,
                     const std::vector<std::byte>& bytes) {
  TensorRef x = TensorRef::contiguous(nullptr, dtype, shape);
  x.row_stride += padding;
  auto buffer = ops_.allocate(bytes.size());
  CHECK(buffer.ok());
  x.data = buffer->data();
  ops_.upload(x.data, bytes.data(), bytes.size());
  buffers_.push_back(std::move(*buffer));
  return x;
}

TensorRef Side::floats(DType dtype, const Floats& values, const Shape& shape, int64_t padding) {
  const int64_t cols = shape.back();
  const int64_t rows = shape.elements() / std::max<int64_t>(cols, 1);
  CHECK(static_cast<int64_t>(values.size()) == shape.elements());
  Floats padded(static_cast<std::size_t>(rows * (cols + padding)), kUntouched);
  for (int64_t r = 0; r < rows; ++r)
    std::copy_n(values.data() + r * cols, cols, padded.data() + r * (cols + padding));
  return make(dtype, shape, padding, encode(dtype, padded));
}

TensorRef Side::activations(const Floats& values, const Shape& shape, int64_t padding) {
  const Floats rounded = decoded(precision_, encode(precision_, values));
  return floats(ops_.activation_dtype(), rounded, shape, padding);
}

TensorRef Side::f32(const Floats& values, const Shape& shape, int64_t padding) {
  return floats(DType::kF32, values, shape, padding);
}

TensorRef Side::empty_cache(DType dtype, const Shape& shape) {
  const auto bytes = static_cast<std::size_t>(bytes_for(dtype, shape.elements()));
  return make(dtype, shape, 0, std::vector<std::byte>(bytes, std::byte{0xff}));
}

TensorRef Side::ints(const Ints& values, const Shape& shape) {
  std::vector<std::byte> bytes(values.size() * sizeof(int32_t));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return make(DType::kI32, shape, 0, bytes);
}

TensorRef Side::output(const Shape& shape, int64_t padding) {
  return floats(ops_.activation_dtype(),
                Floats(static_cast<std::size_t>(shape.elements()), kUntouched), shape, padding);
}

TensorRef Side::f32_output(const Shape& shape, int64_t padding) {
  return f32(Floats(static_cast<std::size_t>(shape.elements()), kUntouched), shape, padding);
}

TensorRef Side::int_output(int64_t n) { return ints(Ints(static_cast<std::size_t>(n), -1)); }

const Weight* Side::weight(const std::vector<Part>& parts, int64_t cols) {
  // The source is released before the weight is used, as a loader does.
  std::vector<std::vector<std::byte>> sources;
  std::vector<TensorRef> refs;
  for (const Part& part : parts) sources.push_back(part.bytes);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    refs.push_back(
        TensorRef::contiguous(sources[i].data(), parts[i].format, {parts[i].rows, cols}));
  }
  auto weight = ops_.prepare({refs});
  if (!weight.ok()) {
    ADD_FAILURE() << weight.error().message;
    return nullptr;
  }
  int64_t expected = 0;
  for (const Part& part : parts)
    expected += ops_.prepared_bytes(part.format, part.rows, cols).value_or(-1);
  EXPECT_EQ(weight->bytes(), expected) << "prepared_bytes() must foretell what prepare() allocates";
  weights_.push_back(std::make_unique<Weight>(std::move(*weight)));
  return weights_.back().get();
}

void Side::run(const Op& op) {
  const Status status = check_shapes(op);
  ASSERT_TRUE(status.ok()) << status.error().message;
  ops_.run(op);
}

std::vector<std::byte> Side::download(const TensorRef& x) {
  EXPECT_TRUE(ops_.synchronize().ok());
  std::vector<std::byte> bytes(
      static_cast<std::size_t>(bytes_for(x.dtype, x.rows() * x.row_stride)));
  ops_.download(bytes.data(), x.data, bytes.size());
  return bytes;
}

Floats Side::read(const TensorRef& x) {
  const Floats padded = decoded(x.dtype, download(x));
  Floats values;
  for (int64_t r = 0; r < x.rows(); ++r) {
    values.insert(values.end(), padded.begin() + r * x.row_stride,
                  padded.begin() + r * x.row_stride + x.cols());
  }
  return values;
}

Ints Side::read_ints(const TensorRef& x) {
  const std::vector<std::byte> bytes = download(x);
  Ints values(bytes.size() / sizeof(int32_t));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

void Side::expect_padding_untouched(const TensorRef& x) {
  const Floats padded = decoded(x.dtype, download(x));
  for (int64_t r = 0; r < x.rows(); ++r) {
    for (int64_t i = x.cols(); i < x.row_stride; ++i) {
      ASSERT_EQ(padded[static_cast<std::size_t>(r * x.row_stride + i)], kUntouched)
          << "row " << r << " column " << i;
    }
  }
}

void Conformance::SetUp() {
  device_ = GetParam().make(kFewThreads);
  if (device_ == nullptr) GTEST_SKIP() << "this machine cannot run " << GetParam().name;
  reference_ = make_reference_ops();
}

void Conformance::expect_same(const Case& run, double tolerance) {
  Side expected(*reference_, device_->activation_dtype());
  Side actual(*device_, device_->activation_dtype());
  const Floats wanted = run(expected);
  const Floats found = run(actual);
  if (HasFatalFailure()) return;
  expect_close(found, wanted, tolerance);
}

void Conformance::expect_close(const Floats& found, const Floats& wanted, double tolerance) {
  ASSERT_EQ(found.size(), wanted.size());
  double squares = 0.0;
  for (const float w : wanted) squares += static_cast<double>(w) * w;
  const double rms = std::sqrt(squares / std::max<double>(1.0, static_cast<double>(wanted.size())));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    // What overflows an activation of 16 bits is infinite on both sides, or not a number.
    if (found[i] == wanted[i] || (std::isnan(found[i]) && std::isnan(wanted[i]))) continue;
    const double limit = tolerance * (std::fabs(wanted[i]) + rms) + GetParam().tolerance.smallest;
    ASSERT_LE(std::fabs(static_cast<double>(found[i]) - wanted[i]), limit)
        << "at " << i << " of " << wanted.size() << ": found " << found[i] << ", wanted "
        << wanted[i];
  }
}

bool Conformance::takes_weights(DType format) {
  const Formats& formats = GetParam().weights;
  return std::find(formats.begin(), formats.end(), format) != formats.end();
}

Formats Conformance::weight_formats(std::span<const DType> formats) {
  Formats taken;
  std::copy_if(formats.begin(), formats.end(), std::back_inserter(taken), takes_weights);
  return taken;
}

std::vector<Side::Part> Conformance::weight_parts(std::vector<Side::Part> parts) {
  std::erase_if(parts, [](const Side::Part& part) { return !takes_weights(part.format); });
  return parts;
}

void Conformance::expect_same_on_any_threads(const Case& run) {
  Side few(*device_, device_->activation_dtype());
  const Floats wanted = run(few);
  for (const int threads : kThreads) {
    const std::unique_ptr<Ops> ops = GetParam().make(threads);
    ASSERT_NE(ops, nullptr);
    Side side(*ops, ops->activation_dtype());
    EXPECT_EQ(run(side), wanted) << threads << " threads";
  }
}

void Conformance::expect_same_ints(const IntCase& run) {
  Side expected(*reference_, device_->activation_dtype());
  Side actual(*device_, device_->activation_dtype());
  EXPECT_EQ(run(actual), run(expected));
}

Floats Conformance::normal(int64_t n, float sigma) {
  std::normal_distribution<float> distribution;
  Floats values(static_cast<std::size_t>(n));
  for (float& v : values) v = sigma * distribution(random_);
  return values;
}

int64_t Conformance::between(int64_t least, int64_t most) {
  return std::uniform_int_distribution<int64_t>(least, most)(random_);
}

Side::Part Conformance::random_part(DType format, int64_t rows, int64_t cols) {
  if (!is_quantized(format)) return {format, rows, encode(format, normal(rows * cols))};
  // Random codes and scales; the F16 fields, wherever the format has them, are set to small numbers
  // by drawing blocks until all their values are of moderate size.
  const DTypeInfo& block = info(format);
  Side::Part part{format, rows, {}};
  part.bytes.resize(static_cast<std::size_t>(bytes_for(format, rows * cols)));
  Floats values(static_cast<std::size_t>(block.block_elements));
  if (format >= DType::kI4_G32) return random_grouped_part(part, values);
  for (std::size_t at = 0; at < part.bytes.size();
       at += static_cast<std::size_t>(block.block_bytes)) {
    double squares = 0.0;
    do {
      for (int i = 0; i < block.block_bytes; ++i)
        part.bytes[at + i] = static_cast<std::byte>(between(0, 255));
      decode(format, part.bytes.data() + at, values.data(), block.block_elements);
      squares = 0.0;
      for (const float v : values) squares += static_cast<double>(v) * v;
      squares /= block.block_elements;
    } while (!(squares > 0.3 && squares < 3.0));
  }
  return part;
}

// Blocks that begin with a scale in float, which is chosen to fit their codes.
Side::Part Conformance::random_grouped_part(Side::Part part, Floats& values) {
  for (std::byte& b : part.bytes) {
    b = static_cast<std::byte>(between(0, 255));
    if (part.format == DType::kF8_G128 && (b & std::byte{0x7f}) == std::byte{0x7f})
      b = std::byte{0};  // not NaN
  }
  const auto block_bytes = static_cast<std::size_t>(info(part.format).block_bytes);
  for (std::size_t at = 0; at < part.bytes.size(); at += block_bytes) {
    float scale = 1.0F;
    std::memcpy(part.bytes.data() + at, &scale, sizeof(scale));
    decode(part.format, part.bytes.data() + at, values.data(), static_cast<int64_t>(values.size()));
    double squares = 1e-3;
    for (const float v : values) squares += static_cast<double>(v) * v;
    scale = static_cast<float>(std::sqrt(static_cast<double>(values.size()) / squares));
    std::memcpy(part.bytes.data() + at, &scale, sizeof(scale));
  }
  return part;
}

std::string backend_name(const testing::TestParamInfo<Backend>& info) { return info.param.name; }

}  // namespace chitu::conformance
