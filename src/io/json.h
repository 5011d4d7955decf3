// JSON of configuration and tokenizer files: Boost.JSON values (objects keep their order), and
// readers whose errors name the field.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace chitu::json {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;

inline constexpr int64_t kMaxFileBytes = int64_t{256} << 20;

// What a text may ask for. A value of two bytes, "0,", takes some fifty in memory, so values are
// counted: objects and arrays as one each, beside what is in them.
struct Limits {
  int max_depth = 64;
  int64_t max_values = 16'000'000;    // far above any tokenizer.json
  int64_t max_bytes = kMaxFileBytes;  // of a file
};

// Strict JSON (RFC 8259); invalid UTF-8 and what is beyond the limits are errors. Integers too
// large for 64 bits become doubles, as some tokenizer_config.json have them.
Result<Value> parse(std::string_view text, const Limits& limits = {});
// The same, but a key that an object has twice is an error; parse() keeps the last one.
Result<Value> parse_unique(std::string_view text, const Limits& limits = {});
Result<Value> parse_file(const std::filesystem::path& path, const Limits& limits = {});

// {"a": 1} -> "an object"; for messages.
std::string_view kind_name(const Value& value);

// Typed access to the fields of one object. A missing field and null are the same. Errors read
// "<where>: <key>: expected an integer in [1, 1024], found a string".
class Fields {
 public:
  explicit Fields(const Object& object) : object_(&object) {}
  static Result<Fields> of(const Value& value);  // error unless an object

  const Value* find(std::string_view key) const;  // nullptr when missing or null
  bool has(std::string_view key) const { return find(key) != nullptr; }
  bool mentions(std::string_view key) const;  // null counts

  Result<int64_t> integer(std::string_view key, int64_t min, int64_t max) const;
  Result<int64_t> integer_or(std::string_view key, int64_t fallback, int64_t min,
                             int64_t max) const;
  Result<double> number(std::string_view key) const;  // finite
  Result<double> number_or(std::string_view key, double fallback) const;
  Result<bool> boolean_or(std::string_view key, bool fallback) const;
  Result<std::string> string(std::string_view key) const;
  Result<std::string> string_or(std::string_view key, std::string_view fallback) const;
  Result<const Object*> object(std::string_view key) const;
  Result<const Array*> array(std::string_view key) const;

 private:
  const Object* object_;
};

}  // namespace chitu::json
