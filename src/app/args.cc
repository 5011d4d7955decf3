#include "app/args.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

namespace chitu::app {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_key(std::string_view text) {
  // A dash is in no key, but `infer.num-threads` is one that was meant.
  const bool has_dot = text.find('.') != std::string_view::npos;
  return !text.empty() && is_letter(text[0]) && std::all_of(text.begin(), text.end(), [&](char c) {
    return c == '_' || c == '.' || (c >= '0' && c <= '9') || is_letter(c) || (c == '-' && has_dot);
  });
}

bool is_setting(std::string_view word) {
  const std::size_t equals = word.find('=');
  return equals != std::string_view::npos && is_key(word.substr(0, equals));
}

// "infer.num_threads:2", as one writes it in YAML: of a group that there is.
bool is_setting_with_colon(std::string_view word, std::span<const std::string_view> settings) {
  const std::size_t colon = word.find(':');
  if (colon == std::string_view::npos || !is_key(word.substr(0, colon))) return false;
  const std::size_t dot = word.find('.');
  if (dot >= colon) return false;
  const std::string_view group = word.substr(0, dot + 1);
  return std::any_of(settings.begin(), settings.end(),
                     [&](std::string_view key) { return key.starts_with(group); });
}

Error setting_with_colon(std::string_view word, std::span<const std::string_view> settings) {
  const std::string_view key = word.substr(0, word.find(':'));
  const std::string_view near = nearest(key, settings);
  return make_error(ErrorCode::kInvalidArgument,
                    "unknown setting '{}' (did you mean {}={}?); a text goes after --", word,
                    near.empty() ? key : near, word.substr(key.size() + 1));
}

const Option* find_option(std::string_view word, std::span<const Option> options) {
  for (const Option& option : options) {
    if (word == option.name) return &option;
    if (option.letter != 0 && word.size() == 2 && word[0] == '-' && word[1] == option.letter) {
      return &option;
    }
  }
  return nullptr;
}

Error unknown_option(std::string_view word, std::span<const Option> options,
                     std::span<const std::string_view> settings) {
  std::vector<std::string_view> names;
  for (const Option& option : options) names.push_back(option.name);
  std::string hint;
  if (word.find_first_of(" \t\n") != std::string_view::npos) {
    hint = "; a text that begins with a dash goes after --";
  } else if (const std::string_view option = nearest(word, names); !option.empty()) {
    hint = fmt::format(" (did you mean {}?)", option);
  } else if (const std::string_view key = nearest(word, settings); !key.empty()) {
    hint = fmt::format(" (did you mean the setting {}=...?)", key);
  } else if (!settings.empty()) {
    hint = "; settings have no dashes, as in models=/path/to/checkpoint";
  }
  return make_error(ErrorCode::kInvalidArgument, "unknown option {}{}", word, hint);
}

// Letters to insert, leave out, replace or swap with their neighbour, case aside (optimal string
// alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  const auto equal = [&](std::size_t i, std::size_t j) { return lower(a[i]) == lower(b[j]); };
  std::vector<std::size_t> before_last;  // the row of a's first i - 2 letters
  std::vector<std::size_t> last(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> row = {i};
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t best =
          std::min({last[j - 1] + (equal(i - 1, j - 1) ? 0 : 1), last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && equal(i - 1, j - 2) && equal(i - 2, j - 1);
      if (swapped) best = std::min(best, before_last[j - 2] + 1);
      row.push_back(best);
    }
    before_last = std::exchange(last, std::move(row));
  }
  return last.back();
}

// "--max-new-tokens", "request.max_new_tokens" -> their words, in small letters
std::vector<std::string> parts_of(std::string_view name) {
  std::vector<std::string> parts(1);
  for (const char c : name) {
    if (c != '.' && c != '_' && c != '-') {
      parts.back() += lower(c);
    } else if (!parts.back().empty()) {
      parts.emplace_back();
    }
  }
  return parts;
}

// Each part of the word begins a part of the candidate, in this order.
bool abbreviates(std::string_view word, std::string_view candidate) {
  constexpr std::size_t kShortest = 4;
  if (word.size() < kShortest) return false;
  const std::vector<std::string> parts = parts_of(word);
  std::size_t matched = 0;
  for (const std::string& part : parts_of(candidate)) {
    if (matched < parts.size() && part.starts_with(parts[matched])) ++matched;
  }
  return matched == parts.size();
}

}  // namespace

Result<Args> Args::parse(std::span<const char* const> words, std::span<const Option> options,
                         std::span<const std::string_view> settings) {
  Args args;
  bool only_text = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (!only_text && is_setting_with_colon(word, settings)) {
      return setting_with_colon(word, settings);
    }
    if (only_text || word.size() < 2 || word[0] != '-') {
      (!only_text && is_setting(word) ? args.settings_ : args.words_).emplace_back(word);
      continue;
    }
    if (word == "--") {
      only_text = true;
      continue;
    }
    const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string_view::npos;
    const std::string_view name = word.substr(0, equals);
    const Option* option = find_option(name, options);
    if (option == nullptr) return unknown_option(name, options, settings);
    if (option->value.empty()) {
      if (equals != std::string_view::npos) {
        return make_error(ErrorCode::kInvalidArgument, "{} takes no value", option->name);
      }
      args.given_.push_back({option->name, ""});
    } else if (equals != std::string_view::npos) {
      args.given_.push_back({option->name, std::string(word.substr(equals + 1))});
    } else if (i + 1 < words.size()) {
      args.given_.push_back({option->name, words[++i]});
    } else {
      return make_error(ErrorCode::kInvalidArgument, "{} needs a value: {} {}", option->name,
                        option->name, option->value);
    }
  }
  return args;
}

const Args::Given* Args::find(std::string_view option) const {
  const auto it = std::find_if(given_.rbegin(), given_.rend(),
                               [&](const Given& given) { return given.option == option; });
  return it == given_.rend() ? nullptr : &*it;
}

std::optional<std::string> Args::value(std::string_view option) const {
  const Given* given = find(option);
  return given == nullptr ? std::nullopt : std::optional(given->value);
}

Result<int64_t> Args::integer_or(std::string_view option, int64_t fallback, int64_t min,
                                 int64_t max) const {
  const Given* given = find(option);
  if (given == nullptr) return fallback;
  const std::optional<int64_t> value = parse_integer(given->value, min, max);
  if (!value) {
    return make_error(ErrorCode::kInvalidArgument, "{} {}: expected an integer in [{}, {}]", option,
                      given->value, min, max);
  }
  return *value;
}

Result<double> Args::number_or(std::string_view option, double fallback, double min,
                               double max) const {
  const Given* given = find(option);
  if (given == nullptr) return fallback;
  const std::string& text = given->value;
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  // In this form NaN is refused too.
  const bool is_in_range = value >= min && value <= max;
  if (code != std::errc() || end != text.data() + text.size() || !is_in_range) {
    return make_error(ErrorCode::kInvalidArgument, "{} {}: expected a number in [{}, {}]", option,
                      text, min, max);
  }
  return value;
}

Result<std::vector<int64_t>> Args::integers_or(std::string_view option,
                                               std::vector<int64_t> fallback, int64_t min,
                                               int64_t max) const {
  const Given* given = find(option);
  if (given == nullptr) return fallback;
  std::vector<int64_t> values;
  std::string_view rest = given->value;
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::optional<int64_t> value = parse_integer(rest.substr(0, comma), min, max);
    if (!value) {
      return make_error(ErrorCode::kInvalidArgument,
                        "{} {}: expected integers in [{}, {}] separated by commas", option,
                        given->value, min, max);
    }
    values.push_back(*value);
    if (comma == std::string_view::npos) return values;
    rest.remove_prefix(comma + 1);
  }
}

std::optional<int64_t> parse_integer(std::string_view text, int64_t min, int64_t max) {
  int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    return std::nullopt;
  }
  return value;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 4) + 1;
  if (word.size() > 256) return best;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = abbreviates(word, candidate) ? 1 : edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace chitu::app
