// SentencePiece model files: a protocol buffer (sentencepiece_model.proto of the SentencePiece
// project), read by a wire format reader of our own.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "text/sentencepiece_vocabulary.h"

namespace chitu {

struct TokenizerConfig;

struct SentencePieceModel {
  SentencePieceVocabulary vocabulary;
  std::optional<int32_t> bos, eos, padding;  // where the file names a piece that exists
};

// The result points into `bytes`. Errors: bytes that are no such model; BPE and unigram aside,
// kUnsupported.
Result<SentencePieceModel> parse_sentencepiece(std::string_view bytes);

// The tokenizer. A BOS stands before a text unless the configuration says otherwise. Its added
// tokens may give pieces of the model another name, as InternLM 2 does.
Result<TokenizerParts> parts_from_sentencepiece(std::string_view bytes,
                                                const TokenizerConfig& config);

}  // namespace chitu
