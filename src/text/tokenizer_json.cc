// tokenizer.json: vocabulary, model, added tokens and the post-processor.
#include "text/tokenizer_json.h"

#include <algorithm>

#include "base/quote.h"

namespace chitu {
namespace {

Error in(std::string_view where, Error error) { return std::move(error).within(where); }

Result<int64_t> id_of(const json::Value& value, std::string_view token) {
  if (value.is_int64()) return value.get_int64();
  return make_error(ErrorCode::kCorrupt, "the id of {} is not an integer", quote(token));
}

// {"token": id, ...}
Status add_vocabulary(const json::Object& vocab, Vocabulary& vocabulary) {
  size_t bytes = 0;
  for (const auto& [token, id] : vocab) bytes += token.size();
  vocabulary.reserve(vocab.size(), bytes);
  for (const auto& [token, value] : vocab) {
    TRY(id, id_of(value, token));
    TRY_STATUS(vocabulary.add(token, id));
  }
  return {};
}

// "left right", or ["left", "right"] as newer files write it.
Result<Bpe::Merges> parse_merges(const json::Array& array) {
  Bpe::Merges merges;
  merges.reserve(array.size());
  for (const json::Value& value : array) {
    if (const auto* text = value.if_string()) {
      const std::string_view merge = *text;
      const size_t space = merge.find(' ');
      if (space != std::string_view::npos && merge.find(' ', space + 1) == std::string_view::npos) {
        merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
        continue;
      }
    } else if (const auto* pair = value.if_array(); pair != nullptr && pair->size() == 2 &&
                                                    (*pair)[0].is_string() &&
                                                    (*pair)[1].is_string()) {
      merges.emplace_back((*pair)[0].get_string(), (*pair)[1].get_string());
      continue;
    }
    return make_error(ErrorCode::kCorrupt, "merge {} is not a pair of tokens", merges.size());
  }
  return merges;
}

Status refuse_affixes(const json::Fields& model) {
  for (const std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    TRY(affix, model.string_or(key, ""));
    if (!affix.empty()) {
      return make_error(ErrorCode::kUnsupported, "{}: {} is not supported", key, quote(affix));
    }
  }
  TRY(dropout, model.number_or("dropout", 0));
  if (dropout != 0) return make_error(ErrorCode::kUnsupported, "dropout: {} is not 0", dropout);
  return {};
}

Status parse_bpe(const json::Fields& model, TokenizerParts& parts) {
  TRY_STATUS(refuse_affixes(model));
  TRY(vocab, model.object("vocab"));
  if (auto status = add_vocabulary(*vocab, *parts.vocabulary); !status) {
    return in("vocab", std::move(status).error());
  }
  BpeOptions options;
  TRY(unknown, model.string_or("unk_token", ""));
  if (!unknown.empty()) {
    options.unknown = parts.vocabulary->find(unknown);
    options.refuse_unknown = options.unknown == Vocabulary::kNone;
  }
  TRY(fuse_unknown, model.boolean_or("fuse_unk", false));
  TRY(byte_fallback, model.boolean_or("byte_fallback", false));
  TRY(ignore_merges, model.boolean_or("ignore_merges", false));
  options.fuse_unknown = fuse_unknown;
  options.byte_fallback = byte_fallback;
  options.ignore_merges = ignore_merges;
  TRY(array, model.array("merges"));
  auto merges = parse_merges(*array);
  if (!merges) return in("merges", std::move(merges).error());
  auto bpe = Bpe::from_merges(*parts.vocabulary, *merges, options);
  if (!bpe) return in("merges", std::move(bpe).error());
  if (options.unknown != Vocabulary::kNone) parts.special.unknown = options.unknown;
  parts.model = std::move(*bpe);
  return {};
}

// [["token", score], ...]; the id is the position.
Result<std::vector<double>> add_scored(const json::Array& vocab, Vocabulary& vocabulary) {
  std::vector<double> scores;
  scores.reserve(vocab.size());
  vocabulary.reserve(vocab.size(), 16 * vocab.size());
  for (const json::Value& value : vocab) {
    const auto* pair = value.if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() ||
        !(*pair)[1].is_number()) {
      return make_error(ErrorCode::kCorrupt, "entry {} is not a token and its score",
                        scores.size());
    }
    TRY_STATUS(vocabulary.add((*pair)[0].get_string(), static_cast<int64_t>(scores.size())));
    scores.push_back((*pair)[1].to_number<double>());
  }
  return scores;
}

Status parse_unigram(const json::Fields& model, TokenizerParts& parts) {
  TRY(vocab, model.array("vocab"));
  auto scores = add_scored(*vocab, *parts.vocabulary);
  if (!scores) return in("vocab", std::move(scores).error());
  UnigramOptions options;
  TRY(unknown, model.integer_or("unk_id", -1, -1, INT32_MAX));
  TRY(byte_fallback, model.boolean_or("byte_fallback", false));
  options.unknown = static_cast<int32_t>(unknown);
  options.byte_fallback = byte_fallback;
  auto unigram = Unigram::create(*parts.vocabulary, *scores, options);
  if (!unigram) return in("unk_id, vocab", std::move(unigram).error());
  parts.special.unknown = options.unknown;
  parts.model = std::move(*unigram);
  return {};
}

Status parse_model(const json::Fields& file, TokenizerParts& parts) {
  TRY(object, file.object("model"));
  const json::Fields model(*object);
  // Files of old have no type; those with merges are BPE.
  TRY(type, model.string_or("type", model.has("merges") ? "BPE" : ""));
  if (type != "BPE" && type != "Unigram") {
    return make_error(ErrorCode::kUnsupported,
                      "model: the type {} is not supported; BPE and Unigram are", quote(type));
  }
  auto status = type == "BPE" ? parse_bpe(model, parts) : parse_unigram(model, parts);
  if (!status) return in("model", std::move(status).error());
  parts.vocab_size = parts.vocabulary->size();
  return {};
}

Status parse_added_tokens(const json::Fields& file, TokenizerParts& parts) {
  if (!file.has("added_tokens")) return {};
  TRY(array, file.array("added_tokens"));
  std::vector<AddedToken> tokens;
  for (const json::Value& value : *array) {
    TRY(fields, json::Fields::of(value));
    TRY(id, fields.integer("id", 0, INT32_MAX));
    TRY(token, added_token_from_json(fields, id));
    if (parts.vocabulary->has(token.id) &&
        parts.vocabulary->find(token.content) == Vocabulary::kNone) {
      return make_error(ErrorCode::kCorrupt, "{} has the id {} of another token",
                        quote(token.content), token.id);
    }
    tokens.push_back(std::move(token));
  }
  return add_tokens(std::move(tokens), parts);
}

// The ids that a template puts in place of one of its special tokens.
Status append_template_ids(const json::Fields& processor, const json::Fields& piece,
                           std::vector<int32_t>& out) {
  TRY(name, piece.string("id"));
  TRY(tokens, processor.object("special_tokens"));
  TRY(entry, json::Fields(*tokens).object(name));
  TRY(ids, json::Fields(*entry).array("ids"));
  for (const json::Value& id : *ids) {
    if (!id.is_int64() || id.get_int64() < 0 || id.get_int64() > INT32_MAX) {
      return make_error(ErrorCode::kCorrupt, "special_tokens: {}: ids: not token ids", quote(name));
    }
    out.push_back(static_cast<int32_t>(id.get_int64()));
  }
  return {};
}

Status parse_template(const json::Fields& processor, TokenizerParts& parts) {
  if (!parts.prefix.empty() || !parts.suffix.empty()) {
    return make_error(ErrorCode::kUnsupported, "more than one TemplateProcessing");
  }
  TRY(pieces, processor.array("single"));
  bool after_text = false;
  for (const json::Value& value : *pieces) {
    TRY(piece, json::Fields::of(value));
    if (piece.has("Sequence")) {
      if (after_text) return make_error(ErrorCode::kUnsupported, "single: two sequences");
      after_text = true;
      continue;
    }
    TRY(special, piece.object("SpecialToken"));
    TRY_STATUS(append_template_ids(processor, json::Fields(*special),
                                   after_text ? parts.suffix : parts.prefix));
  }
  if (!after_text) return make_error(ErrorCode::kCorrupt, "single: no sequence");
  return {};
}

Status parse_post_processor(const json::Value& value, TokenizerParts& parts) {
  TRY(fields, json::Fields::of(value));
  TRY(type, fields.string("type"));
  if (type == "Sequence") {
    TRY(processors, fields.array("processors"));
    for (const json::Value& processor : *processors) {
      TRY_STATUS(parse_post_processor(processor, parts));
    }
    return {};
  }
  if (type == "ByteLevel") return {};  // it only moves offsets
  if (type == "TemplateProcessing") return parse_template(fields, parts);
  return make_error(ErrorCode::kUnsupported, "the type {} is not supported", quote(type));
}

Result<TokenizerParts> parse_file(const json::Fields& file) {
  TokenizerParts parts;
  TRY_STATUS(parse_model(file, parts));
  TRY(normalizer, normalizer_from_json(file.find("normalizer")));
  parts.normalizer = std::move(normalizer);
  TRY(pre_tokenizer, pre_tokenizer_from_json(file.find("pre_tokenizer")));
  parts.pre_tokenizer = std::move(pre_tokenizer);
  TRY(decoder, decoder_from_json(file.find("decoder")));
  parts.decoder = std::move(decoder);
  if (auto status = parse_added_tokens(file, parts); !status) {
    return in("added_tokens", std::move(status).error());
  }
  if (const json::Value* processor = file.find("post_processor")) {
    auto status = parse_post_processor(*processor, parts);
    if (!status) return in("post_processor", std::move(status).error());
  }
  return parts;
}

}  // namespace

Status add_tokens(std::vector<AddedToken> tokens, TokenizerParts& parts) {
  constexpr size_t kSlack = 65536;
  const size_t limit = 4 * (parts.vocabulary->count() + tokens.size()) + kSlack;
  MatchScratch scratch(0);  // its budget is for all tokens together
  for (AddedToken& token : tokens) {
    if (token.content.empty()) continue;
    if (token.content.size() > kMaxTokenBytes) {
      return make_error(ErrorCode::kCorrupt, "token {} has {} bytes; at most {} are allowed",
                        token.id, token.content.size(), kMaxTokenBytes);
    }
    const int32_t known = parts.vocabulary->find(token.content);
    if (known != Vocabulary::kNone) token.id = known;
    if (static_cast<size_t>(token.id) >= limit) {
      return make_error(ErrorCode::kCorrupt, "{}: the id {} lies outside the vocabulary",
                        quote(token.content), token.id);
    }
    TRY_STATUS(parts.add_token(std::move(token), scratch));
  }
  return {};
}

Result<AddedToken> added_token_from_json(const json::Fields& fields, int64_t id) {
  AddedToken token;
  TRY(content, fields.string("content"));
  TRY(special, fields.boolean_or("special", false));
  TRY(single_word, fields.boolean_or("single_word", false));
  TRY(lstrip, fields.boolean_or("lstrip", false));
  TRY(rstrip, fields.boolean_or("rstrip", false));
  TRY(normalized, fields.boolean_or("normalized", !special));
  token.content = std::move(content);
  token.id = static_cast<int32_t>(id);
  token.special = special;
  token.single_word = single_word;
  token.lstrip = lstrip;
  token.rstrip = rstrip;
  token.normalized = normalized;
  return token;
}

Result<TokenizerParts> parts_from_json(std::string_view text, const TokenizerConfig& config) {
  TRY(value, json::parse(text));
  TRY(file, json::Fields::of(value));
  TRY(parts, parse_file(file));
  config.apply(parts);
  return parts;
}

Result<Tokenizer> Tokenizer::from_json(std::string_view text, std::string_view config_text) {
  TRY(config, TokenizerConfig::parse(config_text));
  TRY(parts, parts_from_json(text, config));
  return Tokenizer(std::move(parts));
}

}  // namespace chitu
