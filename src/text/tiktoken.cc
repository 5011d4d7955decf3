#include "text/tiktoken.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "text/base64.h"
#include "text/byte_level.h"
#include "text/gguf_pre_tokenizers.h"
#include "text/tokenizer_json.h"

namespace chitu {
namespace {

struct Family {
  size_t ranks;  // tokens in the file
  std::string_view name;
  std::string_view pattern;
  bool nfc;
  std::vector<std::string> special;  // ids from `ranks` on
  std::vector<std::string_view> prefix;
  std::string_view bos;
  std::vector<std::string_view> eos;
};

std::vector<std::string> llama3_special() {
  constexpr int kCount = 256;
  std::vector<std::string> names = {"<|begin_of_text|>",
                                    "<|end_of_text|>",
                                    "<|reserved_special_token_0|>",
                                    "<|reserved_special_token_1|>",
                                    "<|finetune_right_pad_id|>",
                                    "<|reserved_special_token_2|>",
                                    "<|start_header_id|>",
                                    "<|end_header_id|>",
                                    "<|eom_id|>",
                                    "<|eot_id|>",
                                    "<|python_tag|>"};
  for (int i = 3; names.size() < kCount; ++i) {
    names.push_back(fmt::format("<|reserved_special_token_{}|>", i));
  }
  return names;
}

std::vector<std::string> qwen_special() {
  std::vector<std::string> names = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
  for (int i = 0; i < 205; ++i) names.push_back(fmt::format("<|extra_{}|>", i));
  return names;
}

std::vector<Family> families() {
  return {
      {128000,
       "Llama 3",
       kLlama3Pattern,
       false,
       llama3_special(),
       {"<|begin_of_text|>"},
       "<|begin_of_text|>",
       {"<|end_of_text|>", "<|eot_id|>", "<|eom_id|>"}},
      {151329,
       "GLM-4",
       kLlama3Pattern,
       false,
       {"<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>",
        "<|assistant|>", "<|observation|>", "<|begin_of_image|>", "<|end_of_image|>",
        "<|begin_of_video|>", "<|end_of_video|>"},
       {"[gMASK]", "<sop>"},
       "",
       {"<|endoftext|>", "<|user|>", "<|observation|>"}},
      {151643,
       "Qwen",
       kQwen2Pattern,
       true,
       qwen_special(),
       {},
       "",
       {"<|endoftext|>", "<|im_end|>"}},
  };
}

Result<Family> family_of(size_t ranks) {
  for (Family& family : families()) {
    if (family.ranks == ranks) return std::move(family);
  }
  return make_error(ErrorCode::kUnsupported,
                    "a tiktoken file with {} tokens is of no known family (Llama 3 has 128000, "
                    "GLM-4 151329, Qwen 151643); use a tokenizer.json",
                    ranks);
}

struct Line {
  std::string token;  // in GPT-2's alphabet
  int64_t rank = 0;
};

std::optional<Line> parse_line(std::string_view text) {
  const size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto bytes = decode_base64(text.substr(0, space));
  Line line;
  const auto [end, code] =
      std::from_chars(text.data() + space + 1, text.data() + text.size(), line.rank);
  if (!bytes || bytes->empty() || code != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  byte_level::append_encoded(*bytes, line.token);
  return line;
}

std::string_view take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Status add_vocabulary(std::string_view text, Vocabulary& vocabulary) {
  const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  vocabulary.reserve(lines, text.size());
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    if (line.empty()) continue;
    const auto parsed = parse_line(line);
    if (!parsed) {
      return make_error(ErrorCode::kCorrupt, "line {}: expected a token in base64 and its rank",
                        number);
    }
    TRY_STATUS(vocabulary.add(parsed->token, parsed->rank));
  }
  return {};
}

Status set_special(const Family& family, const TokenizerConfig& config, TokenizerParts& parts) {
  std::vector<AddedToken> tokens = config.added_tokens;
  if (tokens.empty()) {
    for (const std::string& name : family.special) {
      const auto id = static_cast<int32_t>(family.ranks + tokens.size());
      tokens.push_back({.content = name, .id = id, .special = true});
    }
  }
  TRY_STATUS(add_tokens(std::move(tokens), parts));
  const auto id_of = [&](std::string_view name) -> std::optional<int32_t> {
    const AddedToken* token = parts.added.find(name);
    return token == nullptr ? std::nullopt : std::optional(token->id);
  };
  parts.special.bos = id_of(family.bos);
  for (const std::string_view name : family.eos) {
    if (const auto id = id_of(name)) parts.special.eos.push_back(*id);
  }
  for (const std::string_view name : family.prefix) {
    if (const auto id = id_of(name)) parts.prefix.push_back(*id);
  }
  return {};
}

}  // namespace

bool is_tiktoken(std::string_view text) { return parse_line(take_line(text)).has_value(); }

Result<TokenizerParts> parts_from_tiktoken(std::string_view text, const TokenizerConfig& config) {
  TokenizerParts parts;
  TRY_STATUS(add_vocabulary(text, *parts.vocabulary));
  TRY(family, family_of(parts.vocabulary->count()));
  parts.vocab_size = parts.vocabulary->size();
  if (family.nfc) {
    std::vector<NormalizerStep> steps;
    steps.emplace_back(UnicodeStep{unicode::Form::kNfc});
    parts.normalizer = Normalizer(std::move(steps));
  }
  TRY(pre_tokenizer, byte_level_pre_tokenizer({family.pattern}));
  parts.pre_tokenizer = std::move(pre_tokenizer);
  std::vector<uint32_t> ranks(static_cast<size_t>(parts.vocab_size));
  std::iota(ranks.begin(), ranks.end(), 0);
  TRY(bpe, Bpe::from_ranks(*parts.vocabulary, ranks, {.ignore_merges = true}));
  parts.model = std::move(bpe);
  TRY(decoder, Decoder::create({ByteLevelDecode{.added_are_text = true}}));
  parts.decoder = std::move(decoder);
  TRY_STATUS(set_special(family, config, parts));
  config.apply(parts);
  return parts;
}

Result<Tokenizer> Tokenizer::from_tiktoken(std::string_view ranks, std::string_view config_text) {
  TRY(config, TokenizerConfig::parse(config_text));
  TRY(parts, parts_from_tiktoken(ranks, config));
  return Tokenizer(std::move(parts));
}

}  // namespace chitu
