// The unigram model of SentencePiece: of all ways to cut a word into tokens, the one whose scores
// (log probabilities) have the largest sum (Kudo, 2018; Viterbi's algorithm over a trie).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/regex.h"
#include "text/trie.h"
#include "text/vocabulary.h"

namespace chitu {

struct UnigramOptions {
  int32_t unknown = Vocabulary::kNone;
  bool byte_fallback = false;  // unknown characters become their bytes' tokens, if all are there
  // Sums in single precision, as SentencePiece has them: on a long text that decides between ways
  // that are about as good. The `tokenizers` library sums in double precision.
  bool float_sums = false;
};

class Unigram {
 public:
  struct Scratch;

  // Given to tokens that no text may become (control tokens, bytes).
  static constexpr double kNever = -1e300;

  // `scores` by id. Errors: no unknown token, or a score that is no number.
  // The vocabulary must outlive the object.
  static Result<Unigram> create(const Vocabulary& vocabulary, const std::vector<double>& scores,
                                const UnigramOptions& options);

  // Appends the tokens of `word`. Memory grows with the longest stretch that tokens overlap in, not
  // with the word. Errors: kResourceExhausted when that has more than kMaxStretch bytes,
  // and when `match` is exhausted.
  // REQUIRES: valid UTF-8.
  static constexpr size_t kMaxStretch = size_t{1} << 23;
  Status tokenize(std::string_view word, MatchScratch& match, Scratch& scratch,
                  std::vector<int32_t>& out) const;

 private:
  struct Node {
    double score = 0;                // of the best way to get here
    uint32_t from = 0;               // where its last token begins
    int32_t id = Vocabulary::kNone;  // kNone: not reached yet
  };

  explicit Unigram(const UnigramOptions& options) : options_(options) {}
  Result<size_t> search(std::string_view word, MatchScratch& match, std::vector<Node>& nodes) const;
  void append_path(std::string_view text, const std::vector<Node>& nodes, std::vector<Node>& path,
                   std::vector<int32_t>& out) const;
  void append_unknown(std::string_view text, std::vector<int32_t>& out) const;

  UnigramOptions options_;
  std::vector<double> scores_;
  double unknown_score_ = 0;
  Trie trie_;
  std::array<int32_t, 256> byte_tokens_;
};

struct Unigram::Scratch {
  std::vector<Node> nodes;
  std::vector<Node> path;
};

}  // namespace chitu
