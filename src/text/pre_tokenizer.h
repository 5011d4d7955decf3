// Cuts a normalized text into the words that the model tokenizes one by one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "text/finder.h"

namespace chitu {

// A text and the words within it, in order, without overlap.
struct Pieces {
  struct Range {
    uint32_t begin;
    uint32_t end;
  };

  std::string text;
  std::vector<Range> ranges;
  bool at_start = true;  // `text` begins with the first character of the text that the user gave

  std::string_view piece(Range range) const {
    return std::string_view(text).substr(range.begin, range.end - range.begin);
  }
};

// What becomes of the delimiter where a text is cut.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

struct SplitStep {
  Finder finder;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // the finder finds the words, not the delimiters
};

// A space before every piece that does not begin with one.
struct PrefixSpaceStep {};

// Bytes written in GPT-2's alphabet.
struct ByteLevelStep {};

// Spaces become `replacement`, and a piece may get one in front.
struct MetaspaceStep {
  enum class Prepend { kNever, kFirst, kAlways };  // kFirst: only at the start of the whole text
  std::string replacement;
  Prepend prepend = Prepend::kAlways;
};

using PreTokenizerStep = std::variant<SplitStep, PrefixSpaceStep, ByteLevelStep, MetaspaceStep>;

class PreTokenizer {
 public:
  PreTokenizer() = default;
  explicit PreTokenizer(std::vector<PreTokenizerStep> steps) : steps_(std::move(steps)) {}

  // Errors: those of regular expressions; kInvalidArgument for a text that is or becomes
  // longer than 512 MiB.
  // `at_start`: whether `text` begins the text that the user gave.
  Result<Pieces> run(std::string_view text, bool at_start, MatchScratch& scratch) const;

 private:
  std::vector<PreTokenizerStep> steps_;
};

}  // namespace chitu
