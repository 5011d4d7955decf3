#include "text/bpe.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>

#include "base/quote.h"
#include "text/utf8.h"

namespace chitu {
namespace {

constexpr int32_t kEnd = -1;

// Up to here a scan for the lowest rank is faster than a heap.
constexpr size_t kShortWord = 40;

// Symbols of a long word that are looked at together.
constexpr size_t kWindow = 8192;

constexpr size_t kMergeBatch = 16;

constexpr size_t kBoundaryBits = size_t{1} << 20;

// Bytes hashed while the splits of all tokens are tried; real vocabularies need some 10^7.
constexpr uint64_t kSplitWork = uint64_t{1} << 30;

}  // namespace

Bpe::Bpe(const Vocabulary& vocabulary, const BpeOptions& options)
    : vocabulary_(&vocabulary), options_(options) {
  for (char32_t c = 0; c < kDirectCharacters; ++c) {
    std::string character;
    utf8::append(c, character);
    direct_[c] = vocabulary.find(character);
  }
  for (size_t byte = 0; byte < byte_tokens_.size(); ++byte) {
    byte_tokens_[byte] = options.byte_fallback ? vocabulary.find(fmt::format("<0x{:02X}>", byte))
                                               : Vocabulary::kNone;
  }
}

Result<Bpe> Bpe::from_merges(const Vocabulary& vocabulary, const Merges& merges,
                             const BpeOptions& options) {
  Bpe bpe(vocabulary, options);
  bpe.reserve_pairs(merges.size());
  for (size_t begin = 0; begin < merges.size(); begin += kMergeBatch) {
    TRY_STATUS(bpe.add_merges(merges, begin, std::min(begin + kMergeBatch, merges.size())));
  }
  bpe.note_boundaries();
  return bpe;
}

// A batch's lookups overlap, so that they wait for memory together.
Status Bpe::add_merges(const Merges& merges, size_t begin, size_t end) {
  std::array<std::string, kMergeBatch> joined;
  std::array<std::array<Vocabulary::Key, 3>, kMergeBatch> keys;
  std::array<Pair, kMergeBatch> pairs;
  for (size_t rank = begin; rank < end; ++rank) {
    const auto [left, right] = merges[rank];
    std::string& both = joined[rank - begin];
    both.append(left).append(right);
    keys[rank - begin] = {vocabulary_->prepare(left), vocabulary_->prepare(right),
                          vocabulary_->prepare(both)};
  }
  for (size_t rank = begin; rank < end; ++rank) {
    const auto& [left, right, result] = keys[rank - begin];
    Pair& pair = pairs[rank - begin];
    pair = {vocabulary_->find(left), vocabulary_->find(right), static_cast<uint32_t>(rank),
            vocabulary_->find(result)};
    for (const auto& [id, key] : {std::pair{pair.left, &left}, std::pair{pair.right, &right},
                                  std::pair{pair.result, &result}}) {
      if (id != Vocabulary::kNone) continue;
      return make_error(ErrorCode::kCorrupt, "merge {} ({} {}): {} is not in the vocabulary", rank,
                        quote(left.token), quote(right.token), quote(key->token));
    }
    __builtin_prefetch(&pairs_[hash_pair(pair.left, pair.right) & (pairs_.size() - 1)], 1);
  }
  for (size_t i = 0; i < end - begin; ++i) set_pair(pairs[i]);
  return {};
}

Result<Bpe> Bpe::from_ranks(const Vocabulary& vocabulary, const std::vector<uint32_t>& ranks,
                            const BpeOptions& options) {
  Bpe bpe(vocabulary, options);
  bpe.reserve_pairs(2 * ranks.size());
  uint64_t work = 0;
  for (size_t id = 0; id < ranks.size(); ++id) {
    if (ranks[id] == kNoRank) continue;
    const std::string_view token = vocabulary.token(static_cast<int32_t>(id));
    for (size_t cut = token.empty() ? 0 : utf8::length(token[0]); cut < token.size();
         cut += utf8::length(token[cut])) {
      work += token.size();
      const int32_t left = vocabulary.find(token.substr(0, cut));
      if (left == Vocabulary::kNone) continue;
      const int32_t right = vocabulary.find(token.substr(cut));
      if (right == Vocabulary::kNone) continue;
      bpe.set_pair({left, right, ranks[id], static_cast<int32_t>(id)});
    }
    if (work > kSplitWork) {
      return make_error(ErrorCode::kResourceExhausted, "the vocabulary has too many long tokens");
    }
  }
  bpe.note_boundaries();
  return bpe;
}

void Bpe::reserve_pairs(size_t count) {
  const size_t slots = std::bit_ceil(2 * count + 16);
  if (slots <= pairs_.size()) return;
  std::vector<Pair> old(slots);
  old.swap(pairs_);
  pair_count_ = 0;
  for (const Pair& pair : old) {
    if (pair.left != Vocabulary::kNone) set_pair(pair);
  }
}

// A later rule for the same pair replaces the earlier one, as in the `tokenizers` library.
void Bpe::set_pair(const Pair& pair) {
  if (2 * pair_count_ >= pairs_.size()) reserve_pairs(2 * pair_count_);
  const size_t mask = pairs_.size() - 1;
  size_t i = hash_pair(pair.left, pair.right) & mask;
  while (pairs_[i].left != Vocabulary::kNone &&
         (pairs_[i].left != pair.left || pairs_[i].right != pair.right)) {
    i = (i + 1) & mask;
  }
  if (pairs_[i].left == Vocabulary::kNone) ++pair_count_;
  pairs_[i] = pair;
}

size_t Bpe::hash_pair(int32_t left, int32_t right) {
  const uint64_t key =
      static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  const uint64_t product = key * 0x9E3779B97F4A7C15u;
  return static_cast<size_t>(product ^ product >> 32);
}

const Bpe::Pair* Bpe::find_pair(int32_t left, int32_t right) const {
  const size_t mask = pairs_.size() - 1;
  for (size_t i = hash_pair(left, right) & mask;; i = (i + 1) & mask) {
    const Pair& pair = pairs_[i];
    if (pair.left == left && pair.right == right) return &pair;
    if (pair.left == Vocabulary::kNone) return nullptr;
  }
}

// A merge across two neighbouring symbols needs a rule whose left part ends in the one and whose
// right part begins with the other. Where there is none, a long word falls into two.
void Bpe::note_boundaries() {
  boundaries_.assign(kBoundaryBits / 64, 0);
  std::vector<bool> indirect(static_cast<size_t>(vocabulary_->size()));
  if (options_.unknown != Vocabulary::kNone) indirect[static_cast<size_t>(options_.unknown)] = true;
  for (const int32_t id : byte_tokens_) {
    if (id != Vocabulary::kNone) indirect[static_cast<size_t>(id)] = true;
  }
  for (const Pair& pair : pairs_) {
    if (pair.left == Vocabulary::kNone) continue;
    if (indirect[static_cast<size_t>(pair.left)] || indirect[static_cast<size_t>(pair.right)]) {
      boundaries_.clear();  // such a token's text does not say which symbols it stands for
      return;
    }
    const int32_t left = boundary_symbol(pair.left, true);
    const int32_t right = boundary_symbol(pair.right, false);
    if (left == Vocabulary::kNone || right == Vocabulary::kNone) continue;
    const size_t bit = boundary_bit(left, right);
    boundaries_[bit / 64] |= uint64_t{1} << (bit % 64);
  }
}

int32_t Bpe::boundary_symbol(int32_t token, bool last) const {
  const std::string_view text = vocabulary_->token(token);
  if (text.empty()) return Vocabulary::kNone;
  return symbol_of(last ? utf8::last_character(text) : text.substr(0, utf8::length(text[0])));
}

size_t Bpe::boundary_bit(int32_t left, int32_t right) {
  return hash_pair(left, right) % kBoundaryBits;
}

bool Bpe::may_join(int32_t left, int32_t right) const {
  const size_t bit = boundary_bit(left, right);
  return (boundaries_[bit / 64] >> (bit % 64) & 1) != 0;
}

int32_t Bpe::symbol_of(std::string_view character) const {
  const char32_t c = utf8::code_point(character);
  return c < kDirectCharacters ? direct_[c] : vocabulary_->find(character);
}

// Appends about `count` symbols, or those of all that is left.
void Bpe::append_symbols(Input& input, size_t count, std::vector<Symbol>& symbols) const {
  const auto add = [&](int32_t id) { symbols.push_back({id, kNoRank, 0, 0, 0}); };
  const size_t enough = symbols.size() + count;
  while (!input.rest.empty() && symbols.size() < enough) {
    const std::string_view character = input.rest.substr(0, utf8::length(input.rest[0]));
    input.rest.remove_prefix(character.size());
    const int32_t id = symbol_of(character);
    if (id != Vocabulary::kNone) {
      if (input.pending_unknown) add(options_.unknown);
      input.pending_unknown = false;
      add(id);
    } else if (options_.byte_fallback && append_bytes(character, symbols)) {
      // An unknown character before the bytes comes out after them, as in `tokenizers`.
    } else if (options_.unknown != Vocabulary::kNone) {
      if (input.pending_unknown && !options_.fuse_unknown) add(options_.unknown);
      input.pending_unknown = true;
    } else if (options_.refuse_unknown) {
      input.refused = true;
    }
  }
  if (input.rest.empty() && input.pending_unknown) add(options_.unknown);
}

bool Bpe::append_bytes(std::string_view character, std::vector<Symbol>& symbols) const {
  const auto token_of = [&](char byte) { return byte_tokens_[static_cast<unsigned char>(byte)]; };
  for (const char byte : character) {
    if (token_of(byte) == Vocabulary::kNone) return false;
  }
  for (const char byte : character) symbols.push_back({token_of(byte), kNoRank, 0, 0, 0});
  return true;
}

// The end of the symbols from `begin` on that merges might join.
size_t Bpe::stretch_end(const std::vector<Symbol>& symbols, size_t begin) const {
  if (symbols.size() - begin <= kShortWord || boundaries_.empty()) return symbols.size();
  size_t end = begin + 1;
  while (end < symbols.size() && may_join(symbols[end - 1].id, symbols[end].id)) ++end;
  return end;
}

Status Bpe::tokenize(std::string_view word, Scratch& scratch, std::vector<int32_t>& out) const {
  if (options_.ignore_merges) {
    const int32_t id = vocabulary_->find(word);
    if (id != Vocabulary::kNone) {
      out.push_back(id);
      return {};
    }
  }
  std::vector<Symbol>& symbols = scratch.symbols;
  symbols.clear();
  for (Input input{word}; !input.rest.empty();) {
    // As many again as an open stretch has, so that scanning it anew stays linear.
    const size_t count = std::max(kWindow, symbols.size());
    append_symbols(input, std::min(count, kMaxSymbols + 1 - symbols.size()), symbols);
    if (input.refused) {
      return make_error(ErrorCode::kCorrupt,
                        "the text has characters that are not in the tokenizer's vocabulary, and "
                        "its unk_token is not either");
    }
    size_t begin = 0;
    while (begin < symbols.size()) {
      const size_t end = stretch_end(symbols, begin);
      if (end == symbols.size() && !input.rest.empty()) break;  // it may go on
      if (end - begin > kMaxSymbols) break;
      if (end - begin <= kShortWord) {
        merge_short(&symbols[begin], end - begin, out);
      } else {
        merge_long(&symbols[begin], end - begin, scratch.heap, out);
      }
      begin = end;
    }
    if (symbols.size() - begin > kMaxSymbols) {
      return make_error(ErrorCode::kResourceExhausted,
                        "the text has more than {} characters without a place where the tokenizer "
                        "could cut it",
                        kMaxSymbols);
    }
    symbols.erase(symbols.begin(), symbols.begin() + static_cast<ptrdiff_t>(begin));
  }
  return {};
}

void Bpe::rank_with_next(Symbol& symbol, const Symbol* next) const {
  const Pair* pair = next == nullptr ? nullptr : find_pair(symbol.id, next->id);
  symbol.rank = pair == nullptr ? kNoRank : pair->rank;
  symbol.result = pair == nullptr ? 0 : pair->result;
}

void Bpe::merge_short(Symbol* symbols, size_t count, std::vector<int32_t>& out) const {
  const auto next_of = [&](size_t i) { return i + 1 < count ? &symbols[i + 1] : nullptr; };
  for (size_t i = 0; i < count; ++i) rank_with_next(symbols[i], next_of(i));
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (symbols[i].rank < symbols[best].rank) best = i;
    }
    if (symbols[best].rank == kNoRank) break;
    symbols[best].id = symbols[best].result;
    std::memmove(&symbols[best + 1], &symbols[best + 2], (count - best - 2) * sizeof(Symbol));
    --count;
    rank_with_next(symbols[best], next_of(best));
    if (best > 0) rank_with_next(symbols[best - 1], &symbols[best]);
  }
  for (size_t i = 0; i < count; ++i) out.push_back(symbols[i].id);
}

// The symbols form a linked list; the heap holds (rank, position). An entry whose pair has changed
// since is recognised by its rank: a pair at one position only ever stands for longer text, so it
// never gets the rank back that it had.
void Bpe::merge_long(Symbol* symbols, size_t count, std::vector<uint64_t>& heap,
                     std::vector<int32_t>& out) const {
  const auto at = [&](int32_t i) { return i == kEnd ? nullptr : &symbols[i]; };
  const auto entry = [&](int32_t i) {
    return static_cast<uint64_t>(symbols[i].rank) << 32 | static_cast<uint32_t>(i);
  };
  heap.clear();
  const auto last = static_cast<int32_t>(count) - 1;
  for (int32_t i = 0; i <= last; ++i) {
    symbols[i].previous = i - 1;
    symbols[i].next = i == last ? kEnd : i + 1;
    rank_with_next(symbols[i], at(symbols[i].next));
    if (symbols[i].rank != kNoRank) heap.push_back(entry(i));
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  const auto update = [&](int32_t i) {
    rank_with_next(symbols[i], at(symbols[i].next));
    if (symbols[i].rank == kNoRank) return;
    heap.push_back(entry(i));
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  while (!heap.empty()) {
    const uint64_t top = heap.front();
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    heap.pop_back();
    const auto i = static_cast<int32_t>(top & UINT32_MAX);
    Symbol& symbol = symbols[i];
    if (symbol.rank != top >> 32) continue;
    Symbol& merged = symbols[symbol.next];
    symbol.id = symbol.result;
    symbol.next = merged.next;
    merged.rank = kNoRank;
    if (symbol.next != kEnd) symbols[symbol.next].previous = i;
    update(i);
    if (symbol.previous != kEnd) update(symbol.previous);
  }
  for (int32_t i = 0; i != kEnd; i = symbols[i].next) out.push_back(symbols[i].id);
}

}  // namespace chitu
