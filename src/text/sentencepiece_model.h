// SentencePiece model files: a protocol buffer (sentencepiece_model.proto of the SentencePiece
// project), read by a wire format reader of our own.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "text/sentencepiece_vocabulary.h"

namespace chitu {

struct SentencePieceModel {
  SentencePieceVocabulary vocabulary;
  std::optional<int32_t> bos, eos, padding;  // where the file names a piece that exists
};

// The result points into `bytes`. Errors: bytes that are no such model; BPE and unigram aside,
// kUnsupported.
Result<SentencePieceModel> parse_sentencepiece(std::string_view bytes);

// The tokenizer; `config` is the text of a tokenizer_config.json, or empty. A BOS stands before a
// text unless the configuration says otherwise.
Result<TokenizerParts> parts_from_sentencepiece(std::string_view bytes, std::string_view config);

}  // namespace chitu
