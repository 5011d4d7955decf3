#include "text/sentencepiece_vocabulary.h"

#include <algorithm>
#include <cmath>

namespace chitu {
namespace {

using Type = SentencePieceVocabulary::Type;

// Pieces that a text may become.
bool is_text(int32_t type) {
  return type == Type::kNormal || type == Type::kUserDefined || type == Type::kUnused;
}

Status add_pieces(const SentencePieceVocabulary& source, TokenizerParts& parts) {
  size_t bytes = 0;
  for (const auto& piece : source.pieces) bytes += piece.text.size();
  parts.vocabulary->reserve(source.pieces.size(), bytes);
  for (size_t id = 0; id < source.pieces.size(); ++id) {
    TRY_STATUS(parts.vocabulary->add(source.pieces[id].text, static_cast<int64_t>(id)));
    if (source.pieces[id].type == Type::kUnknown) parts.special.unknown = static_cast<int32_t>(id);
  }
  parts.vocab_size = parts.vocabulary->size();
  return {};
}

// User-defined pieces are found in the normalized text, before the BPE model sees it; a unigram
// model has them among its pieces instead.
void add_added(const SentencePieceVocabulary& source, TokenizerParts& parts) {
  for (size_t id = 0; id < source.pieces.size(); ++id) {
    const auto& piece = source.pieces[id];
    AddedToken token;
    token.content = piece.text;
    token.id = static_cast<int32_t>(id);
    if (piece.type == Type::kControl || piece.type == Type::kUnknown) {
      token.special = true;
    } else if (piece.type == Type::kUserDefined && !source.unigram) {
      token.normalized = true;
    } else {
      continue;
    }
    parts.added.add(std::move(token), piece.text);
  }
}

Result<Normalizer> make_normalizer(const SentencePieceVocabulary& source) {
  SentencePieceStep step;
  TRY(charsmap, Charsmap::parse(source.precompiled_charsmap));
  step.charsmap = std::move(charsmap);
  for (size_t id = 0; id < source.pieces.size(); ++id) {
    const auto& piece = source.pieces[id];
    if (piece.type == Type::kUserDefined && !piece.text.empty()) {
      step.user_defined.add(piece.text, static_cast<int32_t>(id));
    }
  }
  step.add_dummy_prefix = source.add_dummy_prefix;
  step.remove_extra_whitespaces = source.remove_extra_whitespaces;
  step.escape_whitespaces = source.escape_whitespaces;
  std::vector<NormalizerStep> steps;
  steps.emplace_back(std::move(step));
  return Normalizer(std::move(steps));
}

// The highest score merges first; equal scores rank equally, so that the leftmost pair does.
Result<Bpe> make_bpe(const SentencePieceVocabulary& source, const TokenizerParts& parts) {
  const auto& pieces = source.pieces;
  std::vector<uint32_t> order;
  for (uint32_t id = 0; id < pieces.size(); ++id) {
    if (is_text(pieces[id].type)) order.push_back(id);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return pieces[a].score > pieces[b].score; });
  std::vector<uint32_t> ranks(pieces.size(), Bpe::kNoRank);
  for (size_t i = 0; i < order.size(); ++i) {
    const bool tie = i > 0 && pieces[order[i]].score == pieces[order[i - 1]].score;
    ranks[order[i]] = tie ? ranks[order[i - 1]] : static_cast<uint32_t>(i);
  }
  BpeOptions options;
  options.unknown = parts.special.unknown.value_or(Vocabulary::kNone);
  options.fuse_unknown = true;
  options.byte_fallback = std::any_of(pieces.begin(), pieces.end(),
                                      [](const auto& piece) { return piece.type == Type::kByte; });
  return Bpe::from_ranks(*parts.vocabulary, ranks, options);
}

// A user-defined piece scores as well as its length in the best pieces would.
Result<Unigram> make_unigram(const SentencePieceVocabulary& source, const TokenizerParts& parts) {
  constexpr double kUserDefinedPenalty = 0.1;
  const auto& pieces = source.pieces;
  double best = -INFINITY;
  for (const auto& piece : pieces) {
    if (piece.type == Type::kNormal) best = std::max<double>(best, piece.score);
  }
  std::vector<double> scores(pieces.size(), Unigram::kNever);
  bool bytes = false;
  for (size_t id = 0; id < pieces.size(); ++id) {
    const auto& piece = pieces[id];
    bytes = bytes || piece.type == Type::kByte;
    if (piece.type == Type::kNormal) scores[id] = piece.score;
    if (piece.type == Type::kUserDefined) {
      scores[id] = static_cast<double>(piece.text.size()) * best - kUserDefinedPenalty;
    }
  }
  UnigramOptions options;
  options.unknown = parts.special.unknown.value_or(Vocabulary::kNone);
  options.byte_fallback = bytes;
  options.float_sums = true;
  return Unigram::create(*parts.vocabulary, scores, options);
}

std::vector<DecoderStep> decoder_steps(const SentencePieceVocabulary& source) {
  std::vector<DecoderStep> steps;
  steps.emplace_back(ReplaceDecode{"\xE2\x96\x81", " "});
  steps.emplace_back(ByteFallbackDecode{});
  steps.emplace_back(FuseDecode{});
  const size_t leading = source.remove_extra_whitespaces ? SIZE_MAX
                         : source.add_dummy_prefix       ? 1
                                                         : 0;
  steps.emplace_back(StripDecode{.content = ' ', .start = leading});
  return steps;
}

}  // namespace

Result<TokenizerParts> build_sentencepiece(const SentencePieceVocabulary& source) {
  TokenizerParts parts;
  for (size_t id = 0; id < source.pieces.size(); ++id) {
    if (!std::isfinite(source.pieces[id].score)) {
      return make_error(ErrorCode::kCorrupt, "the score of piece {} is not a finite number", id);
    }
  }
  TRY_STATUS(add_pieces(source, parts));
  add_added(source, parts);
  TRY(normalizer, make_normalizer(source));
  parts.normalizer = std::move(normalizer);
  if (source.unigram) {
    TRY(unigram, make_unigram(source, parts));
    parts.model = std::move(unigram);
  } else {
    TRY(bpe, make_bpe(source, parts));
    parts.model = std::move(bpe);
  }
  TRY(decoder, Decoder::create(decoder_steps(source)));
  parts.decoder = std::move(decoder);
  return parts;
}

}  // namespace chitu
