// Normalizers, pre-tokenizers and decoders of a tokenizer.json.
#include "base/quote.h"
#include "text/base64.h"
#include "text/gguf_pre_tokenizers.h"
#include "text/tokenizer_json.h"

namespace chitu {
namespace {

// What every step parser gets: its object, and the list that it adds to.
template <class Step>
struct Parser {
  std::string_view type;
  Status (*parse)(const json::Fields& fields, std::vector<Step>& steps);
};

// Every step passes over the whole text; real files have at most a dozen.
constexpr size_t kMaxSteps = 64;

// Parses a component, or every one of a "Sequence", whose list stands under `list`.
template <class Step, size_t N>
Status parse_steps(const json::Value& value, std::string_view list,
                   const Parser<Step> (&parsers)[N], std::vector<Step>& steps) {
  TRY(fields, json::Fields::of(value));
  TRY(type, fields.string("type"));
  if (type == "Sequence") {
    TRY(array, fields.array(list));
    for (const json::Value& element : *array) {
      TRY_STATUS(parse_steps(element, list, parsers, steps));
    }
    return {};
  }
  for (const Parser<Step>& parser : parsers) {
    if (parser.type != type) continue;
    auto status = parser.parse(fields, steps);
    if (!status) return std::move(status).error().within(type);
    if (steps.size() > kMaxSteps) {
      return make_error(ErrorCode::kUnsupported, "more than {} steps", kMaxSteps);
    }
    return {};
  }
  return make_error(ErrorCode::kUnsupported, "the type {} is not supported", quote(type));
}

template <class Step, size_t N>
Result<std::vector<Step>> parse_field(const json::Value* value, std::string_view name,
                                      std::string_view list, const Parser<Step> (&parsers)[N]) {
  std::vector<Step> steps;
  if (value == nullptr) return steps;
  auto status = parse_steps(*value, list, parsers, steps);
  if (!status) return std::move(status).error().within(name);
  return steps;
}

// {"String": "..."} or {"Regex": "..."}
Result<Finder> finder(const json::Fields& fields) {
  TRY(pattern, fields.object("pattern"));
  const json::Fields choice(*pattern);
  if (choice.has("Regex")) {
    TRY(text, choice.string("Regex"));
    TRY(regex, Regex::compile(text));
    return Finder(std::move(regex));
  }
  TRY(text, choice.string("String"));
  if (text.empty()) {
    TRY(regex, Regex::compile(""));  // matches between all characters
    return Finder(std::move(regex));
  }
  return Finder(std::move(text));
}

Result<SplitBehavior> behavior_of(const json::Fields& fields, std::string_view fallback) {
  constexpr std::pair<std::string_view, SplitBehavior> kNames[] = {
      {"Removed", SplitBehavior::kRemoved},
      {"Isolated", SplitBehavior::kIsolated},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous}};
  TRY(name, fields.string_or("behavior", fallback));
  for (const auto& [known, behavior] : kNames) {
    if (known == name) return behavior;
  }
  return make_error(ErrorCode::kCorrupt, "behavior: {} is not known", quote(name));
}

Result<std::string> one_character(const json::Fields& fields, std::string_view key) {
  auto text = fields.string(key);
  if (!text) return text;
  if (text->empty() || utf8::length(text->front()) != text->size()) {
    return make_error(ErrorCode::kCorrupt, "{}: {} is not one character", key, quote(*text));
  }
  return text;
}

// What stands in place of something else; bounded, so that a text cannot grow without limit.
Result<std::string> content_of(const json::Fields& fields, std::string_view key) {
  auto text = fields.string_or(key, "");
  if (text && text->size() > kMaxTokenBytes) {
    return make_error(ErrorCode::kCorrupt, "{}: {} bytes; at most {} are allowed", key,
                      text->size(), kMaxTokenBytes);
  }
  return text;
}

template <unicode::Form form>
Status parse_form(const json::Fields&, std::vector<NormalizerStep>& steps) {
  steps.emplace_back(UnicodeStep{form});
  return {};
}

template <class Variant, class Step>
Status parse_plain(const json::Fields&, std::vector<Variant>& steps) {
  steps.emplace_back(Step{});
  return {};
}

Status parse_replace(const json::Fields& fields, std::vector<NormalizerStep>& steps) {
  TRY(pattern, finder(fields));
  TRY(content, content_of(fields, "content"));
  steps.emplace_back(ReplaceStep{std::move(pattern), std::move(content)});
  return {};
}

Status parse_prepend(const json::Fields& fields, std::vector<NormalizerStep>& steps) {
  TRY(content, content_of(fields, "prepend"));
  steps.emplace_back(PrependStep{std::move(content)});
  return {};
}

Status parse_strip(const json::Fields& fields, std::vector<NormalizerStep>& steps) {
  TRY(left, fields.boolean_or("strip_left", true));
  TRY(right, fields.boolean_or("strip_right", true));
  steps.emplace_back(StripStep{left, right});
  return {};
}

Status parse_precompiled(const json::Fields& fields, std::vector<NormalizerStep>& steps) {
  TRY(text, fields.string_or("precompiled_charsmap", ""));
  const auto blob = decode_base64(text);
  if (!blob) return make_error(ErrorCode::kCorrupt, "precompiled_charsmap: not base64");
  TRY(charsmap, Charsmap::parse(*blob));
  steps.emplace_back(PrecompiledStep{std::move(charsmap)});
  return {};
}

constexpr Parser<NormalizerStep> kNormalizers[] = {
    {"NFC", parse_form<unicode::Form::kNfc>},
    {"NFD", parse_form<unicode::Form::kNfd>},
    {"NFKC", parse_form<unicode::Form::kNfkc>},
    {"NFKD", parse_form<unicode::Form::kNfkd>},
    {"Lowercase", parse_plain<NormalizerStep, LowercaseStep>},
    {"Replace", parse_replace},
    {"Prepend", parse_prepend},
    {"Strip", parse_strip},
    {"StripAccents", parse_plain<NormalizerStep, StripAccentsStep>},
    {"Nmt", parse_plain<NormalizerStep, NmtStep>},
    {"ByteLevel", parse_plain<NormalizerStep, ByteLevelNormalizeStep>},
    {"Precompiled", parse_precompiled},
};

Status parse_split(const json::Fields& fields, std::vector<PreTokenizerStep>& steps) {
  TRY(pattern, finder(fields));
  TRY(behavior, behavior_of(fields, "Isolated"));
  TRY(invert, fields.boolean_or("invert", false));
  steps.emplace_back(SplitStep{std::move(pattern), behavior, invert});
  return {};
}

Status parse_byte_level(const json::Fields& fields, std::vector<PreTokenizerStep>& steps) {
  TRY(prefix_space, fields.boolean_or("add_prefix_space", true));
  TRY(use_regex, fields.boolean_or("use_regex", true));
  if (prefix_space) steps.emplace_back(PrefixSpaceStep{});
  if (use_regex) {
    TRY(regex, Regex::compile(kGpt2Pattern));
    steps.emplace_back(SplitStep{.finder = Finder(std::move(regex))});
  }
  steps.emplace_back(ByteLevelStep{});
  return {};
}

// Old files say add_prefix_space where new ones have a prepend_scheme.
Result<std::string> prepend_scheme(const json::Fields& fields) {
  if (fields.has("prepend_scheme")) return fields.string("prepend_scheme");
  TRY(prefix_space, fields.boolean_or("add_prefix_space", true));
  return std::string(prefix_space ? "always" : "never");
}

Status parse_metaspace(const json::Fields& fields, std::vector<PreTokenizerStep>& steps) {
  using Prepend = MetaspaceStep::Prepend;
  TRY(replacement, one_character(fields, "replacement"));
  TRY(scheme, prepend_scheme(fields));
  TRY(split, fields.boolean_or("split", true));
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    return make_error(ErrorCode::kCorrupt, "prepend_scheme: {} is not known", quote(scheme));
  }
  const Prepend prepend = scheme == "always"  ? Prepend::kAlways
                          : scheme == "first" ? Prepend::kFirst
                                              : Prepend::kNever;
  steps.emplace_back(MetaspaceStep{replacement, prepend});
  if (split) {
    steps.emplace_back(SplitStep{Finder(replacement), SplitBehavior::kMergedWithNext});
  }
  return {};
}

Status parse_digits(const json::Fields& fields, std::vector<PreTokenizerStep>& steps) {
  TRY(individual, fields.boolean_or("individual_digits", false));
  steps.emplace_back(SplitStep{Finder(unicode::is_numeric),
                               individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous});
  return {};
}

Status parse_whitespace(const json::Fields&, std::vector<PreTokenizerStep>& steps) {
  // Of the `regex` crate of Rust, whose \w has the two joiners as well.
  TRY(regex, Regex::compile(R"([\w\x{200C}\x{200D}]+|[^\w\s\x{200C}\x{200D}]+)"));
  steps.emplace_back(SplitStep{Finder(std::move(regex)), SplitBehavior::kRemoved, true});
  return {};
}

Status parse_whitespace_split(const json::Fields&, std::vector<PreTokenizerStep>& steps) {
  steps.emplace_back(SplitStep{Finder(unicode::is_whitespace), SplitBehavior::kRemoved});
  return {};
}

Status parse_punctuation(const json::Fields& fields, std::vector<PreTokenizerStep>& steps) {
  TRY(behavior, behavior_of(fields, "Isolated"));
  steps.emplace_back(SplitStep{Finder(unicode::is_punctuation), behavior});
  return {};
}

constexpr Parser<PreTokenizerStep> kPreTokenizers[] = {
    {"Split", parse_split},
    {"ByteLevel", parse_byte_level},
    {"Metaspace", parse_metaspace},
    {"Digits", parse_digits},
    {"Whitespace", parse_whitespace},
    {"WhitespaceSplit", parse_whitespace_split},
    {"Punctuation", parse_punctuation},
};

Status parse_replace_decode(const json::Fields& fields, std::vector<DecoderStep>& steps) {
  TRY(pattern, fields.object("pattern"));
  const json::Fields choice(*pattern);
  if (choice.has("Regex")) {
    return make_error(ErrorCode::kUnsupported, "pattern: a regular expression is not supported");
  }
  TRY(text, choice.string("String"));
  TRY(content, content_of(fields, "content"));
  if (text.empty()) return make_error(ErrorCode::kCorrupt, "pattern: empty");
  steps.emplace_back(ReplaceDecode{std::move(text), std::move(content)});
  return {};
}

Status parse_strip_decode(const json::Fields& fields, std::vector<DecoderStep>& steps) {
  constexpr int64_t kMaxStripped = 1 << 20;
  TRY(content, one_character(fields, "content"));
  TRY(start, fields.integer_or("start", 0, 0, kMaxStripped));
  TRY(stop, fields.integer_or("stop", 0, 0, kMaxStripped));
  steps.emplace_back(StripDecode{utf8::code_point(content), static_cast<size_t>(start),
                                 static_cast<size_t>(stop)});
  return {};
}

Status parse_metaspace_decode(const json::Fields& fields, std::vector<DecoderStep>& steps) {
  TRY(replacement, one_character(fields, "replacement"));
  TRY(scheme, prepend_scheme(fields));
  steps.emplace_back(MetaspaceDecode{std::move(replacement), scheme != "never"});
  return {};
}

constexpr Parser<DecoderStep> kDecoders[] = {
    {"ByteLevel", parse_plain<DecoderStep, ByteLevelDecode>},
    {"ByteFallback", parse_plain<DecoderStep, ByteFallbackDecode>},
    {"Fuse", parse_plain<DecoderStep, FuseDecode>},
    {"Replace", parse_replace_decode},
    {"Strip", parse_strip_decode},
    {"Metaspace", parse_metaspace_decode},
};

}  // namespace

Result<Normalizer> normalizer_from_json(const json::Value* value) {
  TRY(steps, parse_field(value, "normalizer", "normalizers", kNormalizers));
  return Normalizer(std::move(steps));
}

Result<PreTokenizer> pre_tokenizer_from_json(const json::Value* value) {
  TRY(steps, parse_field(value, "pre_tokenizer", "pretokenizers", kPreTokenizers));
  return PreTokenizer(std::move(steps));
}

Result<Decoder> decoder_from_json(const json::Value* value) {
  if (value == nullptr) return Decoder::create({JoinDecode{}});
  TRY(steps, parse_field(value, "decoder", "decoders", kDecoders));
  return Decoder::create(std::move(steps));
}

}  // namespace chitu
