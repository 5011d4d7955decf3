#include "io/gguf.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "base/quote.h"
#include "base/round_up.h"
#include "io/foreign_format.h"

namespace chitu {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr uint32_t kMaxDims = 4;
constexpr int64_t kDefaultAlignment = 32;
constexpr int64_t kMaxAlignment = int64_t{1} << 20;

// Far above any model; what a hostile file can make us allocate per byte of it stays small.
constexpr uint64_t kMaxMetadata = uint64_t{1} << 16;
constexpr uint64_t kMaxTensors = uint64_t{1} << 20;

struct TensorType {
  uint32_t id;
  std::string_view name;
  std::optional<DType> dtype;  // nothing: known to ggml, but not supported here
};

// The ids of ggml_type. Gaps are types that ggml has removed.
constexpr std::array kTensorTypes = {
    TensorType{0, "F32", DType::kF32},       TensorType{1, "F16", DType::kF16},
    TensorType{2, "Q4_0", DType::kQ4_0},     TensorType{3, "Q4_1", DType::kQ4_1},
    TensorType{6, "Q5_0", DType::kQ5_0},     TensorType{7, "Q5_1", DType::kQ5_1},
    TensorType{8, "Q8_0", DType::kQ8_0},     TensorType{9, "Q8_1", std::nullopt},
    TensorType{10, "Q2_K", DType::kQ2_K},    TensorType{11, "Q3_K", DType::kQ3_K},
    TensorType{12, "Q4_K", DType::kQ4_K},    TensorType{13, "Q5_K", DType::kQ5_K},
    TensorType{14, "Q6_K", DType::kQ6_K},    TensorType{15, "Q8_K", std::nullopt},
    TensorType{16, "IQ2_XXS", std::nullopt}, TensorType{17, "IQ2_XS", std::nullopt},
    TensorType{18, "IQ3_XXS", std::nullopt}, TensorType{19, "IQ1_S", std::nullopt},
    TensorType{20, "IQ4_NL", std::nullopt},  TensorType{21, "IQ3_S", std::nullopt},
    TensorType{22, "IQ2_S", std::nullopt},   TensorType{23, "IQ4_XS", std::nullopt},
    TensorType{24, "I8", DType::kI8},        TensorType{25, "I16", DType::kI16},
    TensorType{26, "I32", DType::kI32},      TensorType{27, "I64", DType::kI64},
    TensorType{28, "F64", DType::kF64},      TensorType{29, "IQ1_M", std::nullopt},
    TensorType{30, "BF16", DType::kBF16},    TensorType{34, "TQ1_0", std::nullopt},
    TensorType{35, "TQ2_0", std::nullopt},   TensorType{39, "MXFP4", std::nullopt},
    TensorType{40, "NVFP4", std::nullopt},   TensorType{41, "Q1_0", std::nullopt},
};

// Reads from the front of a file, never past its end.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> file) : file_(file) {}

  int64_t position() const { return static_cast<int64_t>(position_); }

  Result<std::span<const std::byte>> bytes(uint64_t count, std::string_view what) {
    if (count > file_.size() - position_) {
      return make_error(ErrorCode::kCorrupt,
                        "byte {}: {} needs {} bytes, but the file ends after {}; it is cut off or "
                        "damaged: fetch it again",
                        position_, what, count, file_.size() - position_);
    }
    const auto range = file_.subspan(position_, count);
    position_ += count;
    return range;
  }

  template <class T>
  Result<T> number(std::string_view what) {
    TRY(range, bytes(sizeof(T), what));
    T value;
    std::memcpy(&value, range.data(), sizeof(value));
    return value;
  }

  Result<std::string_view> string(std::string_view what) {
    TRY(length, number<uint64_t>(what));
    TRY(range, bytes(length, what));
    return std::string_view(reinterpret_cast<const char*>(range.data()), range.size());
  }

  // The bytes from `begin`, a former position(), up to here.
  std::span<const std::byte> since(int64_t begin) const {
    return file_.subspan(static_cast<size_t>(begin), position_ - static_cast<size_t>(begin));
  }

 private:
  std::span<const std::byte> file_;
  std::size_t position_ = 0;
};

Result<GgufType> read_value_type(Reader& reader) {
  TRY(id, reader.number<uint32_t>("a value type"));
  if (id >= kNumGgufTypes) {
    return make_error(ErrorCode::kCorrupt, "value type {}: not one of the {} of GGUF", id,
                      kNumGgufTypes);
  }
  return static_cast<GgufType>(id);
}

Status check_bools(std::span<const std::byte> values) {
  const auto wrong = std::find_if(values.begin(), values.end(),
                                  [](std::byte value) { return value > std::byte{1}; });
  if (wrong == values.end()) return {};
  return make_error(ErrorCode::kCorrupt, "bool {}: expected 0 or 1", std::to_integer<int>(*wrong));
}

Result<GgufValue> read_array(Reader& reader) {
  GgufValue value;
  value.type = GgufType::kArray;
  TRY(element, read_value_type(reader));
  value.element = element;
  TRY(count, reader.number<uint64_t>("an array's length"));
  value.count = count;
  if (element == GgufType::kArray) {
    return make_error(ErrorCode::kUnsupported, "an array of arrays; no GGUF model needs one");
  }
  const int64_t begin = reader.position();
  if (element == GgufType::kString) {
    for (uint64_t i = 0; i < count; ++i) TRY_STATUS(reader.string("a string in an array"));
    value.payload = reader.since(begin);
    return value;
  }
  uint64_t size = 0;
  if (__builtin_mul_overflow(count, static_cast<uint64_t>(scalar_bytes(element)), &size)) {
    size = std::numeric_limits<uint64_t>::max();  // more than any file has
  }
  TRY(payload, reader.bytes(size, fmt::format("an array of {} {}", count, name(element))));
  value.payload = payload;
  if (element == GgufType::kBool) TRY_STATUS(check_bools(payload));
  return value;
}

Result<GgufValue> read_value(Reader& reader) {
  TRY(type, read_value_type(reader));
  if (type == GgufType::kArray) return read_array(reader);
  GgufValue value;
  value.type = type;
  if (type == GgufType::kString) {
    TRY(characters, reader.string("a string"));
    value.payload = std::as_bytes(std::span(characters.data(), characters.size()));
    return value;
  }
  TRY(payload, reader.bytes(static_cast<uint64_t>(scalar_bytes(type)), name(type)));
  value.payload = payload;
  if (type == GgufType::kBool) TRY_STATUS(check_bools(payload));
  return value;
}

Result<GgufMetadata> read_metadata(Reader& reader, uint64_t count) {
  GgufMetadata::Values values;
  for (uint64_t i = 0; i < count; ++i) {
    Result<std::string_view> key = reader.string("a metadata key");
    if (!key) return std::move(key).error().within(fmt::format("metadata {} of {}", i, count));
    Result<GgufValue> value = read_value(reader);
    if (!value) {
      return std::move(value).error().within(fmt::format("metadata {}", quote(*key)));
    }
    if (!values.emplace(*key, *value).second) {
      return make_error(ErrorCode::kCorrupt, "metadata {}: given twice", quote(*key));
    }
  }
  return GgufMetadata(std::move(values));
}

Result<DType> read_tensor_type(Reader& reader) {
  TRY(id, reader.number<uint32_t>("a tensor's type"));
  const auto type = std::find_if(kTensorTypes.begin(), kTensorTypes.end(),
                                 [id = id](const TensorType& t) { return t.id == id; });
  if (type != kTensorTypes.end() && type->dtype) return *type->dtype;
  return make_error(
      ErrorCode::kUnsupported,
      "type {}: not supported; use a file in F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, "
      "Q5_1 or Q2_K to Q6_K",
      type == kTensorTypes.end() ? fmt::format("number {}", id) : std::string(type->name));
}

struct Declared {
  std::string name;
  DType dtype = DType::kF32;
  TensorLayout layout;
  uint64_t offset = 0;  // from the start of the data section
};

Result<Declared> read_tensor_after_name(Reader& reader) {
  Declared tensor;
  TRY(rank, reader.number<uint32_t>("a tensor's number of dimensions"));
  if (rank > kMaxDims) {
    return make_error(ErrorCode::kCorrupt, "{} dimensions: at most {} are possible", rank,
                      kMaxDims);
  }
  std::array<uint64_t, kMaxDims> dims = {};
  for (uint32_t i = 0; i < rank; ++i) {  // the file has the innermost first
    TRY(dim, reader.number<uint64_t>("a tensor's dimension"));
    dims[rank - 1 - i] = dim;
  }
  TRY(dtype, read_tensor_type(reader));
  tensor.dtype = dtype;
  TRY(layout, tensor_layout(dtype, std::span(dims.data(), rank)));
  tensor.layout = layout;
  TRY(offset, reader.number<uint64_t>("a tensor's offset"));
  tensor.offset = offset;
  return tensor;
}

Result<std::vector<Declared>> read_tensors(Reader& reader, uint64_t count) {
  std::vector<Declared> tensors;
  std::set<std::string_view> names;
  for (uint64_t i = 0; i < count; ++i) {
    Result<std::string_view> name = reader.string("a tensor's name");
    if (!name) return std::move(name).error().within(fmt::format("tensor {} of {}", i, count));
    Result<Declared> tensor = read_tensor_after_name(reader);
    if (!tensor) {
      return std::move(tensor).error().within(fmt::format("tensor {}", quote(*name)));
    }
    if (!names.insert(*name).second) {
      return make_error(ErrorCode::kCorrupt, "tensor {}: given twice", quote(*name));
    }
    tensor->name = *name;
    tensors.push_back(*std::move(tensor));
  }
  return tensors;
}

Result<int64_t> read_alignment(const GgufMetadata& metadata) {
  TRY(alignment, metadata.integer_or("general.alignment", kDefaultAlignment, 1, kMaxAlignment));
  if (!std::has_single_bit(static_cast<uint64_t>(alignment))) {
    return make_error(ErrorCode::kCorrupt, "general.alignment: {} is not a power of two",
                      alignment);
  }
  return alignment;
}

Status check_ranges(const std::vector<Declared>& tensors, uint64_t data_bytes, int64_t alignment) {
  std::vector<const Declared*> by_offset;
  by_offset.reserve(tensors.size());
  for (const Declared& tensor : tensors) {
    if (tensor.offset % static_cast<uint64_t>(alignment) != 0) {
      return make_error(ErrorCode::kCorrupt, "tensor {}: offset {} is not a multiple of {}",
                        quote(tensor.name), tensor.offset, alignment);
    }
    const auto size = static_cast<uint64_t>(tensor.layout.bytes);
    if (tensor.offset > data_bytes || size > data_bytes - tensor.offset) {
      return make_error(ErrorCode::kCorrupt,
                        "tensor {}: {} bytes at offset {} lie past the end of the file's {} bytes "
                        "of data; it is cut off or damaged: fetch it again",
                        quote(tensor.name), size, tensor.offset, data_bytes);
    }
    if (size > 0) by_offset.push_back(&tensor);
  }
  std::sort(by_offset.begin(), by_offset.end(),
            [](const Declared* a, const Declared* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < by_offset.size(); ++i) {
    const Declared& before = *by_offset[i - 1];
    if (by_offset[i]->offset < before.offset + static_cast<uint64_t>(before.layout.bytes)) {
      return make_error(ErrorCode::kCorrupt, "tensor {}: offset {} lies inside tensor {}",
                        quote(by_offset[i]->name), by_offset[i]->offset, quote(before.name));
    }
  }
  return {};
}

Result<uint64_t> read_count(Reader& reader, std::string_view what, uint64_t max) {
  TRY(count, reader.number<uint64_t>(what));
  if (count > max) {
    return make_error(ErrorCode::kCorrupt, "{}: {} is more than {}; the file is damaged", what,
                      count, max);
  }
  return count;
}

Result<uint32_t> read_magic_and_version(Reader& reader, std::span<const std::byte> file) {
  if (file.empty()) return make_error(ErrorCode::kCorrupt, "the file is empty; fetch it again");
  TRY(magic, reader.bytes(kGgufMagic.size(), "the magic number"));
  if (std::memcmp(magic.data(), kGgufMagic.data(), kGgufMagic.size()) != 0) {
    const std::string_view known = foreign_format(file);
    return make_error(ErrorCode::kCorrupt, "{}",
                      known.empty() ? "not a GGUF file: it does not start with \"GGUF\"" : known);
  }
  TRY(version, reader.number<uint32_t>("the version"));
  if (version == 2 || version == 3) return version;
  if ((version & 0xffff) == 0 && version != 0) {
    return make_error(ErrorCode::kUnsupported,
                      "version {:#x}: a big-endian GGUF file; use the little-endian one", version);
  }
  return make_error(ErrorCode::kUnsupported,
                    "version {}: versions 2 and 3 are read; convert the model again with a current "
                    "converter",
                    version);
}

}  // namespace

Result<GgufFile> parse_gguf(std::span<const std::byte> file) {
  Reader reader(file);
  GgufFile gguf;
  TRY(version, read_magic_and_version(reader, file));
  gguf.version = version;
  TRY(tensor_count, read_count(reader, "the number of tensors", kMaxTensors));
  TRY(metadata_count, read_count(reader, "the number of metadata entries", kMaxMetadata));
  TRY(metadata, read_metadata(reader, metadata_count));
  gguf.metadata = std::move(metadata);
  TRY(tensors, read_tensors(reader, tensor_count));
  TRY(alignment, read_alignment(gguf.metadata));

  const int64_t data_begin = round_up(reader.position(), alignment);
  const int64_t data_bytes = std::max<int64_t>(static_cast<int64_t>(file.size()) - data_begin, 0);
  TRY_STATUS(check_ranges(tensors, static_cast<uint64_t>(data_bytes), alignment));
  gguf.tensors.reserve(tensors.size());
  for (Declared& tensor : tensors) {
    // An empty tensor may lie where the padding would end, past the file.
    const int64_t begin =
        tensor.layout.bytes == 0 ? 0 : data_begin + static_cast<int64_t>(tensor.offset);
    auto* data = const_cast<std::byte*>(file.data()) + begin;
    gguf.tensors.push_back(
        {std::move(tensor.name), TensorRef::contiguous(data, tensor.dtype, tensor.layout.shape)});
  }
  return gguf;
}

}  // namespace chitu
