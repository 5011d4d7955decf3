// How the byte-level BPE vocabularies of GGUF files cut a text into words: the file only names the
// pre-tokenizer (tokenizer.ggml.pre).
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/pre_tokenizer.h"

namespace chitu {

// Patterns that more than one file format needs, in Oniguruma's syntax.
inline constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct GgufPreTokenizer {
  std::vector<std::string_view> patterns;  // each cuts what the one before left
  bool nfc = false;                        // the text is normalized first
  bool ignore_merges = false;              // as BpeOptions
  bool add_bos = false;                    // unless the file says otherwise
};

// Errors: kUnsupported for a name that is not known.
Result<GgufPreTokenizer> gguf_pre_tokenizer(std::string_view name);

// Cuts at every pattern in turn, then writes bytes in GPT-2's alphabet.
Result<PreTokenizer> byte_level_pre_tokenizer(const std::vector<std::string_view>& patterns);

}  // namespace chitu
