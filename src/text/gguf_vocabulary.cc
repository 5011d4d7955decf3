// Tokenizers from the vocabulary of a GGUF file.
#include <algorithm>
#include <array>
#include <numeric>

#include "base/quote.h"
#include "io/gguf_metadata.h"
#include "text/gguf_pre_tokenizers.h"
#include "text/sentencepiece_vocabulary.h"
#include "text/tokenizer_parts.h"

namespace chitu {
namespace {

using Type = VocabularySource::Type;

// Control tokens that end an answer by their name, for files that name only one of them.
constexpr std::array<std::string_view, 8> kEndNames = {
    "<|im_end|>",      "<|eot_id|>",    "<|eom_id|>", "<|endoftext|>",
    "<|end_of_text|>", "<end_of_turn>", "<|end|>",    "<｜end▁of▁sentence｜>"};

Status check_sizes(const VocabularySource& source) {
  const size_t count = source.tokens.size();
  const auto check = [&](std::string_view field, size_t size, bool required) -> Status {
    if (size == count || (size == 0 && !required)) return {};
    return make_error(ErrorCode::kCorrupt, "tokenizer.ggml.{}: {} entries for {} tokens", field,
                      size, count);
  };
  if (count == 0) return make_error(ErrorCode::kCorrupt, "tokenizer.ggml.tokens is missing");
  TRY_STATUS(check("token_type", source.types.size(), false));
  return check("scores", source.scores.size(), source.model == "llama" || source.model == "t5");
}

int32_t type_of(const VocabularySource& source, size_t id) {
  return source.types.empty() ? Type::kNormal : source.types[id];
}

Status add_tokens(const VocabularySource& source, TokenizerParts& parts) {
  size_t bytes = 0;
  for (const std::string_view token : source.tokens) bytes += token.size();
  parts.vocabulary->reserve(source.tokens.size(), bytes);
  for (size_t id = 0; id < source.tokens.size(); ++id) {
    TRY_STATUS(parts.vocabulary->add(source.tokens[id], static_cast<int64_t>(id)));
    const int32_t type = type_of(source, id);
    const bool special = type == Type::kControl || type == Type::kUnknown;
    if (!special && type != Type::kUserDefined) continue;
    AddedToken token;
    token.content = source.tokens[id];
    token.id = static_cast<int32_t>(id);
    token.special = special;
    parts.added.add(std::move(token), source.tokens[id]);
  }
  parts.vocab_size = parts.vocabulary->size();
  return {};
}

Result<Bpe> make_bpe(const VocabularySource& source, const Vocabulary& vocabulary,
                     bool ignore_merges) {
  Bpe::Merges merges;
  merges.reserve(source.merges.size());
  for (const std::string_view merge : source.merges) {
    const size_t space = merge.find(' ', 1);
    if (space == std::string_view::npos) {
      return make_error(ErrorCode::kCorrupt, "tokenizer.ggml.merges: {} is not a pair of tokens",
                        quote(merge));
    }
    merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
  BpeOptions options;
  options.ignore_merges = ignore_merges;
  auto bpe = Bpe::from_merges(vocabulary, merges, options);
  if (!bpe) return std::move(bpe).error().within("tokenizer.ggml.merges");
  return bpe;
}

Result<TokenizerParts> build_byte_level(const VocabularySource& source,
                                        const GgufPreTokenizer& rule) {
  TokenizerParts parts;
  TRY_STATUS(add_tokens(source, parts));
  if (rule.nfc) {
    std::vector<NormalizerStep> steps;
    steps.emplace_back(UnicodeStep{unicode::Form::kNfc});
    parts.normalizer = Normalizer(std::move(steps));
  }
  TRY(pre_tokenizer, byte_level_pre_tokenizer(rule.patterns));
  parts.pre_tokenizer = std::move(pre_tokenizer);
  TRY(bpe, make_bpe(source, *parts.vocabulary, rule.ignore_merges));
  parts.model = std::move(bpe);
  TRY(decoder, Decoder::create({ByteLevelDecode{.added_are_text = true}}));
  parts.decoder = std::move(decoder);
  return parts;
}

Result<TokenizerParts> build_pieces(const VocabularySource& source) {
  SentencePieceVocabulary vocabulary;
  vocabulary.unigram = source.model == "t5";
  for (size_t id = 0; id < source.tokens.size(); ++id) {
    vocabulary.pieces.push_back({source.tokens[id], source.scores[id], type_of(source, id)});
  }
  vocabulary.add_dummy_prefix = source.add_space_prefix.value_or(true);
  vocabulary.remove_extra_whitespaces =
      source.remove_extra_whitespaces.value_or(vocabulary.unigram);
  vocabulary.precompiled_charsmap = source.precompiled_charsmap;
  return build_sentencepiece(vocabulary);
}

// An id outside the vocabulary is no token: converters write such ones for roles that a model does
// not have, padding above all.
std::optional<int32_t> token_id(const VocabularySource& source, std::optional<int64_t> id) {
  if (!id || *id < 0 || static_cast<uint64_t>(*id) >= source.tokens.size()) return std::nullopt;
  return static_cast<int32_t>(*id);
}

void set_special(const VocabularySource& source, TokenizerParts& parts) {
  SpecialTokens& special = parts.special;
  special.bos = token_id(source, source.bos);
  if (const auto unknown = token_id(source, source.unknown)) special.unknown = unknown;
  special.padding = token_id(source, source.padding);
  const auto add_end = [&](std::optional<int32_t> id) {
    if (id && std::find(special.eos.begin(), special.eos.end(), *id) == special.eos.end()) {
      special.eos.push_back(*id);
    }
  };
  for (const auto& id : {source.eos, source.eot, source.eom}) add_end(token_id(source, id));
  for (const std::string_view name : kEndNames) {
    const AddedToken* token = parts.added.find(name);
    if (token != nullptr && token->special) add_end(token->id);
  }
}

template <class T>
using Read = Result<T> (GgufMetadata::*)(std::string_view) const;

// The value of a key, or nothing when the file does not have it.
template <class T>
Result<T> read_or_empty(const GgufMetadata& metadata, std::string_view key, Read<T> read) {
  if (!metadata.has(key)) return T();
  return (metadata.*read)(key);
}

Result<std::optional<int64_t>> read_id(const GgufMetadata& metadata, std::string_view key) {
  if (!metadata.has(key)) return std::optional<int64_t>();
  TRY(id, metadata.integer(key, INT64_MIN, INT64_MAX));
  return std::optional(id);
}

Result<std::optional<bool>> read_flag(const GgufMetadata& metadata, std::string_view key) {
  if (!metadata.has(key)) return std::optional<bool>();
  TRY(flag, metadata.boolean_or(key, false));
  return std::optional(flag);
}

Result<std::vector<int32_t>> read_types(const GgufMetadata& metadata) {
  TRY(wide, read_or_empty(metadata, "tokenizer.ggml.token_type", &GgufMetadata::integers));
  std::vector<int32_t> types;
  types.reserve(wide.size());
  for (const int64_t type : wide) {
    if (type < 0 || type > Type::kByte) {
      return make_error(ErrorCode::kCorrupt, "tokenizer.ggml.token_type: {} is not known", type);
    }
    types.push_back(static_cast<int32_t>(type));
  }
  return types;
}

}  // namespace

Result<Tokenizer> Tokenizer::from_vocabulary(const VocabularySource& source) {
  TRY_STATUS(check_sizes(source));
  TokenizerParts parts;
  bool add_bos = source.model == "llama";
  bool add_eos = source.model == "t5";
  if (source.model == "gpt2") {
    TRY(rule, gguf_pre_tokenizer(source.pre));
    add_bos = rule.add_bos;
    TRY(built, build_byte_level(source, rule));
    parts = std::move(built);
  } else if (source.model == "llama" || source.model == "t5") {
    TRY(built, build_pieces(source));
    parts = std::move(built);
  } else {
    return make_error(ErrorCode::kUnsupported,
                      "tokenizer.ggml.model: {} is not supported; gpt2, llama and t5 are",
                      quote(source.model));
  }
  set_special(source, parts);
  if (source.add_bos.value_or(add_bos) && parts.special.bos) {
    parts.prefix.push_back(*parts.special.bos);
  }
  if (source.add_eos.value_or(add_eos) && !parts.special.eos.empty()) {
    parts.suffix.push_back(parts.special.eos.front());
  }
  return Tokenizer(std::move(parts));
}

Result<Tokenizer> Tokenizer::from_gguf(const GgufMetadata& metadata) {
  VocabularySource source;
  TRY(model, metadata.string("tokenizer.ggml.model"));
  TRY(pre, metadata.string_or("tokenizer.ggml.pre", ""));
  source.model = model;
  source.pre = pre;
  TRY(tokens, metadata.strings("tokenizer.ggml.tokens"));
  TRY(merges, read_or_empty(metadata, "tokenizer.ggml.merges", &GgufMetadata::strings));
  TRY(scores, read_or_empty(metadata, "tokenizer.ggml.scores", &GgufMetadata::numbers));
  TRY(types, read_types(metadata));
  source.tokens = std::move(tokens);
  source.merges = std::move(merges);
  source.scores = std::move(scores);
  source.types = std::move(types);
  for (const auto& [key, field] :
       {std::pair{"bos_token_id", &source.bos}, std::pair{"eos_token_id", &source.eos},
        std::pair{"eot_token_id", &source.eot}, std::pair{"eom_token_id", &source.eom},
        std::pair{"unknown_token_id", &source.unknown},
        std::pair{"padding_token_id", &source.padding}}) {
    TRY(id, read_id(metadata, fmt::format("tokenizer.ggml.{}", key)));
    *field = id;
  }
  for (const auto& [key, field] :
       {std::pair{"add_bos_token", &source.add_bos}, std::pair{"add_eos_token", &source.add_eos},
        std::pair{"add_space_prefix", &source.add_space_prefix},
        std::pair{"remove_extra_whitespaces", &source.remove_extra_whitespaces}}) {
    TRY(flag, read_flag(metadata, fmt::format("tokenizer.ggml.{}", key)));
    *field = flag;
  }
  if (const GgufValue* charsmap = metadata.find("tokenizer.ggml.precompiled_charsmap")) {
    source.precompiled_charsmap = {reinterpret_cast<const char*>(charsmap->payload.data()),
                                   charsmap->payload.size()};
  }
  return from_vocabulary(source);
}

}  // namespace chitu
