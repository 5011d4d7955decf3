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

// Whether Jinja has it: some filters of Jinja's are not in this engine.
bool is_filter(std::string_view name);
// "there is no filter named 'x'", or that it is not supported; REQUIRES: find_filter found none
TemplateError missing_filter(std::string_view name, int line = 0);

// The rows of that table, by subject.
std::span<const FilterEntry> text_filters();
std::span<const FilterEntry> number_filters();
std::span<const FilterEntry> sequence_filters();
std::span<const FilterEntry> lazy_filters();
std::span<const FilterEntry> order_filters();

}  // namespace chitu::jinja
