#include "text/pre_tokenizer.h"

#include <algorithm>

#include "text/byte_level.h"

namespace chitu {
namespace {

// What a step hands on. A Metaspace makes five bytes of one (a replacement of four bytes, and one
// in front of the piece), so that offsets fit into 32 bits until the result is tested.
constexpr size_t kMaxBytes = size_t{512} << 20;
static_assert(5 * kMaxBytes <= UINT32_MAX);

Status check_size(std::string_view text) {
  if (text.size() <= kMaxBytes) return {};
  return make_error(ErrorCode::kInvalidArgument,
                    "the text has more than {} bytes within the pre-tokenizer", kMaxBytes);
}

struct Part {
  uint32_t begin;
  uint32_t end;
  bool delimiter;
};

// Joins neighbouring parts as the behaviour asks. `parts` are all of a piece, in order.
void join(SplitBehavior behavior, std::vector<Part>& parts) {
  const bool backwards = behavior == SplitBehavior::kMergedWithNext;
  if (backwards) std::reverse(parts.begin(), parts.end());
  size_t kept = 0;
  bool previous = false;
  for (const Part part : parts) {
    const bool merge = behavior == SplitBehavior::kContiguous ? part.delimiter == previous
                                                              : part.delimiter && !previous;
    previous = part.delimiter;
    if (merge && kept > 0) {
      Part& last = parts[kept - 1];
      last.begin = std::min(last.begin, part.begin);
      last.end = std::max(last.end, part.end);
    } else {
      parts[kept++] = part;
    }
  }
  parts.resize(kept);
  if (backwards) std::reverse(parts.begin(), parts.end());
}

Status apply(const SplitStep& step, MatchScratch& scratch, Pieces& pieces) {
  std::vector<Pieces::Range> out;
  out.reserve(pieces.ranges.size());
  std::vector<Part> parts;
  for (const Pieces::Range range : pieces.ranges) {
    const std::string_view piece = pieces.piece(range);
    parts.clear();
    uint32_t done = 0;
    const auto add = [&](uint32_t begin, uint32_t end, bool match) {
      parts.push_back({range.begin + begin, range.begin + end, match != step.invert});
    };
    TRY_STATUS(step.finder.for_each(piece, scratch, [&](size_t begin, size_t end) {
      if (done != begin) add(done, static_cast<uint32_t>(begin), false);
      done = static_cast<uint32_t>(end);
      add(static_cast<uint32_t>(begin), done, true);
    }));
    if (done != piece.size()) add(done, static_cast<uint32_t>(piece.size()), false);
    if (step.behavior == SplitBehavior::kRemoved) {
      std::erase_if(parts, [](const Part& part) { return part.delimiter; });
    } else if (step.behavior != SplitBehavior::kIsolated) {
      join(step.behavior, parts);
    }
    for (const Part& part : parts) {
      if (part.begin != part.end) out.push_back({part.begin, part.end});
    }
  }
  pieces.ranges = std::move(out);
  return {};
}

// Rewrites every piece with append(piece, first, out); first: it begins the text that the user
// gave.
template <class Append>
void rewrite(Pieces& pieces, Append&& append) {
  std::string text;
  text.reserve(pieces.text.size() + pieces.text.size() / 4 + pieces.ranges.size());
  for (size_t i = 0; i < pieces.ranges.size(); ++i) {
    Pieces::Range& range = pieces.ranges[i];
    const auto begin = static_cast<uint32_t>(text.size());
    if (range.begin > 0 && i == 0) pieces.at_start = false;
    append(pieces.piece(range), i == 0 && pieces.at_start, text);
    range = {begin, static_cast<uint32_t>(text.size())};
  }
  pieces.text = std::move(text);
}

Status apply(const PrefixSpaceStep&, MatchScratch&, Pieces& pieces) {
  rewrite(pieces, [](std::string_view piece, bool, std::string& out) {
    if (!piece.starts_with(' ')) out += ' ';
    out += piece;
  });
  return {};
}

Status apply(const ByteLevelStep&, MatchScratch&, Pieces& pieces) {
  rewrite(pieces, [](std::string_view piece, bool, std::string& out) {
    byte_level::append_encoded(piece, out);
  });
  return {};
}

Status apply(const MetaspaceStep& step, MatchScratch&, Pieces& pieces) {
  using Prepend = MetaspaceStep::Prepend;
  rewrite(pieces, [&](std::string_view piece, bool first, std::string& out) {
    const bool wanted =
        step.prepend == Prepend::kAlways || (step.prepend == Prepend::kFirst && first);
    if (wanted && !piece.starts_with(' ') && !piece.starts_with(step.replacement)) {
      out += step.replacement;
    }
    for (size_t i = 0; i < piece.size();) {
      const size_t space = std::min(piece.find(' ', i), piece.size());
      out += piece.substr(i, space - i);
      if (space < piece.size()) out += step.replacement;
      i = space + 1;
    }
  });
  return {};
}

}  // namespace

Result<Pieces> PreTokenizer::run(std::string_view text, bool at_start,
                                 MatchScratch& scratch) const {
  TRY_STATUS(check_size(text));
  Pieces pieces;
  pieces.text = text;
  pieces.at_start = at_start;
  pieces.ranges.push_back({0, static_cast<uint32_t>(text.size())});
  for (const PreTokenizerStep& step : steps_) {
    TRY_STATUS(std::visit([&](const auto& s) { return apply(s, scratch, pieces); }, step));
    TRY_STATUS(check_size(pieces.text));
  }
  return pieces;
}

}  // namespace chitu
