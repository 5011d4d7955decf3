// tiktoken files, as Llama 3, GLM-4 and Qwen ship them: a line "<token in base64> <rank>" per
// token. The pattern and the special tokens are in the family's code, not in the file.
#pragma once

#include <string_view>

#include "base/result.h"
#include "text/tokenizer_parts.h"

namespace chitu {

struct TokenizerConfig;

// Whether the file looks like one; tokenizer.model may be either format.
bool is_tiktoken(std::string_view text);

// The family is known by the number of tokens. The special tokens are those of `config`
// where it lists any.
Result<TokenizerParts> parts_from_tiktoken(std::string_view text, const TokenizerConfig& config);

}  // namespace chitu
