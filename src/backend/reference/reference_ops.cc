#include "backend/reference/reference_ops.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "backend/reference/kernels.h"
#include "ops/fallback.h"
#include "tensor/format/decode.h"

namespace chitu {
namespace {

class ReferenceOps : public Ops {
 public:
  std::string_view name() const override { return "reference"; }
  DType activation_dtype() const override { return DType::kF32; }

  void run(const Op& op) override {
    std::visit([this](const auto& o) { dispatch(o); }, op);
  }
  Status synchronize() override { return {}; }

  Result<Buffer> allocate(std::size_t bytes) override {
    constexpr std::align_val_t kAlign{64};
    void* data = ::operator new(std::max<std::size_t>(bytes, 1), kAlign, std::nothrow);
    if (data == nullptr) {
      return make_error(ErrorCode::kResourceExhausted, "cannot allocate {} bytes of memory", bytes);
    }
    std::memset(data, 0, bytes);
    return Buffer(data, bytes, [](void* p, std::size_t, void*) { ::operator delete(p, kAlign); });
  }
  void upload(void* device, const void* host, std::size_t bytes) override {
    std::memcpy(device, host, bytes);
  }
  void download(void* host, const void* device, std::size_t bytes) override {
    std::memcpy(host, device, bytes);
  }

  Result<Weight> prepare(const WeightSource& source) override {
    Weight weight{.rows = source.rows(), .cols = source.cols(), .segments = {}};
    for (std::size_t i = 0; i < source.parts.size(); ++i) {
      const TensorRef& part = source.parts[i];
      TRY(format, source.format(i));
      TRY(bytes, prepared_bytes(format, part.rows(), part.cols()));
      TRY(buffer, allocate(static_cast<std::size_t>(bytes)));
      const int64_t row_bytes = bytes_for(format, part.cols());
      for (int64_t r = 0; r < part.rows(); ++r) {
        auto* row = static_cast<std::byte*>(buffer.data()) + r * row_bytes;
        if (source.has_scales(i)) {
          group_row(part, source.scales[i], r, row);
        } else {
          std::memcpy(row, part.row_slice(r, 1).data, static_cast<std::size_t>(row_bytes));
        }
      }
      WeightSegment segment{.format = format, .rows = part.rows(), .layout = 0, .buffers = {}};
      segment.buffers.push_back(std::move(buffer));
      weight.segments.push_back(std::move(segment));
    }
    return weight;
  }
  Result<int64_t> prepared_bytes(DType format, int64_t rows, int64_t cols) const override {
    if (!can_decode(format)) {
      return make_error(ErrorCode::kUnsupported, "weights in {} cannot be decoded",
                        chitu::name(format));
    }
    return bytes_for(format, rows * cols);
  }

 private:
  template <class T>
  void dispatch(const T& op) {
    reference::run(op);
  }
  void dispatch(const AllReduceAddNorm& op) { fallback::run(*this, op); }
  void dispatch(const RopeStoreKv& op) { fallback::run(*this, op); }
};

}  // namespace

std::unique_ptr<Ops> make_reference_ops() { return std::make_unique<ReferenceOps>(); }

}  // namespace chitu
