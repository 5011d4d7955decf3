#include "backend/cpu/cpu_ops.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "backend/cpu/context.h"
#include "backend/cpu/linear_table.h"
#include "backend/cpu/memory.h"
#include "backend/cpu/weight_layout.h"
#include "backend/cpu/weight_units.h"

namespace chitu {
namespace {

using namespace cpu;

const RowKernels& row_kernels([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa >= Isa::kAvx512Bf16) return row_kernels_avx512_bf16();
  if (isa >= Isa::kAvx512) return row_kernels_avx512();
  if (isa >= Isa::kAvx2) return row_kernels_avx2();
#elif defined(__aarch64__)
  if (isa >= Isa::kNeon) return row_kernels_neon();
#endif
  return row_kernels_scalar();
}

const AttentionKernels& attention_kernels([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa >= Isa::kAvx512) return attention_kernels_avx512();
  if (isa >= Isa::kAvx2) return attention_kernels_avx2();
#elif defined(__aarch64__)
  if (isa >= Isa::kNeon) return attention_kernels_neon();
#endif
  return attention_kernels_scalar();
}

class CpuOps : public Ops {
 public:
  CpuOps(ThreadPool& pool, Isa isa, Arithmetic arithmetic)
      : context_{.pool = pool,
                 .isa = isa,
                 .arithmetic = arithmetic,
                 .rows = row_kernels(isa),
                 .attention = attention_kernels(isa)} {}

  std::string_view name() const override { return "cpu"; }
  DType activation_dtype() const override { return DType::kF32; }

  void run(const Op& op) override {
    if (const int64_t bytes = workspace_bytes(op);
        bytes > static_cast<int64_t>(workspace_.bytes())) {
      CHECK(reserve(bytes).ok());  // the caller has not reserved, and run() cannot refuse
    }
    std::visit([this](const auto& o) { cpu::run(context_, o); }, op);
  }
  Status synchronize() override { return {}; }

  int64_t workspace_bytes(const Op& op) const override {
    return std::visit(
        [this](const auto& o) -> int64_t {
          if constexpr (requires { cpu::workspace_bytes(context_, o); })
            return cpu::workspace_bytes(context_, o);
          return 0;
        },
        op);
  }
  Status reserve(int64_t bytes) override {
    if (bytes <= static_cast<int64_t>(workspace_.bytes())) return {};
    TRY(memory, memory_.allocate(static_cast<std::size_t>(bytes), Contents::kUndefined));
    workspace_ = std::move(memory);
    context_.workspace = static_cast<std::byte*>(workspace_.data());
    return {};
  }

  Result<Buffer> allocate(std::size_t bytes) override { return memory_.allocate(bytes); }
  void upload(void* device, const void* host, std::size_t bytes) override {
    std::memcpy(device, host, bytes);
  }
  void download(void* host, const void* device, std::size_t bytes) override {
    std::memcpy(host, device, bytes);
  }

  Result<Weight> prepare(const WeightSource& source) override {
    Weight weight{.rows = source.rows(), .cols = source.cols(), .segments = {}};
    for (std::size_t i = 0; i < source.parts.size(); ++i) {
      TRY(format, source.format(i));
      TRY(segment, allocate_segment(format, source.parts[i]));
      weight.segments.push_back(std::move(segment));
    }
    // Each node writes, and so has in its own memory, the rows that Linear will begin with there.
    context_.pool.parallel_for(
        units(weight), 1,
        [&](int64_t first, int64_t last, int) {
          for_each_segment(weight, first, last, [&](std::size_t i, int64_t begin, int64_t end) {
            pack(source, i, weight.segments[i], begin, end);
          });
        },
        Help::kOwnNode);
    return weight;
  }

  Result<int64_t> prepared_bytes(DType format, int64_t rows, int64_t cols) const override {
    TRY(index, find_kernel(format, cols));
    return weight_layout(linear_kernel(index).layout).bytes(format, rows, cols);
  }

 private:
  Result<int> find_kernel(DType format, int64_t cols) const {
    const int index = find_linear_kernel(format, context_.arithmetic, context_.isa);
    if (index == kNoKernel) {
      return make_error(ErrorCode::kUnsupported, "weights in {} cannot be multiplied on the CPU",
                        chitu::name(format));
    }
    if (cols % info(format).block_elements != 0) {
      return make_error(ErrorCode::kCorrupt, "{} columns are no multiple of {}'s blocks of {}",
                        cols, chitu::name(format), info(format).block_elements);
    }
    return index;
  }

  Result<WeightSegment> allocate_segment(DType format, const TensorRef& part) {
    TRY(index, find_kernel(format, part.cols()));
    const WeightLayout& layout = weight_layout(linear_kernel(index).layout);
    const int64_t bytes = layout.bytes(format, part.rows(), part.cols());
    TRY(buffer, memory_.allocate(static_cast<std::size_t>(bytes), Contents::kUndefined));
    WeightSegment segment{.format = format, .rows = part.rows(), .layout = index, .buffers = {}};
    segment.buffers.push_back(std::move(buffer));
    return segment;
  }

  // Rows [begin, end) of one part, a little at a time, so that its source can be given back.
  static void pack(const WeightSource& source, std::size_t index, const WeightSegment& segment,
                   int64_t begin, int64_t end) {
    constexpr int64_t kBytesAtOnce = int64_t{1} << 20;
    const TensorRef& part = source.parts[index];
    const WeightLayout& layout = weight_layout(linear_kernel(segment.layout).layout);
    const int64_t stride = bytes_for(part.dtype, part.row_stride);
    const int64_t rows_at_once =
        std::max<int64_t>(1, kBytesAtOnce / std::max<int64_t>(1, stride * layout.row_unit)) *
        layout.row_unit;
    for (int64_t row = begin; row < end; row += rows_at_once) {
      const int64_t stop = std::min(end, row + rows_at_once);
      auto* packed = static_cast<std::byte*>(segment.buffers[0].data());
      if (source.has_scales(index)) {
        pack_grouped(part, source.scales[index], segment, row, stop, packed);
      } else {
        layout.pack(part.dtype, static_cast<const std::byte*>(part.data), stride, part.rows(),
                    part.cols(), row, stop, packed);
      }
      if (source.copied) source.copied(part.row_slice(row, stop - row));
    }
  }

  // Rows [begin, end), as blocks that carry their scales.
  static void pack_grouped(const TensorRef& part, const GroupScales& scales,
                           const WeightSegment& segment, int64_t begin, int64_t end,
                           std::byte* packed) {
    const WeightLayout& layout = weight_layout(linear_kernel(segment.layout).layout);
    const int64_t row_bytes = bytes_for(segment.format, part.cols());
    std::vector<std::byte> blocks(static_cast<std::size_t>((end - begin) * row_bytes));
    for (int64_t row = begin; row < end; ++row)
      group_row(part, scales, row, blocks.data() + (row - begin) * row_bytes);
    // What lies before row `begin`, a multiple of row_unit, takes what so many rows would.
    layout.pack(segment.format, blocks.data(), row_bytes, end - begin, part.cols(), 0, end - begin,
                packed + layout.bytes(segment.format, begin, part.cols()));
  }

  Context context_;
  Memory memory_;
  Buffer workspace_;
};

}  // namespace

Result<std::unique_ptr<Ops>> make_cpu_ops(ThreadPool& pool, const CpuOptions& options) {
  const Isa best = best_isa();
  const Isa isa = options.max_isa.value_or(best);
  if (!includes(best, isa)) {
    return make_error(ErrorCode::kUnsupported, "this processor has no {}; its best is {}",
                      cpu::name(isa), cpu::name(best));
  }
  return std::unique_ptr<Ops>(std::make_unique<CpuOps>(pool, isa, options.arithmetic));
}

}  // namespace chitu
