#include "text/unigram.h"

#include <algorithm>
#include <cmath>

#include "text/utf8.h"

namespace chitu {
namespace {

// SentencePiece's penalty: an unknown character scores this much below the worst token.
constexpr double kUnknownPenalty = 10.0;

// Bytes of a long word that are searched together, at least.
constexpr size_t kWindow = 4096;

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

// Fills nodes[0, n] for the first n bytes of `word`, where nodes[0].score is that of the text
// before it, and returns n: the word's end, or a place past kWindow that no token reaches over, so
// that what follows cannot change the way there. Unknown characters fuse, so it does not come after
// one.
Result<size_t> Unigram::search(std::string_view word, MatchScratch& match,
                               std::vector<Node>& nodes) const {
  const auto offer = [&](size_t from, size_t to, int32_t id, double score) {
    double total = score + nodes[from].score;
    if (options_.float_sums) total = static_cast<float>(total);
    if (to >= nodes.size()) nodes.resize(to + 1);
    Node& node = nodes[to];
    if (node.id == Vocabulary::kNone || total > node.score) {
      node = {total, static_cast<uint32_t>(from), id};
    }
  };
  size_t at = 0;
  while (at < word.size()) {
    const bool decided = at + 1 == nodes.size() && nodes[at].id != options_.unknown;
    if (at >= kWindow && decided) return at;
    if (at > kMaxStretch) {
      return make_error(ErrorCode::kResourceExhausted,
                        "the text has more than {} bytes without a place where the tokenizer could "
                        "cut it",
                        kMaxStretch);
    }
    const size_t character = utf8::length(word[at]);
    bool covered = false;
    match.spend(trie_.for_each_prefix(word.substr(at), [&](size_t length, int32_t id) {
      offer(at, at + length, id, scores_[static_cast<size_t>(id)]);
      covered = covered || length == character;
    }));
    TRY_STATUS(match.check());
    if (!covered) offer(at, at + character, options_.unknown, unknown_score_);
    at += character;
  }
  return at;
}

Status Unigram::tokenize(std::string_view word, MatchScratch& match, Scratch& scratch,
                         std::vector<int32_t>& out) const {
  std::vector<Node>& nodes = scratch.nodes;
  nodes.assign(1, {});
  while (!word.empty()) {
    TRY(size, search(word, match, nodes));
    append_path(word.substr(0, size), nodes, scratch.path, out);
    nodes.assign(1, {.score = nodes[size].score});
    word.remove_prefix(size);
  }
  return {};
}

// The tokens of the best way to the end of `text`.
void Unigram::append_path(std::string_view text, const std::vector<Node>& nodes,
                          std::vector<Node>& path, std::vector<int32_t>& out) const {
  path.clear();
  for (size_t end = text.size(); end > 0; end = nodes[end].from) path.push_back(nodes[end]);
  std::reverse(path.begin(), path.end());
  for (size_t i = 0; i < path.size();) {
    if (path[i].id != options_.unknown) {
      out.push_back(path[i++].id);
      continue;
    }
    const size_t begin = path[i].from;
    while (i < path.size() && path[i].id == options_.unknown) ++i;
    const size_t end = i < path.size() ? path[i].from : text.size();
    append_unknown(text.substr(begin, end - begin), out);
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
