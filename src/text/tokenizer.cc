#include "text/tokenizer.h"

#include <algorithm>

#include "text/stream_decoder.h"
#include "text/tokenizer_parts.h"
#include "text/utf8.h"

namespace chitu {
namespace {

// One call of encode().
class Encoding {
 public:
  Encoding(const TokenizerParts& parts, size_t text_bytes, bool parse_special)
      : parts_(parts), match_(text_bytes), parse_special_(parse_special) {}

  Status run(std::string_view text, std::vector<int32_t>& ids) {
    std::vector<AddedTokens::Segment> segments;
    TRY_STATUS(
        parts_.added.split(text, AddedTokens::Phase::kGiven, parse_special_, match_, segments));
    for (const auto& segment : segments) {
      if (segment.token != nullptr) {
        ids.push_back(segment.token->id);
      } else {
        TRY_STATUS(given(segment.text, segment.text.data() == text.data(), ids));
      }
    }
    return {};
  }

 private:
  Status given(std::string_view text, bool at_start, std::vector<int32_t>& ids) {
    std::string storage;
    if (!parts_.normalizer.empty()) {
      TRY(normalized, parts_.normalizer.run(text, match_));
      storage = std::move(normalized.text);
      text = storage;
      at_start = at_start && normalized.at_start;
    }
    std::vector<AddedTokens::Segment> segments;
    TRY_STATUS(parts_.added.split(text, AddedTokens::Phase::kNormalized, parse_special_, match_,
                                  segments));
    for (const auto& segment : segments) {
      if (segment.token != nullptr) {
        ids.push_back(segment.token->id);
      } else {
        TRY_STATUS(normalized(segment.text, at_start && segment.text.data() == text.data(), ids));
      }
    }
    return {};
  }

  Status normalized(std::string_view text, bool at_start, std::vector<int32_t>& ids) {
    TRY(pieces, parts_.pre_tokenizer.run(text, at_start, match_));
    if (const auto* bpe = std::get_if<Bpe>(&parts_.model)) {
      for (const Pieces::Range range : pieces.ranges) {
        TRY_STATUS(bpe->tokenize(pieces.piece(range), bpe_scratch_, ids));
      }
    } else if (const auto* unigram = std::get_if<Unigram>(&parts_.model)) {
      for (const Pieces::Range range : pieces.ranges) {
        TRY_STATUS(unigram->tokenize(pieces.piece(range), match_, unigram_scratch_, ids));
      }
    }
    return {};
  }

  const TokenizerParts& parts_;
  MatchScratch match_;
  bool parse_special_;
  Bpe::Scratch bpe_scratch_;
  Unigram::Scratch unigram_scratch_;
};

}  // namespace

TokenizerParts::Found TokenizerParts::find(int32_t id) const {
  if (const AddedToken* token = added.find(id)) return {token->content, true, true, token->special};
  return {vocabulary->token(id), vocabulary->has(id), false, false};
}

Status TokenizerParts::add_token(AddedToken token, MatchScratch& scratch) {
  if (added.size() == kMaxTokens) {
    return make_error(ErrorCode::kResourceExhausted, "there are more than {} added tokens",
                      kMaxTokens);
  }
  vocab_size = std::max(vocab_size, token.id + 1);
  std::string pattern = token.content;
  if (token.normalized && !normalizer.empty()) {
    TRY(normalized, normalizer.run(pattern, scratch));
    pattern = std::move(normalized.text);
  }
  added.add(std::move(token), pattern);
  return {};
}

Tokenizer::Tokenizer(TokenizerParts parts)
    : parts_(std::make_unique<const TokenizerParts>(std::move(parts))) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text,
                                               const EncodeOptions& options) const {
  if (text.size() > kMaxTextBytes) {
    return make_error(ErrorCode::kInvalidArgument, "the text has {} bytes; at most {} are allowed",
                      text.size(), kMaxTextBytes);
  }
  std::string valid;
  if (utf8::valid_prefix(text) != text.size()) {
    utf8::append_lossy(text, valid);
    text = valid;
  }
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 4 + parts_->prefix.size() + parts_->suffix.size());
  if (options.add_special_tokens) ids = parts_->prefix;
  TRY_STATUS(Encoding(*parts_, text.size(), options.parse_special).run(text, ids));
  if (options.add_special_tokens) {
    ids.insert(ids.end(), parts_->suffix.begin(), parts_->suffix.end());
  }
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  StreamDecoder decoder(*this, skip_special);
  std::string text;
  for (const int32_t id : ids) text += decoder.push(id);
  return text + decoder.flush();
}

std::string Tokenizer::bytes(int32_t id) const {
  const TokenizerParts::Found found = parts_->find(id);
  return found.exists ? parts_->decoder.bytes(found.text, found.added) : std::string();
}

std::string_view Tokenizer::token(int32_t id) const { return parts_->find(id).text; }

std::optional<int32_t> Tokenizer::find(std::string_view token) const {
  if (const AddedToken* added = parts_->added.find(token)) return added->id;
  const int32_t id = parts_->vocabulary->find(token);
  return id == Vocabulary::kNone ? std::nullopt : std::optional(id);
}

bool Tokenizer::is_special(int32_t id) const { return parts_->find(id).special; }
int32_t Tokenizer::vocab_size() const { return parts_->vocab_size; }
const SpecialTokens& Tokenizer::special() const { return parts_->special; }

}  // namespace chitu
