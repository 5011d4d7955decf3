#include "text/unigram.h"

#include <algorithm>
#include <cmath>

#include "text/utf8.h"

namespace chitu {
namespace {

// SentencePiece's penalty: an unknown character scores this much below the worst token.
constexpr double kUnknownPenalty = 10.0;

}  // namespace

Result<Unigram> Unigram::create(const Vocabulary& vocabulary, const std::vector<double>& scores,
                                const UnigramOptions& options) {
  if (!vocabulary.has(options.unknown)) {
    return make_error(ErrorCode::kCorrupt, "a unigram vocabulary needs an unknown token");
  }
  Unigram unigram(options);
  unigram.scores_ = scores;
  double lowest = INFINITY;
  for (size_t id = 0; id < scores.size(); ++id) {
    if (!std::isfinite(scores[id])) {
      return make_error(ErrorCode::kCorrupt, "the score of token {} is not a finite number", id);
    }
    const std::string_view token = vocabulary.token(static_cast<int32_t>(id));
    if (scores[id] == kNever || token.empty()) continue;
    lowest = std::min(lowest, scores[id]);
    if (vocabulary.find(token) == static_cast<int32_t>(id)) {
      unigram.trie_.add(token, static_cast<int32_t>(id));
    }
  }
  unigram.unknown_score_ = (std::isfinite(lowest) ? lowest : 0.0) - kUnknownPenalty;
  if (options.float_sums) unigram.unknown_score_ = static_cast<float>(unigram.unknown_score_);
  for (size_t byte = 0; byte < unigram.byte_tokens_.size(); ++byte) {
    unigram.byte_tokens_[byte] = vocabulary.find(fmt::format("<0x{:02X}>", byte));
  }
  return unigram;
}

void Unigram::search(std::string_view word, std::vector<Node>& nodes) const {
  nodes.assign(word.size() + 1, {0.0, 0, Vocabulary::kNone});
  const auto offer = [&](size_t from, size_t to, int32_t id, double score) {
    double total = score + nodes[from].score;
    if (options_.float_sums) total = static_cast<float>(total);
    Node& node = nodes[to];
    if (node.id == Vocabulary::kNone || total > node.score) {
      node = {total, static_cast<uint32_t>(from), id};
    }
  };
  for (size_t at = 0; at < word.size();) {
    const size_t character = utf8::length(word[at]);
    bool covered = false;
    trie_.for_each_prefix(word.substr(at), [&](size_t length, int32_t id) {
      offer(at, at + length, id, scores_[static_cast<size_t>(id)]);
      covered = covered || length == character;
    });
    if (!covered) offer(at, at + character, options_.unknown, unknown_score_);
    at += character;
  }
}

void Unigram::tokenize(std::string_view word, Scratch& scratch, std::vector<int32_t>& out) const {
  search(word, scratch.nodes);
  // Backwards from the end; `from` and `score` keep their meaning, `score` is not needed any more.
  std::vector<Node>& path = scratch.path;
  path.clear();
  for (size_t end = word.size(); end > 0; end = scratch.nodes[end].from) {
    path.push_back(scratch.nodes[end]);
  }
  std::reverse(path.begin(), path.end());
  for (size_t i = 0; i < path.size();) {
    if (path[i].id != options_.unknown) {
      out.push_back(path[i++].id);
      continue;
    }
    const size_t begin = path[i].from;
    while (i < path.size() && path[i].id == options_.unknown) ++i;
    const size_t end = i < path.size() ? path[i].from : word.size();
    append_unknown(word.substr(begin, end - begin), out);
  }
}

void Unigram::append_unknown(std::string_view text, std::vector<int32_t>& out) const {
  const auto token_of = [&](char byte) { return byte_tokens_[static_cast<unsigned char>(byte)]; };
  const bool as_bytes = options_.byte_fallback &&
                        std::all_of(text.begin(), text.end(),
                                    [&](char byte) { return token_of(byte) != Vocabulary::kNone; });
  if (!as_bytes) {
    out.push_back(options_.unknown);
    return;
  }
  for (const char byte : text) out.push_back(token_of(byte));
}

}  // namespace chitu
