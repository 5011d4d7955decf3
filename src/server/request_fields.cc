#include "server/request_fields.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/quote.h"

namespace chitu {
namespace {

constexpr std::size_t kMaxQuoted = 40;

std::string describe(const json::Value& value) {
  if (value.is_string()) {
    return fmt::format("the string {}", quote(std::string_view(value.get_string()), kMaxQuoted));
  }
  if (value.is_bool()) return value.get_bool() ? "the boolean true" : "the boolean false";
  if (value.is_double()) {
    const double x = value.get_double();
    return std::isfinite(x) ? fmt::format("{}", x) : "a number beyond the range of doubles";
  }
  if (value.is_int64()) return fmt::format("{}", value.get_int64());
  if (value.is_uint64()) return fmt::format("{}", value.get_uint64());
  return std::string(json::kind_name(value));
}

}  // namespace

HttpError expected(std::string_view param, std::string_view what, const json::Value& found,
                   bool is_kind_wrong) {
  HttpError error =
      invalid_value(param, fmt::format("expected {}, found {}", what, describe(found)));
  if (is_kind_wrong) error.code = "invalid_type";
  return error;
}

HttpError missing(std::string_view param, std::string_view what) {
  HttpError error = invalid_value(param, fmt::format("expected {}, found nothing", what));
  error.code = "missing_required_parameter";
  return error;
}

std::optional<int64_t> as_integer(const json::Value& value) {
  if (value.is_int64()) return value.get_int64();
  if (!value.is_double()) return std::nullopt;
  const double x = value.get_double();
  constexpr double kExact = 9007199254740992.0;  // 2^53: beyond it doubles skip integers
  if (!(std::abs(x) <= kExact) || x != std::trunc(x)) return std::nullopt;
  return static_cast<int64_t>(x);
}

ApiResult<std::vector<int32_t>> read_tokens(const json::Array& array, std::string_view param,
                                            int64_t vocab_size) {
  std::vector<int32_t> tokens;
  tokens.reserve(array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    const std::optional<int64_t> token = as_integer(array[i]);
    if (!token || *token < 0 || *token >= vocab_size) {
      return expected(
          fmt::format("{}[{}]", param, i),
          fmt::format("a token of the model's vocabulary, an integer in [0, {}]", vocab_size - 1),
          array[i], !array[i].is_number());
    }
    tokens.push_back(static_cast<int32_t>(*token));
  }
  return tokens;
}

void RequestFields::fail(HttpError error) {
  if (ok()) error_ = std::move(error);
}

void RequestFields::adopt(RequestFields&& inner) {
  if (!inner.ok()) fail(std::move(inner).error());
}

const json::Value* RequestFields::find(std::string_view key) const {
  const json::Value* value = object_->if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

void RequestFields::boolean(std::string_view key, bool& out) {
  const json::Value* value = find(key);
  if (value == nullptr) return;
  if (!value->is_bool()) return fail(expected(name(key), "true or false", *value, true));
  out = value->get_bool();
}

void RequestFields::integer(std::string_view key, IntegerRange range, int64_t& out) {
  const json::Value* value = find(key);
  if (value == nullptr) return;
  const std::optional<int64_t> integer = as_integer(*value);
  if (!integer || *integer < range.min || *integer > range.max) {
    return fail(expected(name(key), fmt::format("an integer in [{}, {}]", range.min, range.max),
                         *value, !value->is_number()));
  }
  out = *integer;
}

void RequestFields::integer(std::string_view key, IntegerRange range, int32_t& out) {
  int64_t wide = out;
  integer(key, range, wide);
  out = static_cast<int32_t>(wide);
}

void RequestFields::number(std::string_view key, NumberRange range, double& out) {
  std::optional<double> number;
  this->number(key, range, number);
  if (number) out = *number;
}

void RequestFields::number(std::string_view key, NumberRange range, std::optional<double>& out) {
  const json::Value* value = find(key);
  if (value == nullptr) return;
  const double x =
      value->is_number() ? value->to_number<double>() : std::numeric_limits<double>::quiet_NaN();
  const bool in_range = (range.above_min ? x > range.min : x >= range.min) && x <= range.max;
  if (!in_range) {
    return fail(expected(
        name(key),
        fmt::format("a number in {}{}, {}]", range.above_min ? '(' : '[', range.min, range.max),
        *value, !value->is_number()));
  }
  out = x + 0.0;  // -0 is 0
}

void RequestFields::string(std::string_view key, int64_t max_bytes, std::string& out) {
  const json::Value* value = find(key);
  if (value == nullptr) return;
  if (!value->is_string()) return fail(expected(name(key), "a string", *value, true));
  const std::string_view text = value->get_string();
  if (static_cast<int64_t>(text.size()) > max_bytes) {
    return fail(invalid_value(
        name(key), fmt::format("expected at most {} bytes, found {}", max_bytes, text.size())));
  }
  out = text;
}

const json::Object* RequestFields::object(std::string_view key) {
  const json::Value* value = find(key);
  if (value == nullptr) return nullptr;
  if (value->is_object()) return &value->get_object();
  fail(expected(name(key), "an object", *value, true));
  return nullptr;
}

const json::Array* RequestFields::array(std::string_view key) {
  const json::Value* value = find(key);
  if (value == nullptr) return nullptr;
  if (value->is_array()) return &value->get_array();
  fail(expected(name(key), "an array", *value, true));
  return nullptr;
}

}  // namespace chitu
