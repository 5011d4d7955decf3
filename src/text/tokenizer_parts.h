// What a tokenizer is made of; the loaders of the file formats fill it in.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer.h"
#include "text/unigram.h"
#include "text/vocabulary.h"

namespace chitu {

struct TokenizerParts {
  std::unique_ptr<Vocabulary> vocabulary =
      std::make_unique<Vocabulary>();  // the model refers to it
  AddedTokens added;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  std::variant<std::monostate, Bpe, Unigram> model;
  Decoder decoder;
  std::vector<int32_t> prefix;  // around a text, with add_special_tokens
  std::vector<int32_t> suffix;
  SpecialTokens special;
  int32_t vocab_size = 0;

  struct Found {
    std::string_view text;
    bool exists = false;
    bool added = false;
    bool special = false;
  };
  Found find(int32_t id) const;

  // Enters the token; a normalized one is looked for as the normalizer leaves it.
  Status add_token(AddedToken token, MatchScratch& scratch);
};

}  // namespace chitu
