// Rewrites a text before it is cut into words.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "text/charsmap.h"
#include "text/finder.h"
#include "text/trie.h"
#include "text/unicode.h"

namespace chitu {

struct UnicodeStep {
  unicode::Form form;
};

struct LowercaseStep {};

struct ReplaceStep {
  Finder finder;
  std::string content;
};

// In front of a text that is not empty.
struct PrependStep {
  std::string content;
};

struct StripStep {
  bool left = true;
  bool right = true;
};

struct StripAccentsStep {};

// What Google's neural machine translation did: control characters go, odd spaces become spaces.
struct NmtStep {};

struct ByteLevelNormalizeStep {};

// The table of a SentencePiece model as the `tokenizers` library applies it: to each grapheme
// cluster of less than 6 bytes that has an entry, else to each character.
struct PrecompiledStep {
  Charsmap charsmap;
};

// SentencePiece's own normalization: the table by longest match, then white space.
struct SentencePieceStep {
  Charsmap charsmap;
  Trie user_defined;  // pieces that pass unchanged
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

using NormalizerStep =
    std::variant<UnicodeStep, LowercaseStep, ReplaceStep, PrependStep, StripStep, StripAccentsStep,
                 NmtStep, ByteLevelNormalizeStep, PrecompiledStep, SentencePieceStep>;

class Normalizer {
 public:
  // Longer texts are refused, before every step and after it: later steps take several times their
  // bytes, and ICU's lengths have 31 bits.
  static constexpr size_t kMaxBytes = size_t{256} << 20;

  struct Text {
    std::string text;
    bool at_start = true;  // it begins with what the first character given became
  };

  Normalizer() = default;
  explicit Normalizer(std::vector<NormalizerStep> steps) : steps_(std::move(steps)) {}

  bool empty() const { return steps_.empty(); }

  // REQUIRES: valid UTF-8. Errors: those of regular expressions; kResourceExhausted when the text
  // grows out of proportion, kInvalidArgument when it is longer than kMaxBytes.
  Result<Text> run(std::string_view text, MatchScratch& scratch) const;

 private:
  std::vector<NormalizerStep> steps_;
};

}  // namespace chitu
