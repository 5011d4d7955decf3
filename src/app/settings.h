// The settings of the program, under the keys of Chitu 0.1.0: a YAML file and `key=value`
// overrides. One written-out table (settings_table.cc) holds every key with its type, default,
// range and help; the listing of `chitu settings` and the table in docs/configuration.md come from
// it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace chitu::app {

enum class SettingType : uint8_t { kBoolean, kInteger, kNumber, kText, kChoice, kIntegers };

struct Setting {
  std::string_view key;  // "infer.max_seq_len"
  SettingType type = SettingType::kText;
  // "auto" and "null" are values of every setting that has them as its default.
  std::string_view default_value;
  double min = 0;  // of integers and numbers
  double max = 0;
  std::string_view choices;    // "paged|skew"
  std::string_view available;  // what this version can do, "fcfs" or "1"; empty: everything
  std::string_view help;
};

std::span<const Setting> setting_table();
const Setting* find_setting(std::string_view key);

// "integer in [1, 65536]"
std::string describe_type(const Setting& setting);

class Settings {
 public:
  Settings();  // the defaults

  // Errors (kInvalidArgument): an unknown key, with the nearest one; a value of another type or out
  // of range, with key, value and range; a value that this version cannot do.
  Status set(std::string_view key, std::string_view value);

  // REQUIRES: the key is in the table, with that type.
  bool boolean(std::string_view key) const;
  int64_t integer(std::string_view key) const;   // "auto" is 0
  double number(std::string_view key) const;     // "auto" is 0
  std::string text(std::string_view key) const;  // "null" is empty
  bool is_auto(std::string_view key) const { return value(key) == "auto"; }

  const std::string& value(std::string_view key) const;  // as text, whatever the type

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace chitu::app
