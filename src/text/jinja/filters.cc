#include "text/jinja/filters.h"

#include <algorithm>

namespace chitu::jinja {

FilterFunction find_filter(std::string_view name) {
  for (const auto rows :
       {text_filters(), number_filters(), sequence_filters(), lazy_filters(), order_filters()}) {
    const auto it = std::find_if(rows.begin(), rows.end(),
                                 [&](const FilterEntry& row) { return row.name == name; });
    if (it != rows.end()) return it->function;
  }
  return nullptr;
}

}  // namespace chitu::jinja
