#include "text/jinja/filters.h"

#include <algorithm>
#include <array>

namespace chitu::jinja {
namespace {

// They lay text out for web pages, or have no fixed result.
constexpr std::array<std::string_view, 6> kUnsupported = {"pprint", "random",   "striptags",
                                                          "urlize", "wordwrap", "xmlattr"};

bool is_unsupported(std::string_view name) {
  return std::find(kUnsupported.begin(), kUnsupported.end(), name) != kUnsupported.end();
}

}  // namespace

FilterFunction find_filter(std::string_view name) {
  for (const auto rows :
       {text_filters(), number_filters(), sequence_filters(), lazy_filters(), order_filters()}) {
    const auto it = std::find_if(rows.begin(), rows.end(),
                                 [&](const FilterEntry& row) { return row.name == name; });
    if (it != rows.end()) return it->function;
  }
  return nullptr;
}

bool is_filter(std::string_view name) {
  return find_filter(name) != nullptr || is_unsupported(name);
}

TemplateError missing_filter(std::string_view name, int line) {
  if (is_unsupported(name)) {
    return {ErrorCode::kUnsupported,
            fmt::format("the filter '{}' is not supported in a chat template", name), line};
  }
  return {line > 0 ? ErrorCode::kCorrupt : ErrorCode::kInvalidArgument,
          fmt::format("there is no filter named '{}'", name), line};
}

}  // namespace chitu::jinja
