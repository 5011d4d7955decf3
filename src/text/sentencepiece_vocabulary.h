// A vocabulary as SentencePiece trains it, from a tokenizer.model or a GGUF file.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer_parts.h"

namespace chitu {

struct SentencePieceVocabulary {
  // The numbers of both file formats.
  enum Type : int32_t {
    kNormal = 1,
    kUnknown = 2,
    kControl = 3,
    kUserDefined = 4,
    kUnused = 5,
    kByte = 6,
  };
  struct Piece {
    std::string_view text;
    float score = 0;
    int32_t type = kNormal;
  };

  std::vector<Piece> pieces;  // by id
  bool unigram = false;       // else BPE
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  std::string_view precompiled_charsmap;
};

// Vocabulary, added tokens, normalizer, model, decoder and the unknown token. Control pieces are
// special tokens; a text stretch between two of them is normalized like a text of its own.
Result<TokenizerParts> build_sentencepiece(const SentencePieceVocabulary& source);

}  // namespace chitu
