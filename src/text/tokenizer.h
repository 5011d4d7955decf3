// Text to tokens and back, as the checkpoint's own tokenizer does it.
//
// One object serves any number of threads: it does not change after loading.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace chitu {

class Checkpoint;
class GgufMetadata;
struct TokenizerParts;
struct VocabularySource;

struct EncodeOptions {
  bool add_special_tokens = true;  // what the tokenizer puts around a text, such as a BOS
  bool parse_special = true;       // "<|im_end|>" in the text is the token; false: plain text
};

// Tokens with a role. Those the checkpoint does not name are empty.
struct SpecialTokens {
  std::optional<int32_t> bos;
  std::vector<int32_t> eos;  // each of them ends an answer
  std::optional<int32_t> unknown;
  std::optional<int32_t> padding;
};

class Tokenizer {
 public:
  static constexpr size_t kMaxTextBytes = size_t{64} << 20;

  // The tokenizer of a checkpoint, whichever kind it is.
  static Result<Tokenizer> load(const Checkpoint& checkpoint);

  // A directory with a tokenizer.json, or else a tokenizer.model: SentencePiece, or tiktoken as
  // Llama 3, GLM-4 and Qwen ship it. tokenizer_config.json, added_tokens.json and
  // generation_config.json, where they exist, add the special tokens.
  static Result<Tokenizer> from_directory(const std::filesystem::path& directory);

  // The text of a tokenizer.json. `config` is that of a tokenizer_config.json, or empty.
  static Result<Tokenizer> from_json(std::string_view json, std::string_view config = {});

  // The bytes of a SentencePiece model, and the text of a tiktoken file.
  static Result<Tokenizer> from_sentencepiece(std::string_view model, std::string_view config = {});
  static Result<Tokenizer> from_tiktoken(std::string_view ranks, std::string_view config = {});

  // The vocabulary of a GGUF file.
  static Result<Tokenizer> from_gguf(const GgufMetadata& metadata);
  static Result<Tokenizer> from_vocabulary(const VocabularySource& source);

  explicit Tokenizer(TokenizerParts parts);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  // Bytes that are not UTF-8 count as U+FFFD. Errors: kInvalidArgument for a text longer than
  // kMaxTextBytes, kResourceExhausted when a regular expression of the tokenizer gives up.
  Result<std::vector<int32_t>> encode(std::string_view text,
                                      const EncodeOptions& options = {}) const;

  // Always valid UTF-8. Ids without a token are left out, special ones if asked for.
  std::string decode(std::span<const int32_t> ids, bool skip_special = true) const;

  // The bytes that the token adds to a text when it is not the first, special ones too: they may be
  // a part of a character. Empty when there is no such token.
  std::string bytes(int32_t id) const;

  // The token as the vocabulary writes it ("Ġthe", "▁the"); empty when there is none.
  std::string_view token(int32_t id) const;
  std::optional<int32_t> find(std::string_view token) const;
  bool is_special(int32_t id) const;

  // The largest id + 1: logits beyond it belong to no token.
  int32_t vocab_size() const;

  const SpecialTokens& special() const;

 private:
  friend class StreamDecoder;

  std::unique_ptr<const TokenizerParts> parts_;
};

// What a GGUF file says about its vocabulary (keys tokenizer.ggml.*). The strings must stay valid
// while from_vocabulary() runs.
struct VocabularySource {
  // tokenizer.ggml.token_type
  enum Type : int32_t {
    kNormal = 1,
    kUnknown = 2,
    kControl = 3,
    kUserDefined = 4,
    kUnused = 5,
    kByte = 6
  };

  std::string_view model;  // gpt2, llama or t5
  std::string_view pre;    // for gpt2: which pre-tokenizer
  std::vector<std::string_view> tokens;
  std::vector<std::string_view> merges;  // for gpt2: "left right"
  std::vector<float> scores;             // for llama and t5
  std::vector<int32_t> types;            // empty: all normal

  std::optional<int64_t> bos, eos, eot, eom, unknown, padding;
  std::optional<bool> add_bos, add_eos, add_space_prefix, remove_extra_whitespaces;
  std::string_view precompiled_charsmap;  // bytes
};

}  // namespace chitu
