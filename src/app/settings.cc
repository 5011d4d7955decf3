#include "app/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "app/args.h"
#include "base/check.h"

namespace chitu::app {
namespace {

bool equal_without_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return x == y || ((x ^ y) == 0x20 && (x | 0x20) >= 'a' && (x | 0x20) <= 'z');
  });
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

bool is_integer_list(std::string_view text, double min, double max) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return false;
  const auto items = split(text.substr(1, text.size() - 2), ',');
  return std::all_of(items.begin(), items.end(), [&](std::string_view item) {
    while (item.starts_with(' ')) item.remove_prefix(1);
    return parse_integer(item, static_cast<int64_t>(min), static_cast<int64_t>(max)).has_value();
  });
}

// The value as it is kept ("True" -> "true"); nullopt when it is not one of this setting's.
std::optional<std::string> normalise(const Setting& setting, std::string_view value) {
  if ((value == "auto" || value == "null") && setting.default_value == value) {
    return std::string(value);
  }
  switch (setting.type) {
    case SettingType::kBoolean:
      if (equal_without_case(value, "true")) return "true";
      if (equal_without_case(value, "false")) return "false";
      return std::nullopt;
    case SettingType::kInteger:
      if (!parse_integer(value, static_cast<int64_t>(setting.min),
                         static_cast<int64_t>(setting.max))) {
        return std::nullopt;
      }
      return std::string(value);
    case SettingType::kNumber: {
      const std::optional<double> number = parse_number(value);
      if (!number || *number < setting.min || *number > setting.max) return std::nullopt;
      return std::string(value);
    }
    case SettingType::kChoice:
      for (const std::string_view choice : split(setting.choices, '|')) {
        if (value == choice) return std::string(value);
      }
      return std::nullopt;
    case SettingType::kIntegers:
      if (!is_integer_list(value, setting.min, setting.max)) return std::nullopt;
      return std::string(value);
    case SettingType::kText:
      return std::string(value);
  }
  return std::nullopt;
}

Error unknown_setting(std::string_view key) {
  std::vector<std::string_view> keys;
  for (const Setting& known : setting_table()) {
    if (known.key.starts_with(fmt::format("{}.", key))) {
      return make_error(ErrorCode::kInvalidArgument, "{} is a group of settings, such as {}", key,
                        known.key);
    }
    keys.push_back(known.key);
  }
  const std::string_view near = nearest(key, keys);
  return make_error(
      ErrorCode::kInvalidArgument, "unknown setting '{}'{}", key,
      near.empty() ? "; `chitu settings` lists them" : fmt::format(" (did you mean {}?)", near));
}

}  // namespace

const Setting* find_setting(std::string_view key) {
  const auto table = setting_table();
  const auto it = std::find_if(table.begin(), table.end(),
                               [&](const Setting& setting) { return setting.key == key; });
  return it == table.end() ? nullptr : &*it;
}

std::string describe_type(const Setting& setting) {
  std::string text;
  switch (setting.type) {
    case SettingType::kBoolean:
      text = "true or false";
      break;
    case SettingType::kInteger:
      text = fmt::format("integer in [{:.0f}, {:.0f}]", setting.min, setting.max);
      break;
    case SettingType::kNumber:
      text = fmt::format("number in [{}, {}]", setting.min, setting.max);
      break;
    case SettingType::kText:
      text = "text";
      break;
    case SettingType::kChoice:
      text = fmt::format("one of {}", fmt::join(split(setting.choices, '|'), ", "));
      break;
    case SettingType::kIntegers:
      text = fmt::format("integers in [{:.0f}, {:.0f}], as in [1,2]", setting.min, setting.max);
      break;
  }
  if (setting.default_value == "auto" || setting.default_value == "null") {
    text += fmt::format(", or {}", setting.default_value);
  }
  return text;
}

Settings::Settings() {
  for (const Setting& setting : setting_table()) {
    values_.emplace(setting.key, setting.default_value);
  }
}

Status Settings::set(std::string_view key, std::string_view value) {
  const Setting* setting = find_setting(key);
  if (setting == nullptr) return unknown_setting(key);
  const std::optional<std::string> normal = normalise(*setting, value);
  if (!normal) {
    return make_error(ErrorCode::kInvalidArgument, "{}={}: expected {}", key, value,
                      describe_type(*setting));
  }
  if (!setting->available.empty() && *normal != setting->default_value) {
    const auto able = split(setting->available, '|');
    if (std::find(able.begin(), able.end(), *normal) == able.end()) {
      return make_error(ErrorCode::kInvalidArgument,
                        "{}={}: not available in this version, only {} is", key, value,
                        fmt::join(able, " or "));
    }
  }
  values_.find(key)->second = *normal;
  return {};
}

const std::string& Settings::value(std::string_view key) const {
  const auto it = values_.find(key);
  CHECK(it != values_.end());
  return it->second;
}

bool Settings::boolean(std::string_view key) const { return value(key) == "true"; }

int64_t Settings::integer(std::string_view key) const {
  return parse_integer(value(key), INT64_MIN, INT64_MAX).value_or(0);
}

double Settings::number(std::string_view key) const { return parse_number(value(key)).value_or(0); }

std::string Settings::text(std::string_view key) const {
  const std::string& text = value(key);
  return text == "null" ? "" : text;
}

}  // namespace chitu::app
