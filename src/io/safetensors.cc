#include "io/safetensors.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "base/quote.h"
#include "io/foreign_format.h"
#include "io/json.h"

namespace chitu {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::string_view kMetadataKey = "__metadata__";

struct Range {
  int64_t begin = 0;  // from the start of the data section
  int64_t end = 0;
};

struct Declared {
  std::string name;
  DType dtype = DType::kF32;
  TensorLayout layout;
  Range range;
};

// Non-negative integers, as shape and data_offsets hold them.
Result<std::vector<uint64_t>> counts(const json::Fields& fields, std::string_view key) {
  TRY(array, fields.array(key));
  std::vector<uint64_t> values;
  values.reserve(array->size());
  for (const json::Value& value : *array) {
    if (value.is_uint64()) {
      values.push_back(value.get_uint64());
    } else if (value.is_int64() && value.get_int64() >= 0) {
      values.push_back(static_cast<uint64_t>(value.get_int64()));
    } else {
      return make_error(
          ErrorCode::kCorrupt, "{}: expected non-negative integers, found {}", key,
          value.is_number() ? boost::json::serialize(value) : std::string(json::kind_name(value)));
    }
  }
  return values;
}

Result<DType> read_dtype(const json::Fields& fields) {
  TRY(text, fields.string("dtype"));
  const std::optional<DType> type = dtype_from_name(text);
  // Blocks of GGUF have no place in this format, and "float32" is another file's spelling.
  if (!type || is_quantized(*type) || name(*type) != text) {
    return make_error(ErrorCode::kUnsupported,
                      "dtype {}: not one of F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, "
                      "I8, U8, BOOL",
                      quote(text));
  }
  return *type;
}

Result<Declared> read_tensor(std::string_view name, const json::Value& value, int64_t data_bytes) {
  TRY(fields, json::Fields::of(value));
  Declared tensor;
  tensor.name = name;
  TRY(dtype, read_dtype(fields));
  tensor.dtype = dtype;
  TRY(dims, counts(fields, "shape"));
  TRY(layout, tensor_layout(dtype, dims));
  tensor.layout = layout;
  TRY(offsets, counts(fields, "data_offsets"));
  if (offsets.size() != 2) {
    return make_error(ErrorCode::kCorrupt, "data_offsets: expected [begin, end], found {} numbers",
                      offsets.size());
  }
  const auto limit = static_cast<uint64_t>(data_bytes);
  if (offsets[0] > offsets[1] || offsets[1] > limit) {
    return make_error(ErrorCode::kCorrupt,
                      "data_offsets: [{}, {}] is no range within the file's {} bytes of data; the "
                      "file may be cut off: fetch it again",
                      offsets[0], offsets[1], limit);
  }
  tensor.range = {static_cast<int64_t>(offsets[0]), static_cast<int64_t>(offsets[1])};
  if (tensor.range.end - tensor.range.begin != layout.bytes) {
    return make_error(ErrorCode::kCorrupt,
                      "data_offsets: {} bytes, but dtype {} and shape {} need {}",
                      tensor.range.end - tensor.range.begin, chitu::name(dtype),
                      to_string(layout.shape), layout.bytes);
  }
  return tensor;
}

Result<std::string_view> read_header(std::span<const std::byte> file) {
  const auto fail = [&](std::string what) -> Error {
    const std::string_view known = foreign_format(file);
    return {ErrorCode::kCorrupt, known.empty() ? std::move(what) : std::string(known)};
  };
  if (file.empty()) return make_error(ErrorCode::kCorrupt, "the file is empty; fetch it again");
  if (file.size() < kLengthBytes) {
    return fail(fmt::format("{} bytes are too few for a safetensors file", file.size()));
  }
  uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof(length));
  if (length > kMaxSafetensorsHeaderBytes) {
    return fail(fmt::format("header length {}: at most {} bytes are read; not a safetensors file?",
                            length, kMaxSafetensorsHeaderBytes));
  }
  if (length > file.size() - kLengthBytes) {
    return fail(fmt::format("header length {}: the file has only {} bytes; fetch it again", length,
                            file.size()));
  }
  const std::string_view header(reinterpret_cast<const char*>(file.data()) + kLengthBytes, length);
  if (!header.starts_with('{')) {
    return fail("the header does not start with '{'; not a safetensors file?");
  }
  return header;
}

// Notes of the writer: strings under string keys. They are not used.
Status check_metadata(const json::Value& value) {
  const auto is_string = [](const auto& entry) { return entry.value().is_string(); };
  if (value.is_null()) return {};
  if (value.is_object() &&
      std::all_of(value.get_object().begin(), value.get_object().end(), is_string)) {
    return {};
  }
  return make_error(ErrorCode::kCorrupt, "{}: expected an object of strings", kMetadataKey);
}

// The ranges, sorted, must follow on each other from the first to the last byte.
Status check_coverage(std::span<const Declared> tensors, int64_t data_bytes) {
  int64_t covered = 0;
  for (const Declared& tensor : tensors) {
    if (tensor.range.begin != covered) {
      return make_error(ErrorCode::kCorrupt, "tensor {}: data_offsets: begins at {}, {} {}",
                        quote(tensor.name), tensor.range.begin,
                        tensor.range.begin < covered ? "inside the tensor before it, which ends at"
                                                     : "after a hole that starts at",
                        covered);
    }
    covered = tensor.range.end;
  }
  if (covered != data_bytes) {
    return make_error(ErrorCode::kCorrupt,
                      "the tensors end at byte {} of the data, but the file has {}", covered,
                      data_bytes);
  }
  return {};
}

}  // namespace

Result<std::vector<TensorEntry>> parse_safetensors(std::span<const std::byte> file) {
  TRY(header, read_header(file));
  Result<json::Value> value =
      json::parse_unique(header, {.max_values = kMaxSafetensorsHeaderValues});
  if (!value) return std::move(value).error().within("header");
  const std::span<const std::byte> data = file.subspan(kLengthBytes + header.size());
  const auto data_bytes = static_cast<int64_t>(data.size());

  std::vector<Declared> tensors;
  for (const auto& [key, description] : value->get_object()) {
    if (key == kMetadataKey) {
      TRY_STATUS(check_metadata(description));
      continue;
    }
    Result<Declared> tensor = read_tensor(key, description, data_bytes);
    if (!tensor) {
      return std::move(tensor).error().within(fmt::format("tensor {}", quote(key)));
    }
    tensors.push_back(*std::move(tensor));
  }
  std::sort(tensors.begin(), tensors.end(), [](const Declared& a, const Declared& b) {
    return std::pair(a.range.begin, a.range.end) < std::pair(b.range.begin, b.range.end);
  });
  TRY_STATUS(check_coverage(tensors, data_bytes));

  std::vector<TensorEntry> entries;
  entries.reserve(tensors.size());
  for (Declared& tensor : tensors) {
    auto* begin = const_cast<std::byte*>(data.data()) + tensor.range.begin;
    entries.push_back(
        {std::move(tensor.name), TensorRef::contiguous(begin, tensor.dtype, tensor.layout.shape)});
  }
  return entries;
}

}  // namespace chitu
