// Any bytes as JSON: accepted exactly when Boost's own parser accepts them, and equal to themselves
// after a round trip.
#include <limits>

#include "base/check.h"
#include "io/json.h"

namespace {

namespace json = chitu::json;

bool boost_accepts(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = static_cast<std::size_t>(json::Limits{}.max_depth);
  boost::json::error_code code;
  (void)boost::json::parse(text, code, {}, options);
  return !code;
}

void read_fields(const json::Fields& fields, const json::Object& object) {
  for (const auto& [key, value] : object) {
    (void)fields.integer_or(key, 0, 0, std::numeric_limits<int64_t>::max());
    (void)fields.number(key);
    (void)fields.boolean_or(key, false);
    (void)fields.string(key);
    (void)fields.object(key);
    (void)fields.array(key);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = json::parse(text);
  CHECK(value.ok() == boost_accepts(text));
  const bool unique = json::parse_unique(text).ok();
  CHECK(value.ok() || !unique);
  if (!value) return 0;
  const std::string once = boost::json::serialize(*value);
  if (once.find("Infinity") == std::string::npos) {  // of 1e999, for which JSON has no other form
    const auto again = json::parse(once);
    CHECK(again.ok() && boost::json::serialize(*again) == once);
  }
  if (const auto fields = json::Fields::of(*value)) read_fields(*fields, value->get_object());
  return 0;
}
