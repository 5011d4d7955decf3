// Typed access to the fields of a request. Reading goes on after an error, to no effect: the first
// one is kept, so that a list of fields reads as a list.
//
//   RequestFields fields(body);
//   fields.integer("n", {1, 16}, request.n);
//   fields.number("temperature", {.min = 0, .max = 2}, request.temperature);
//   TRY_FIELDS(fields);
//
// A field that is missing or null leaves its variable as it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/json.h"
#include "server/api_result.h"

namespace chitu {

struct IntegerRange {
  int64_t min;
  int64_t max;
};

struct NumberRange {
  double min;
  double max;
  bool above_min = false;  // min itself is not in the range
};

class RequestFields {
 public:
  // `where` stands before the names of the fields: "stream_options.". The object must outlive this.
  explicit RequestFields(const json::Object& object, std::string where = "")
      : object_(&object), where_(std::move(where)) {}

  bool ok() const { return !error_.has_value(); }
  HttpError&& error() && { return *std::move(error_); }  // REQUIRES: !ok()
  void fail(HttpError error);

  const json::Value* find(std::string_view key) const;  // nullptr when missing or null
  std::string name(std::string_view key) const { return where_ + std::string(key); }

  void boolean(std::string_view key, bool& out);
  void integer(std::string_view key, IntegerRange range, int64_t& out);
  void integer(std::string_view key, IntegerRange range, int32_t& out);  // range of int32_t
  void number(std::string_view key, NumberRange range, double& out);
  void number(std::string_view key, NumberRange range, std::optional<double>& out);
  void string(std::string_view key, int64_t max_bytes, std::string& out);
  // Nullptr when missing, or another kind, which is an error.
  const json::Object* object(std::string_view key);
  const json::Array* array(std::string_view key);
  // The fields of an object within, whose error becomes this one's.
  void adopt(RequestFields&& inner);

 private:
  const json::Object* object_;
  std::string where_;
  std::optional<HttpError> error_;
};

#define TRY_FIELDS(fields)                                \
  do {                                                    \
    if (!(fields).ok()) return std::move(fields).error(); \
  } while (false)

// The integer that a number is; nothing for other values, and for those beyond 64 bits.
std::optional<int64_t> as_integer(const json::Value& value);

// "temperature: expected a number in [0, 2], found 'hot'"; code invalid_type when another kind
// of value is expected than was found.
HttpError expected(std::string_view param, std::string_view what, const json::Value& found,
                   bool is_kind_wrong);
HttpError missing(std::string_view param, std::string_view what);

// An array of token ids, each in [0, vocab_size).
ApiResult<std::vector<int32_t>> read_tokens(const json::Array& array, std::string_view param,
                                            int64_t vocab_size);

}  // namespace chitu
