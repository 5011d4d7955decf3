// The parts of a tokenizer.json, as the `tokenizers` library writes it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/json.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_parts.h"

namespace chitu {

// Each takes the value of its field; nullptr (missing, null) is the component that does nothing.
// Errors: kCorrupt or kInvalidArgument for wrong fields, kUnsupported for types that this project
// does not know; both name the field.
Result<Normalizer> normalizer_from_json(const json::Value* value);
Result<PreTokenizer> pre_tokenizer_from_json(const json::Value* value);
Result<Decoder> decoder_from_json(const json::Value* value);

// What a tokenizer_config.json adds, and an added_tokens.json ({"token": id}, of old) where the
// former lists no added tokens.
struct TokenizerConfig {
  std::optional<std::string> bos, eos, unknown, padding;
  std::optional<bool> add_bos, add_eos;
  std::vector<AddedToken> added_tokens;

  // Empty texts: nothing. Errors name the file.
  static Result<TokenizerConfig> parse(std::string_view config, std::string_view added_tokens = {});

  // Resolves the names against the tokenizer's tokens and adjusts what surrounds a text. Names that
  // are no token are left out.
  void apply(TokenizerParts& parts) const;
};

// The tokens that end an answer by a generation_config.json ("eos_token_id": a number or several),
// beside those the tokenizer names itself. Empty text: none.
Status apply_generation_config(std::string_view json, TokenizerParts& parts);

// All of a tokenizer.json with its tokenizer_config.json.
Result<TokenizerParts> parts_from_json(std::string_view text, const TokenizerConfig& config);

// One entry of "added_tokens" without its id.
Result<AddedToken> added_token_from_json(const json::Fields& fields, int64_t id);

// Enters a file's added tokens. A token that the model's vocabulary has gets the id it has there,
// whatever its entry says, as in the `tokenizers` library. Errors: an id that lies far past the
// vocabulary, those of add_token().
Status add_tokens(std::vector<AddedToken> tokens, TokenizerParts& parts);

}  // namespace chitu
