#include "app/args.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace chitu::app {
namespace {

bool is_setting(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0) return false;
  return std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals), [](char c) {
    return c == '_' || c == '.' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
  });
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

Error unknown_option(std::string_view word, std::span<const Option> options) {
  std::vector<std::string_view> names;
  for (const Option& option : options) names.push_back(option.name);
  const std::string_view near = nearest(word, names);
  return make_error(ErrorCode::kInvalidArgument, "unknown option {}{}", word,
                    near.empty() ? "" : fmt::format(" (did you mean {}?)", near));
}

// Levenshtein distance, letters' case aside.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

Result<Args> Args::parse(std::span<const char* const> words, std::span<const Option> options) {
  Args args;
  bool only_text = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
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
    if (option == nullptr) return unknown_option(name, options);
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
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  if (word.size() > 256) return best;
  for (const std::string_view candidate : candidates) {
    // `max_seq_len` means `infer.max_seq_len`, and so does `infer.max_seq`.
    const bool is_leaf = candidate.size() > word.size() + 1 && candidate.ends_with(word) &&
                         candidate[candidate.size() - word.size() - 1] == '.';
    const bool is_start = word.size() >= 4 && candidate.starts_with(word);
    const std::size_t distance = is_leaf || is_start ? 1 : edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace chitu::app
