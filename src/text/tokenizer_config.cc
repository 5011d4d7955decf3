// tokenizer_config.json: the roles of tokens, and what surrounds a text.
#include <algorithm>
#include <charconv>

#include "base/quote.h"
#include "text/tokenizer_json.h"

namespace chitu {
namespace {

// "<s>" or {"content": "<s>", ...}
Result<std::optional<std::string>> token_name(const json::Fields& fields, std::string_view key) {
  const json::Value* value = fields.find(key);
  if (value == nullptr) return std::optional<std::string>();
  if (value->is_object()) {
    TRY(content, json::Fields(value->get_object()).string("content"));
    return std::optional(std::move(content));
  }
  TRY(name, fields.string(key));
  return std::optional(std::move(name));
}

Result<std::optional<bool>> flag(const json::Fields& fields, std::string_view key) {
  if (!fields.has(key)) return std::optional<bool>();
  TRY(value, fields.boolean_or(key, false));
  return std::optional(value);
}

Result<std::vector<AddedToken>> parse_added_tokens(const json::Fields& fields) {
  std::vector<AddedToken> tokens;
  if (!fields.has("added_tokens_decoder")) return tokens;
  TRY(object, fields.object("added_tokens_decoder"));
  for (const auto& [key, value] : *object) {
    int64_t id = -1;
    const auto [end, code] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (code != std::errc() || end != key.data() + key.size() || id < 0 || id > INT32_MAX) {
      return make_error(ErrorCode::kCorrupt, "added_tokens_decoder: {} is not a token id",
                        quote(key));
    }
    TRY(entry, json::Fields::of(value));
    TRY(token, added_token_from_json(entry, id));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::optional<int32_t> resolve(const TokenizerParts& parts,
                               const std::optional<std::string>& name) {
  if (!name) return std::nullopt;
  if (const AddedToken* token = parts.added.find(*name)) return token->id;
  const int32_t id = parts.vocabulary->find(*name);
  return id == Vocabulary::kNone ? std::nullopt : std::optional(id);
}

Status parse_config(std::string_view text, TokenizerConfig& config) {
  if (text.empty()) return {};
  TRY(value, json::parse(text));
  TRY(fields, json::Fields::of(value));
  TRY(bos, token_name(fields, "bos_token"));
  TRY(eos, token_name(fields, "eos_token"));
  TRY(unknown, token_name(fields, "unk_token"));
  TRY(padding, token_name(fields, "pad_token"));
  TRY(add_bos, flag(fields, "add_bos_token"));
  TRY(add_eos, flag(fields, "add_eos_token"));
  TRY(added, parse_added_tokens(fields));
  config.bos = std::move(bos);
  config.eos = std::move(eos);
  config.unknown = std::move(unknown);
  config.padding = std::move(padding);
  config.add_bos = add_bos;
  config.add_eos = add_eos;
  config.added_tokens = std::move(added);
  return {};
}

// {"token": id, ...}: those with a role are special, as in the `transformers` library.
Status parse_legacy_tokens(std::string_view text, TokenizerConfig& config) {
  TRY(value, json::parse(text));
  TRY(fields, json::Fields::of(value));
  for (const auto& entry : value.get_object()) {
    const std::string_view name = entry.key();
    TRY(id, fields.integer(name, 0, INT32_MAX));
    AddedToken token;
    token.content = name;
    token.id = static_cast<int32_t>(id);
    for (const auto* role : {&config.bos, &config.eos, &config.unknown, &config.padding}) {
      token.special = token.special || *role == token.content;
    }
    token.normalized = !token.special;
    config.added_tokens.push_back(std::move(token));
  }
  return {};
}

}  // namespace

Result<TokenizerConfig> TokenizerConfig::parse(std::string_view text,
                                               std::string_view added_tokens) {
  TokenizerConfig config;
  if (auto status = parse_config(text, config); !status) {
    return std::move(status).error().within("tokenizer_config.json");
  }
  if (!config.added_tokens.empty() || added_tokens.empty()) return config;
  if (auto status = parse_legacy_tokens(added_tokens, config); !status) {
    return std::move(status).error().within("added_tokens.json");
  }
  return config;
}

void TokenizerConfig::apply(TokenizerParts& parts) const {
  SpecialTokens& special = parts.special;
  if (const auto id = resolve(parts, bos)) special.bos = id;
  if (const auto id = resolve(parts, unknown)) special.unknown = id;
  if (const auto id = resolve(parts, padding)) special.padding = id;
  if (const auto id = resolve(parts, eos)) special.eos = {*id};

  if (add_bos && special.bos) {
    const bool present = !parts.prefix.empty() && parts.prefix.front() == *special.bos;
    if (*add_bos && !present) parts.prefix.insert(parts.prefix.begin(), *special.bos);
    if (!*add_bos && present) parts.prefix.erase(parts.prefix.begin());
  }
  if (add_eos && !special.eos.empty()) {
    const int32_t id = special.eos.front();
    const bool present = !parts.suffix.empty() && parts.suffix.back() == id;
    if (*add_eos && !present) parts.suffix.push_back(id);
    if (!*add_eos && present) parts.suffix.pop_back();
  }
}

Status apply_generation_config(std::string_view text, TokenizerParts& parts) {
  if (text.empty()) return {};
  TRY(value, json::parse(text));
  TRY(fields, json::Fields::of(value));
  const json::Value* field = fields.find("eos_token_id");
  if (field == nullptr) return {};
  const json::Array ids = field->is_array() ? field->get_array() : json::Array{*field};
  std::vector<int32_t>& ends = parts.special.eos;
  for (const json::Value& id : ids) {
    if (!id.is_int64()) {
      return make_error(ErrorCode::kCorrupt, "eos_token_id: expected token ids, found {}",
                        json::kind_name(id));
    }
    if (id.get_int64() < 0 || id.get_int64() >= parts.vocab_size) continue;  // no token
    const auto end = static_cast<int32_t>(id.get_int64());
    if (std::find(ends.begin(), ends.end(), end) == ends.end()) ends.push_back(end);
  }
  return {};
}

}  // namespace chitu
