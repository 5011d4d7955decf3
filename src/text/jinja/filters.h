// The filters, by name: value|name(args).
#pragma once

#include <span>
#include <string_view>

#include "text/jinja/runtime.h"

namespace chitu::jinja {

using FilterFunction = Value (*)(Runtime& rt, const Value& operand, const Args& args);

struct FilterEntry {
  std::string_view name;
  FilterFunction function;
};

// nullptr when there is no such filter.
FilterFunction find_filter(std::string_view name);

// The rows of that table, by subject.
std::span<const FilterEntry> text_filters();
std::span<const FilterEntry> number_filters();
std::span<const FilterEntry> sequence_filters();
std::span<const FilterEntry> lazy_filters();
std::span<const FilterEntry> order_filters();

}  // namespace chitu::jinja
