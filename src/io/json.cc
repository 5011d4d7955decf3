#include "io/json.h"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <system_error>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/quote.h"
#include "io/file.h"

namespace chitu::json {
namespace {

// Builds values from parser events as boost::json::parser does, except that decimal numbers are
// rounded correctly: Boost 1.81's own conversion may be one unit in the last place off, which
// would break ties between tokenizer scores differently than other readers of the same file do.
struct ValueBuilder {
  using error_code = boost::json::error_code;
  using string_view = boost::json::string_view;

  static constexpr std::size_t max_object_size = boost::json::object::max_size();
  static constexpr std::size_t max_array_size = boost::json::array::max_size();
  static constexpr std::size_t max_key_size = boost::json::string::max_size();
  static constexpr std::size_t max_string_size = boost::json::string::max_size();

  boost::json::value_stack stack;
  bool unique_keys = false;
  int64_t values_left = 0;
  std::string key;                                         // the parts of the one being read
  std::vector<std::unordered_set<std::string>> open_keys;  // of each open object
  std::optional<std::string> duplicate;

  // Called for each value.
  bool take_one(error_code& code) {
    if (--values_left >= 0) return true;
    code = boost::json::error::syntax;  // describe() says what it is
    return false;
  }

  bool on_document_begin(error_code&) {
    stack.reset();
    return true;
  }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code& code) {
    if (unique_keys) open_keys.emplace_back();
    return take_one(code);
  }
  bool on_object_end(std::size_t n, error_code&) {
    if (unique_keys) open_keys.pop_back();
    stack.push_object(n);
    return true;
  }
  bool on_array_begin(error_code& code) { return take_one(code); }
  bool on_array_end(std::size_t n, error_code&) {
    stack.push_array(n);
    return true;
  }
  bool on_key_part(string_view part, std::size_t, error_code&) {
    if (unique_keys) key += part;
    stack.push_chars(part);
    return true;
  }
  bool on_key(string_view rest, std::size_t, error_code& code) {
    stack.push_key(rest);
    if (!unique_keys) return true;
    key += rest;
    if (!open_keys.back().insert(key).second) {
      duplicate = key;
      code = boost::json::error::syntax;
      return false;
    }
    key.clear();
    return true;
  }
  bool on_string_part(string_view part, std::size_t, error_code&) {
    stack.push_chars(part);
    return true;
  }
  bool on_string(string_view rest, std::size_t, error_code& code) {
    stack.push_string(rest);
    return take_one(code);
  }
  // Parts come only when a document is fed in pieces.
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(int64_t value, string_view, error_code& code) {
    stack.push_int64(value);
    return take_one(code);
  }
  bool on_uint64(uint64_t value, string_view, error_code& code) {
    stack.push_uint64(value);
    return take_one(code);
  }
  bool on_double(double value, string_view text, error_code& code) {
    double exact = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), exact);
    if (result.ec != std::errc()) {  // out of range: what is not tiny is huge
      exact = std::abs(value) < 1 ? 0.0 : std::numeric_limits<double>::infinity();
      if (text.front() == '-') exact = -exact;
    }
    stack.push_double(exact);
    return take_one(code);
  }
  bool on_bool(bool value, error_code& code) {
    stack.push_bool(value);
    return take_one(code);
  }
  bool on_null(error_code& code) {
    stack.push_null();
    return take_one(code);
  }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }
};

std::string position(std::string_view text, std::size_t offset) {
  std::size_t line = 1;
  std::size_t line_start = 0;
  for (std::size_t i = 0; i < offset; ++i) {
    if (text[i] == '\n') {
      ++line;
      line_start = i + 1;
    }
  }
  return fmt::format("line {}, column {} (byte {})", line, offset - line_start + 1, offset);
}

Error describe(const boost::json::error_code& code, const ValueBuilder& builder,
               const Limits& limits) {
  using boost::json::error;
  if (builder.values_left < 0) {
    return make_error(ErrorCode::kResourceExhausted, "more than {} values, the most that are read",
                      limits.max_values);
  }
  const auto corrupt = [](std::string_view what) {
    return make_error(ErrorCode::kCorrupt, "{}", what);
  };
  if (builder.duplicate) {
    return corrupt(fmt::format("the key {} occurs twice", quote(*builder.duplicate)));
  }
  if (code == error::incomplete) return corrupt("the text ends in the middle of a JSON value");
  if (code == error::extra_data) return corrupt("text after the end of the JSON value");
  if (code == error::too_deep) {
    return corrupt(fmt::format("nested deeper than {} levels", limits.max_depth));
  }
  return corrupt(fmt::format("not valid JSON: {}", code.message()));
}

std::string found(const Value* value) {
  if (value == nullptr) return "found nothing; add the field";
  if (value->is_number()) return fmt::format("found {}", boost::json::serialize(*value));
  return fmt::format("found {}", kind_name(*value));
}

Error expected(std::string_view key, std::string_view what, const Value* value) {
  return make_error(ErrorCode::kInvalidArgument, "{}: expected {}, {}", key, what, found(value));
}

Result<Value> parse_text(std::string_view text, const Limits& limits, bool unique_keys) {
  boost::json::parse_options options;
  options.max_depth = static_cast<std::size_t>(limits.max_depth);
  boost::json::basic_parser<ValueBuilder> parser(options);
  parser.handler().unique_keys = unique_keys;
  parser.handler().values_left = limits.max_values;
  boost::json::error_code code;
  std::size_t consumed = parser.write_some(false, text.data(), text.size(), code);
  if (!code && consumed < text.size()) code = boost::json::error::extra_data;
  if (code) {
    return describe(code, parser.handler(), limits).within(position(text, consumed));
  }
  return parser.handler().stack.release();
}

}  // namespace

Result<Value> parse(std::string_view text, const Limits& limits) {
  return parse_text(text, limits, false);
}

Result<Value> parse_unique(std::string_view text, const Limits& limits) {
  return parse_text(text, limits, true);
}

Result<Value> parse_file(const std::filesystem::path& path, const Limits& limits) {
  TRY(text, read_file(path, static_cast<std::size_t>(limits.max_bytes)));
  Result<Value> value = parse(text, limits);
  if (!value) return std::move(value).error().within(path.string());
  return value;
}

std::string_view kind_name(const Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return "a boolean";
    case boost::json::kind::int64:
    case boost::json::kind::uint64:
      return "an integer";
    case boost::json::kind::double_:
      return "a number";
    case boost::json::kind::string:
      return "a string";
    case boost::json::kind::array:
      return "an array";
    case boost::json::kind::object:
      return "an object";
  }
  return "an unknown value";
}

Result<Fields> Fields::of(const Value& value) {
  if (!value.is_object()) {
    return make_error(ErrorCode::kInvalidArgument, "expected an object, found {}",
                      kind_name(value));
  }
  return Fields(value.get_object());
}

const Value* Fields::find(std::string_view key) const {
  const Value* value = object_->if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

bool Fields::mentions(std::string_view key) const { return object_->if_contains(key) != nullptr; }

Result<int64_t> Fields::integer(std::string_view key, int64_t min, int64_t max) const {
  const Value* value = find(key);
  if (value != nullptr && value->is_int64()) {
    const int64_t i = value->get_int64();
    if (i >= min && i <= max) return i;
  }
  // A uint64 is beyond the largest int64, so never in the range.
  return expected(key, fmt::format("an integer in [{}, {}]", min, max), value);
}

Result<int64_t> Fields::integer_or(std::string_view key, int64_t fallback, int64_t min,
                                   int64_t max) const {
  return has(key) ? integer(key, min, max) : fallback;
}

Result<double> Fields::number(std::string_view key) const {
  const Value* value = find(key);
  if (value != nullptr && value->is_number()) {
    const auto x = value->to_number<double>();
    if (std::isfinite(x)) return x;
  }
  return expected(key, "a finite number", value);
}

Result<double> Fields::number_or(std::string_view key, double fallback) const {
  return has(key) ? number(key) : fallback;
}

Result<bool> Fields::boolean_or(std::string_view key, bool fallback) const {
  const Value* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_bool()) return expected(key, "true or false", value);
  return value->get_bool();
}

Result<std::string> Fields::string(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr || !value->is_string()) return expected(key, "a string", value);
  return std::string(value->get_string());
}

Result<std::string> Fields::string_or(std::string_view key, std::string_view fallback) const {
  return has(key) ? string(key) : std::string(fallback);
}

Result<const Object*> Fields::object(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr || !value->is_object()) return expected(key, "an object", value);
  return &value->get_object();
}

Result<const Array*> Fields::array(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr || !value->is_array()) return expected(key, "an array", value);
  return &value->get_array();
}

}  // namespace chitu::json
