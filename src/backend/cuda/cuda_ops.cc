#include "backend/cuda/cuda_ops.h"

#include <algorithm>
#include <string>
#include <vector>

#include "backend/cuda/context.h"
#include "backend/cuda/error.h"
#include "backend/cuda/matmul_lt.h"
#include "backend/cuda/memory.h"
#include "backend/cuda/operations.h"
#include "backend/cuda/staging.h"
#include "backend/cuda/weight_layout.h"
#include "base/check.h"

namespace chitu {
namespace {

using namespace cuda;

constexpr int kOldestSm = 75;  // Turing: the first with the matrix instructions that kernels use

class CudaOps : public Ops {
 public:
  explicit CudaOps(const CudaOptions& options) : name_(fmt::format("cuda:{}", options.device)) {
    context_.device = options.device;
    context_.activations = options.activations;
    context_.deterministic = options.deterministic;
  }
  ~CudaOps() override {
    use_device();
    // What is under way still reads what goes now.
    if (context_.stream != nullptr) static_cast<void>(cudaStreamSynchronize(context_.stream));
    lt_.reset();
    staging_.reset();
    workspace_ = Buffer();
    if (context_.stream != nullptr) static_cast<void>(cudaStreamDestroy(context_.stream));
  }
  CudaOps(const CudaOps&) = delete;
  CudaOps& operator=(const CudaOps&) = delete;

  Status open() {
    TRY_STATUS(find_device());
    TRY_STATUS(check(cudaSetDevice(context_.device), "choosing the device"));
    TRY_STATUS(check(cudaStreamCreateWithFlags(&context_.stream, cudaStreamNonBlocking),
                     "creating a stream"));
    TRY(staging, HostStaging::create(context_.stream));
    TRY(lt, MatmulLt::create(context_.device));
    staging_ = std::move(staging);
    lt_ = std::move(lt);
    context_.staging = staging_.get();
    context_.lt = lt_.get();
    return {};
  }

  std::string_view name() const override { return name_; }
  DType activation_dtype() const override { return context_.activations; }

  void run(const Op& op) override {
    use_device();
    if (const int64_t bytes = workspace_bytes(op);
        bytes > static_cast<int64_t>(workspace_.bytes())) {
      CHECK(reserve(bytes).ok());  // the caller has not reserved, and run() cannot refuse
    }
    std::visit([this](const auto& o) { cuda::run(context_, o); }, op);
  }
  Status synchronize() override {
    use_device();
    context_.check(cudaStreamSynchronize(context_.stream), "synchronize", {});
    return std::exchange(context_.status, Status());
  }

  int64_t workspace_bytes(const Op& op) const override {
    return std::visit(
        [this](const auto& o) -> int64_t {
          if constexpr (requires { cuda::workspace_bytes(context_, o); })
            return cuda::workspace_bytes(context_, o);
          return 0;
        },
        op);
  }
  Status reserve(int64_t bytes) override {
    if (bytes <= static_cast<int64_t>(workspace_.bytes())) return {};
    use_device();
    workspace_ = Buffer();
    TRY(memory,
        allocate_device(static_cast<std::size_t>(bytes), Contents::kUndefined, context_.stream));
    workspace_ = std::move(memory);
    context_.workspace = static_cast<std::byte*>(workspace_.data());
    return {};
  }

  Result<Buffer> allocate(std::size_t bytes) override {
    use_device();
    return allocate_device(bytes, Contents::kZero, context_.stream);
  }
  void upload(void* device, const void* host, std::size_t bytes) override {
    use_device();
    context_.check(staging_->upload(device, host, bytes), "upload", {as_count(bytes)});
  }
  void download(void* host, const void* device, std::size_t bytes) override {
    use_device();
    context_.check(staging_->download(host, device, bytes), "download", {as_count(bytes)});
  }

  Result<Weight> prepare(const WeightSource& source) override {
    use_device();
    Weight weight{.rows = source.rows(), .cols = source.cols(), .segments = {}};
    for (std::size_t first = 0; first < source.parts.size();) {
      TRY(format, stored(source, first));
      int64_t rows = source.parts[first].rows();
      std::size_t last = first + 1;
      for (; last < source.parts.size(); ++last) {
        TRY(next, stored(source, last));
        if (next != format) break;
        rows += source.parts[last].rows();
      }
      TRY(segment, prepare_segment(source, first, last, format, rows));
      weight.segments.push_back(std::move(segment));
      first = last;
    }
    return weight;
  }

  Result<int64_t> prepared_bytes(DType format, int64_t rows, int64_t cols) const override {
    TRY(layout, weight_layout(format, context_.activations, rows, cols));
    return layout.bytes();
  }

 private:
  static int64_t as_count(std::size_t n) { return static_cast<int64_t>(n); }

  // The device is a property of the calling thread, and threads take turns with this object. An
  // error is met again by whatever follows.
  void use_device() const { static_cast<void>(cudaSetDevice(context_.device)); }

  Status find_device() {
    int count = 0;
    const cudaError_t counted = cudaGetDeviceCount(&count);
    if (counted == cudaErrorNoDevice || counted == cudaErrorInsufficientDriver) {
      static_cast<void>(cudaGetLastError());
      return make_error(ErrorCode::kNotFound, "{}: {}; infer.device=cpu computes without a GPU",
                        name_, cudaGetErrorString(counted));
    }
    TRY_STATUS(check(counted, "the number of devices"));
    if (context_.device < 0 || context_.device >= count) {
      return make_error(ErrorCode::kNotFound, "{}: the GPUs of this machine are 0 to {}", name_,
                        count - 1);
    }
    const auto attribute = [&](cudaDeviceAttr which, int& value) {
      return check(cudaDeviceGetAttribute(&value, which, context_.device), "a device's attribute");
    };
    int major = 0;
    int minor = 0;
    TRY_STATUS(attribute(cudaDevAttrComputeCapabilityMajor, major));
    TRY_STATUS(attribute(cudaDevAttrComputeCapabilityMinor, minor));
    TRY_STATUS(attribute(cudaDevAttrMultiProcessorCount, context_.multiprocessors));
    context_.sm = 10 * major + minor;
    if (context_.sm < kOldestSm) {
      return make_error(ErrorCode::kUnsupported,
                        "{} has compute capability {}.{}, and the kernels need {}.{} at least; "
                        "infer.device=cpu computes without it",
                        name_, major, minor, kOldestSm / 10, kOldestSm % 10);
    }
    return {};
  }

  Result<DType> stored(const WeightSource& source, std::size_t part) const {
    TRY(format, source.format(part));
    return stored_format(format, context_.activations);
  }

  // Parts [first, last), all stored in one format, one after the other.
  Result<WeightSegment> prepare_segment(const WeightSource& source, std::size_t first,
                                        std::size_t last, DType format, int64_t rows) {
    TRY(layout, weight_layout(format, context_.activations, rows, source.cols()));
    TRY(buffer, allocate_device(static_cast<std::size_t>(layout.bytes()), Contents::kUndefined,
                                context_.stream));
    int64_t row = 0;
    for (std::size_t part = first; part < last; ++part) {
      TRY_STATUS(upload_part(source, part, layout, static_cast<std::byte*>(buffer.data()), row));
      row += source.parts[part].rows();
    }
    WeightSegment segment{.format = format, .rows = rows, .layout = 0, .buffers = {}};
    segment.buffers.push_back(std::move(buffer));
    return segment;
  }

  // The rows of one part as rows `row` and after of the segment, as many at a time as fit into a
  // slot of pinned memory, where they are packed.
  Status upload_part(const WeightSource& source, std::size_t index, const WeightLayout& layout,
                     std::byte* device, int64_t row) {
    const TensorRef& part = source.parts[index];
    const int64_t rows_at_once = std::max<int64_t>(
        1, as_count(HostStaging::kSlotBytes) / std::max<int64_t>(1, layout.stride));
    std::vector<float> scales;
    for (int64_t begin = 0; begin < part.rows(); begin += rows_at_once) {
      const int64_t count = std::min(rows_at_once, part.rows() - begin);
      scales.resize(static_cast<std::size_t>(count * layout.groups));
      std::byte* const values = staging_->take(static_cast<std::size_t>(count * layout.stride));
      pack_rows(layout, source, index, begin, begin + count, values, scales.data());
      const int64_t at = row + begin;
      TRY_STATUS(check(staging_->send(device + at * layout.stride), "uploading weights"));
      TRY_STATUS(
          check(staging_->upload(device + layout.scales_offset() + at * layout.scales_stride(),
                                 scales.data(), scales.size() * sizeof(float)),
                "uploading scales"));
      if (source.copied) source.copied(part.row_slice(begin, count));
    }
    return {};
  }

  std::string name_;
  Context context_;
  std::unique_ptr<HostStaging> staging_;
  std::unique_ptr<MatmulLt> lt_;
  Buffer workspace_;
};

}  // namespace

Result<std::unique_ptr<Ops>> make_cuda_ops(const CudaOptions& options) {
  auto ops = std::make_unique<CudaOps>(options);
  TRY_STATUS(ops->open());
  return std::unique_ptr<Ops>(std::move(ops));
}

}  // namespace chitu
