#include "text/gguf_pre_tokenizers.h"

#include <algorithm>
#include <array>

#include "base/quote.h"

namespace chitu {
namespace {

constexpr std::string_view kQwen35Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kTekkenPattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt4oPattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kDeepSeekV3Pattern =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kDeepSeekLlmLetters =
    R"(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+)";

struct Row {
  std::string_view name;
  GgufPreTokenizer rule;
};

// Names that llama.cpp's converter writes, grouped by what they mean.
std::vector<Row> rows() {
  const GgufPreTokenizer gpt2{.patterns = {kGpt2Pattern}};
  const GgufPreTokenizer digits{.patterns = {R"(\p{N})", kGpt2Pattern}};
  const GgufPreTokenizer llama3{
      .patterns = {kLlama3Pattern}, .ignore_merges = true, .add_bos = true};
  const GgufPreTokenizer glm4{.patterns = {kLlama3Pattern}};
  const GgufPreTokenizer qwen2{.patterns = {kQwen2Pattern}, .nfc = true};
  const GgufPreTokenizer deepseek_v3{
      .patterns = {R"(\p{N}{1,3})", R"([一-龥぀-ゟ゠-ヿ]+)", kDeepSeekV3Pattern}};
  const GgufPreTokenizer deepseek_llm{.patterns = {R"([\r\n])", kDeepSeekLlmLetters,
                                                   R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)", R"(\s+$)",
                                                   R"([一-龥ࠀ-一가-퟿]+)", R"(\p{N}+)"}};
  const GgufPreTokenizer deepseek_coder{.patterns = {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)",
                                                     R"([一-龥ࠀ-一가-퟿]+)", R"(\p{N})"}};
  const GgufPreTokenizer unnamed{
      .patterns = {R"([\p{P}\$\+<=>\^~\|]+)", kGpt2Pattern, R"(\p{N}+)", R"([0-9][0-9][0-9])"}};
  return {
      {"", unnamed},
      {"default", unnamed},
      {"gpt-2", gpt2},
      {"phi-2", gpt2},
      {"mpt", gpt2},
      {"olmo", gpt2},
      {"jais", gpt2},
      {"smollm", digits},
      {"starcoder", digits},
      {"refact", digits},
      {"command-r", digits},
      {"codeshell", digits},
      {"llama3", llama3},
      {"llama-v3", llama3},
      {"llama-bpe", llama3},
      {"dbrx", glm4},
      {"smaug-bpe", glm4},
      {"glm4", glm4},
      {"chatglm-bpe", glm4},
      {"qwen2", qwen2},
      {"deepseek-r1-qwen", qwen2},
      {"stablelm2", qwen2},
      {"qwen35", {.patterns = {kQwen35Pattern}, .nfc = true}},
      {"tekken", {.patterns = {kTekkenPattern}, .ignore_merges = true, .add_bos = true}},
      {"gpt-4o", {.patterns = {kGpt4oPattern}}},
      {"llama4", {.patterns = {kGpt4oPattern}}},
      {"deepseek-v3", deepseek_v3},
      {"hunyuan-dense", deepseek_v3},
      {"deepseek-llm", deepseek_llm},
      {"deepseek-coder", deepseek_coder},
  };
}

}  // namespace

Result<GgufPreTokenizer> gguf_pre_tokenizer(std::string_view name) {
  for (Row& row : rows()) {
    if (row.name == name) return std::move(row.rule);
  }
  return make_error(ErrorCode::kUnsupported,
                    "tokenizer.ggml.pre: the pre-tokenizer {} is not known; use the original "
                    "checkpoint with its tokenizer.json",
                    quote(name));
}

Result<PreTokenizer> byte_level_pre_tokenizer(const std::vector<std::string_view>& patterns) {
  std::vector<PreTokenizerStep> steps;
  for (const std::string_view pattern : patterns) {
    TRY(regex, Regex::compile(pattern));
    steps.emplace_back(SplitStep{.finder = Finder(std::move(regex))});
  }
  steps.emplace_back(ByteLevelStep{});
  return PreTokenizer(std::move(steps));
}

}  // namespace chitu
