// Regular expressions of tokenizer files, matched by PCRE2 with its JIT compiler.
//
// The files are written for Oniguruma as the `tokenizers` library sets it up (Ruby syntax, Unicode
// classes). Where the two languages differ the pattern is rewritten; what cannot be rewritten is a
// kUnsupported error.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct pcre2_real_code_8;
struct pcre2_real_match_data_8;
struct pcre2_real_match_context_8;
struct pcre2_real_jit_stack_8;

namespace chitu {

// What matching needs besides the patterns; one per call of encode(), for any number of patterns,
// regular expressions and tries.
//
// A pattern of a hostile file may take exponential time. A single match is bounded by PCRE2's match
// limit; all matches of one scratch together by a time budget that grows with the text. A trie may
// hold keys of thousands of bytes that all begin alike, so that each byte of a text begins a long
// walk: the walks of one scratch together are bounded by a number of steps, 64 per byte and some
// for short texts. Real vocabularies need less than ten.
class MatchScratch {
 public:
  explicit MatchScratch(size_t text_bytes);
  ~MatchScratch();
  MatchScratch(const MatchScratch&) = delete;
  MatchScratch& operator=(const MatchScratch&) = delete;

  // Walks take `steps` more. Loops of walks end when the scratch is exhausted.
  void spend(size_t steps) { steps_left_ -= std::min(steps_left_, steps); }
  bool exhausted() const { return steps_left_ == 0; }
  Status check() const;  // kResourceExhausted once it is exhausted

 private:
  friend class Regex;

  bool out_of_time();
  void use_large_stack();

  pcre2_real_match_data_8* data_;
  pcre2_real_match_context_8* context_;
  pcre2_real_jit_stack_8* stack_ = nullptr;  // only after a match needed more than the small one
  size_t text_bytes_;
  size_t steps_left_;
  unsigned matches_ = 0;
  std::chrono::steady_clock::time_point start_;
};

class Regex {
 public:
  struct Match {
    size_t begin;
    size_t end;
  };

  // `pattern` in Oniguruma's syntax.
  static Result<Regex> compile(std::string_view pattern);

  // The first match at or after `from`; begin == npos when there is none. Lookbehind sees all of
  // `text`. Errors: kResourceExhausted when a limit of the scratch is reached.
  // REQUIRES: valid UTF-8, `from` between two characters.
  Result<Match> find(std::string_view text, size_t from, MatchScratch& scratch) const;

  // Calls f(begin, end) for each match, left to right, without overlap. An empty match right after
  // another match is left out.
  template <class F>
  Status for_each(std::string_view text, MatchScratch& scratch, F&& f) const {
    size_t from = 0;
    size_t last_end = std::string_view::npos;
    while (from <= text.size()) {
      TRY(match, find(text, from, scratch));
      if (match.begin == std::string_view::npos) break;
      if (match.begin == match.end && match.end == last_end) {
        from = next_character(text, match.end);
        continue;
      }
      f(match.begin, match.end);
      from = last_end = match.end;
    }
    return {};
  }

 private:
  struct CodeDeleter {
    void operator()(pcre2_real_code_8* code) const;
  };

  Regex(pcre2_real_code_8* code, bool jit) : code_(code), jit_(jit) {}
  static size_t next_character(std::string_view text, size_t at);

  std::unique_ptr<pcre2_real_code_8, CodeDeleter> code_;
  bool jit_;
};

// The pattern in PCRE2's syntax; used by compile(), and by its tests.
Result<std::string> translate_oniguruma(std::string_view pattern);

// A pattern that matches exactly this text.
std::string escape_regex(std::string_view text);

}  // namespace chitu
