#include "io/gguf_metadata.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace chitu {
namespace {

struct TypeInfo {
  std::string_view name;
  int64_t bytes;
};

constexpr std::array<TypeInfo, kNumGgufTypes> kTypes = {{
    {"uint8", 1},
    {"int8", 1},
    {"uint16", 2},
    {"int16", 2},
    {"uint32", 4},
    {"int32", 4},
    {"float32", 4},
    {"bool", 1},
    {"string", 0},
    {"array", 0},
    {"uint64", 8},
    {"int64", 8},
    {"float64", 8},
}};

const TypeInfo& info(GgufType type) { return kTypes[static_cast<uint32_t>(type)]; }

template <class T>
T load(const std::byte* data) {
  T value;
  std::memcpy(&value, data, sizeof(value));
  return value;
}

// Nothing if the type is not an integer, or the value is beyond int64.
std::optional<int64_t> load_integer(GgufType type, const std::byte* data) {
  switch (type) {
    case GgufType::kUint8:
      return load<uint8_t>(data);
    case GgufType::kInt8:
      return load<int8_t>(data);
    case GgufType::kUint16:
      return load<uint16_t>(data);
    case GgufType::kInt16:
      return load<int16_t>(data);
    case GgufType::kUint32:
      return load<uint32_t>(data);
    case GgufType::kInt32:
      return load<int32_t>(data);
    case GgufType::kInt64:
      return load<int64_t>(data);
    case GgufType::kUint64: {
      const auto value = load<uint64_t>(data);
      if (value > std::numeric_limits<int64_t>::max()) return std::nullopt;
      return static_cast<int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

std::optional<double> load_number(GgufType type, const std::byte* data) {
  if (type == GgufType::kFloat32) return load<float>(data);
  if (type == GgufType::kFloat64) return load<double>(data);
  if (type == GgufType::kUint64) return static_cast<double>(load<uint64_t>(data));
  const std::optional<int64_t> integer = load_integer(type, data);
  if (!integer) return std::nullopt;
  return static_cast<double>(*integer);
}

std::string_view text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string found(const GgufValue* value) {
  if (value == nullptr) return "found nothing; convert the model again with a current converter";
  if (value->type == GgufType::kArray) {
    return fmt::format("found an array of {} {}", value->count, name(value->element));
  }
  if (const std::optional<double> number = load_number(value->type, value->payload.data())) {
    return fmt::format("found {} ({})", *number, name(value->type));
  }
  return fmt::format("found a {}", name(value->type));
}

Error expected(std::string_view key, std::string_view what, const GgufValue* value) {
  return make_error(value == nullptr ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument,
                    "{}: expected {}, {}", key, what, found(value));
}

}  // namespace

std::string_view name(GgufType type) { return info(type).name; }

int64_t scalar_bytes(GgufType type) { return info(type).bytes; }

const GgufValue* GgufMetadata::find(std::string_view key) const {
  const auto it = values_.find(key);
  return it == values_.end() ? nullptr : &it->second;
}

Result<int64_t> GgufMetadata::integer(std::string_view key, int64_t min, int64_t max) const {
  const GgufValue* value = find(key);
  if (value != nullptr) {
    const std::optional<int64_t> i = load_integer(value->type, value->payload.data());
    if (i && *i >= min && *i <= max) return *i;
  }
  return expected(key, fmt::format("an integer in [{}, {}]", min, max), value);
}

Result<int64_t> GgufMetadata::integer_or(std::string_view key, int64_t fallback, int64_t min,
                                         int64_t max) const {
  return has(key) ? integer(key, min, max) : fallback;
}

Result<double> GgufMetadata::number(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value != nullptr) {
    const std::optional<double> x = load_number(value->type, value->payload.data());
    if (x && std::isfinite(*x)) return *x;
  }
  return expected(key, "a finite number", value);
}

Result<double> GgufMetadata::number_or(std::string_view key, double fallback) const {
  return has(key) ? number(key) : fallback;
}

Result<bool> GgufMetadata::boolean_or(std::string_view key, bool fallback) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return fallback;
  if (value->type != GgufType::kBool) return expected(key, "a bool", value);
  return load<uint8_t>(value->payload.data()) != 0;
}

Result<std::string> GgufMetadata::string(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr || value->type != GgufType::kString) {
    return expected(key, "a string", value);
  }
  return std::string(text(value->payload));
}

Result<std::string> GgufMetadata::string_or(std::string_view key, std::string_view fallback) const {
  return has(key) ? string(key) : std::string(fallback);
}

Result<std::vector<int64_t>> GgufMetadata::integers(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr || value->type != GgufType::kArray) {
    return expected(key, "an array of integers", value);
  }
  const int64_t stride = scalar_bytes(value->element);
  std::vector<int64_t> numbers;
  numbers.reserve(value->count);
  for (uint64_t i = 0; i < value->count; ++i) {
    const std::optional<int64_t> number =
        load_integer(value->element, value->payload.data() + static_cast<int64_t>(i) * stride);
    if (!number) return expected(key, "an array of integers", value);
    numbers.push_back(*number);
  }
  return numbers;
}

Result<std::vector<float>> GgufMetadata::numbers(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr || value->type != GgufType::kArray) {
    return expected(key, "an array of numbers", value);
  }
  const int64_t stride = scalar_bytes(value->element);
  std::vector<float> numbers;
  numbers.reserve(value->count);
  for (uint64_t i = 0; i < value->count; ++i) {
    const std::optional<double> number =
        load_number(value->element, value->payload.data() + static_cast<int64_t>(i) * stride);
    if (!number) return expected(key, "an array of numbers", value);
    numbers.push_back(static_cast<float>(*number));
  }
  return numbers;
}

Result<std::vector<std::string_view>> GgufMetadata::strings(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr || value->type != GgufType::kArray || value->element != GgufType::kString) {
    return expected(key, "an array of strings", value);
  }
  std::vector<std::string_view> strings;
  strings.reserve(value->count);
  std::span<const std::byte> rest = value->payload;
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto length = load<uint64_t>(rest.data());
    rest = rest.subspan(sizeof(length));
    strings.push_back(text(rest.first(length)));
    rest = rest.subspan(length);
  }
  return strings;
}

}  // namespace chitu
