// The key-value part of a GGUF file: typed access, with errors that name the key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace chitu {

// As numbered in the file.
enum class GgufType : uint32_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kUint64,
  kInt64,
  kFloat64,
};
inline constexpr uint32_t kNumGgufTypes = 13;

std::string_view name(GgufType type);  // "uint32", as the GGUF specification writes it
int64_t scalar_bytes(GgufType type);   // 0 for strings and arrays

// One value where it lies in the file. The parser has walked it: nothing points past its end.
struct GgufValue {
  GgufType type = GgufType::kUint8;
  GgufType element = GgufType::kUint8;  // of an array: never kArray
  uint64_t count = 0;                   // of an array
  // The number; the characters of a string; an array's elements one after the other, its strings
  // each behind an 8-byte length.
  std::span<const std::byte> payload;
};

// Views into the mapped file: valid as long as the checkpoint is. Errors read
// "llama.block_count: expected an integer in [1, 1024], found a string".
class GgufMetadata {
 public:
  using Values = std::map<std::string, GgufValue, std::less<>>;

  GgufMetadata() = default;
  explicit GgufMetadata(Values values) : values_(std::move(values)) {}

  const Values& values() const { return values_; }
  const GgufValue* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }

  Result<int64_t> integer(std::string_view key, int64_t min, int64_t max) const;
  Result<int64_t> integer_or(std::string_view key, int64_t fallback, int64_t min,
                             int64_t max) const;
  Result<double> number(std::string_view key) const;  // integer or float, finite
  Result<double> number_or(std::string_view key, double fallback) const;
  Result<bool> boolean_or(std::string_view key, bool fallback) const;
  Result<std::string> string(std::string_view key) const;  // bytes; UTF-8 is not checked
  Result<std::string> string_or(std::string_view key, std::string_view fallback) const;

  // Whole arrays.
  Result<std::vector<int64_t>> integers(std::string_view key) const;
  Result<std::vector<float>> numbers(std::string_view key) const;  // integers or floats
  Result<std::vector<std::string_view>> strings(std::string_view key) const;

 private:
  Values values_;
};

}  // namespace chitu
