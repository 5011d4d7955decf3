// Byte-pair encoding: a word begins as one symbol per character, and the adjacent pair that the
// merge table ranks first is joined until no pair of the table is left.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/vocabulary.h"

namespace chitu {

struct BpeOptions {
  int32_t unknown = Vocabulary::kNone;  // for characters outside the vocabulary; kNone drops them
  bool refuse_unknown = false;          // they are an error, where `unknown` is kNone
  bool fuse_unknown = false;            // one unknown token for a run of them
  bool byte_fallback = false;           // such characters become their bytes' tokens "<0x0A>" first
  bool ignore_merges = false;           // a word that is a token is that token
};

class Bpe {
 public:
  // Memory for tokenize(), so that words do not allocate. One per thread.
  struct Scratch;

  using Merges = std::vector<std::pair<std::string_view, std::string_view>>;

  static constexpr uint32_t kNoRank = UINT32_MAX;

  // `merges` from the first to the last rank. Errors: a part, or the two together, is no token.
  // The vocabulary must outlive the object, here and below.
  static Result<Bpe> from_merges(const Vocabulary& vocabulary, const Merges& merges,
                                 const BpeOptions& options);

  // Any two tokens merge whose concatenation is a token, the one of the lowest rank first: the
  // rule of SentencePiece (rank by score) and tiktoken. `ranks` is by id, kNoRank for tokens that
  // merging must not form.
  static Result<Bpe> from_ranks(const Vocabulary& vocabulary, const std::vector<uint32_t>& ranks,
                                const BpeOptions& options);

  // Appends the tokens of `word`. Memory grows with the longest stretch that merges might join, not
  // with the word. Errors: kResourceExhausted when that has more than kMaxSymbols characters,
  // kCorrupt for a character that refuse_unknown refuses.
  // REQUIRES: valid UTF-8.
  static constexpr size_t kMaxSymbols = size_t{1} << 23;
  Status tokenize(std::string_view word, Scratch& scratch, std::vector<int32_t>& out) const;

 private:
  struct Pair {
    int32_t left = Vocabulary::kNone;
    int32_t right = 0;
    uint32_t rank = 0;
    int32_t result = 0;
  };
  struct Symbol {
    int32_t id;
    uint32_t rank;   // of merging with the next symbol
    int32_t result;  // of that merge
    int32_t previous;
    int32_t next;
  };
  static constexpr char32_t kDirectCharacters = 0x400;

  Bpe(const Vocabulary& vocabulary, const BpeOptions& options);

  Status add_merges(const Merges& merges, size_t begin, size_t end);
  void reserve_pairs(size_t count);
  void set_pair(const Pair& pair);
  const Pair* find_pair(int32_t left, int32_t right) const;
  static size_t hash_pair(int32_t left, int32_t right);

  void note_boundaries();
  int32_t boundary_symbol(int32_t token, bool last) const;
  static size_t boundary_bit(int32_t left, int32_t right);
  bool may_join(int32_t left, int32_t right) const;

  // What is left of a word.
  struct Input {
    std::string_view rest;
    bool pending_unknown = false;  // an unknown token that a run of them may still fuse with
    bool refused = false;          // an unknown character that is an error was there
  };

  int32_t symbol_of(std::string_view character) const;
  void append_symbols(Input& input, size_t count, std::vector<Symbol>& symbols) const;
  size_t stretch_end(const std::vector<Symbol>& symbols, size_t begin) const;
  bool append_bytes(std::string_view character, std::vector<Symbol>& symbols) const;
  void rank_with_next(Symbol& symbol, const Symbol* next) const;
  void merge_short(Symbol* symbols, size_t count, std::vector<int32_t>& out) const;
  void merge_long(Symbol* symbols, size_t count, std::vector<uint64_t>& heap,
                  std::vector<int32_t>& out) const;

  const Vocabulary* vocabulary_;
  BpeOptions options_;
  std::array<int32_t, kDirectCharacters> direct_;  // the tokens of the first characters of Unicode
  std::array<int32_t, 256> byte_tokens_;
  std::vector<Pair> pairs_;  // open addressing, linear probing, a power of two
  size_t pair_count_ = 0;
  std::vector<uint64_t> boundaries_;  // a Bloom filter; empty when long words must not be cut
};

struct Bpe::Scratch {
  std::vector<Symbol> symbols;
  std::vector<uint64_t> heap;
};

}  // namespace chitu
