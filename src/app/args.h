// The words of a command line: options (`--json`, `-p TEXT`), settings (`infer.max_seq_len=2048`)
// and everything else, in order. Each command states its options in a table, which is also its
// help.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace chitu::app {

struct Option {
  std::string_view name;   // "--prompt"
  char letter = 0;         // 'p' for -p; 0: none
  std::string_view value;  // "TEXT" in the help; empty: a flag
  std::string_view help;
};

class Args {
 public:
  // A word is a setting when it looks like `key=value`, with a key of letters, digits, '_' and '.'
  // that begins with a letter; one with a '.' may have dashes, and is then an unknown setting
  // rather than a text. After `--` every word is text. Errors: an unknown option (with the nearest
  // one, or the nearest of `settings`), an option without its value, a flag with one,
  // `group.key:value`.
  static Result<Args> parse(std::span<const char* const> words, std::span<const Option> options,
                            std::span<const std::string_view> settings = {});

  bool has(std::string_view option) const { return find(option) != nullptr; }
  // The last value given.
  std::optional<std::string> value(std::string_view option) const;
  Result<int64_t> integer_or(std::string_view option, int64_t fallback, int64_t min,
                             int64_t max) const;
  Result<double> number_or(std::string_view option, double fallback, double min, double max) const;
  // "1,8,64": at least one number.
  Result<std::vector<int64_t>> integers_or(std::string_view option, std::vector<int64_t> fallback,
                                           int64_t min, int64_t max) const;

  const std::vector<std::string>& words() const { return words_; }
  const std::vector<std::string>& settings() const { return settings_; }

 private:
  struct Given {
    std::string_view option;
    std::string value;
  };
  const Given* find(std::string_view option) const;

  std::vector<Given> given_;
  std::vector<std::string> words_;
  std::vector<std::string> settings_;
};

// A decimal integer in [min, max], nothing before or after it.
std::optional<int64_t> parse_integer(std::string_view text, int64_t min, int64_t max);

// The candidate that `word` most likely meant: one with a typing error in about every fourth
// letter, or one that it abbreviates, as `max_tokens` does `request.max_new_tokens`. Empty when
// none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace chitu::app
