#include "text/jinja/from_json.h"

#include <limits>

#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

Value text(std::string_view s, Runtime& rt) {
  if (!is_utf8(s)) fail("a value given to the template is not valid UTF-8");
  rt.meter().require(s.size());
  return rt.string(std::string(s));
}

}  // namespace

Value from_json(const boost::json::value& json, Runtime& rt) {
  const Level level(rt.meter());
  switch (json.kind()) {
    case boost::json::kind::null:
      return Value::none();
    case boost::json::kind::bool_:
      return Value::boolean(json.get_bool());
    case boost::json::kind::int64:
      return Value::integer(json.get_int64());
    case boost::json::kind::uint64:
      if (json.get_uint64() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        fail_unsupported("the integer {} does not fit into 64 bits with a sign", json.get_uint64());
      }
      return Value::integer(static_cast<int64_t>(json.get_uint64()));
    case boost::json::kind::double_:
      return Value::real(json.get_double());
    case boost::json::kind::string:
      return text(std::string_view(json.get_string()), rt);
    case boost::json::kind::array: {
      ListBuilder items(rt);
      for (const boost::json::value& item : json.get_array()) items.append(from_json(item, rt));
      return items.list();
    }
    case boost::json::kind::object:
      return Value::object(Kind::kDict, from_json(json.get_object(), rt));
  }
  return Value::none();
}

std::shared_ptr<Dict> from_json(const boost::json::object& json, Runtime& rt) {
  auto dict = rt.make_dict();
  for (const auto& [key, value] : json) {
    dict->set(text(std::string_view(key.data(), key.size()), rt), from_json(value, rt), rt.meter());
  }
  return dict;
}

}  // namespace chitu::jinja
