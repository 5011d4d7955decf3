#include "text/charsmap.h"

#include <bit>
#include <cstring>

#include "text/utf8.h"

namespace chitu {
namespace {

// A unit of the double array, as darts-clone packs it.
bool has_leaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t value_of(uint32_t unit) { return unit & 0x7FFFFFFF; }
uint32_t label_of(uint32_t unit) { return unit & 0x800000FF; }
uint32_t offset_of(uint32_t unit) { return unit >> 10 << ((unit & 0x200) >> 6); }

uint32_t read_u32(const char* bytes) {
  uint32_t value;
  std::memcpy(&value, bytes, sizeof value);
  if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap32(value);
  return value;
}

bool is_utf8(std::string_view text) { return utf8::valid_prefix(text) == text.size(); }

}  // namespace

Result<Charsmap> Charsmap::parse(std::string_view blob) {
  Charsmap map;
  if (blob.empty()) return map;
  const size_t trie_bytes = blob.size() >= 4 ? read_u32(blob.data()) : 0;
  if (trie_bytes == 0 || trie_bytes % 4 != 0 || trie_bytes > blob.size() - 4) {
    return make_error(ErrorCode::kCorrupt,
                      "precompiled_charsmap: {} bytes cannot hold a trie of {} bytes", blob.size(),
                      trie_bytes);
  }
  blob.remove_prefix(4);
  map.units_.resize(trie_bytes / 4);
  for (size_t i = 0; i < map.units_.size(); ++i) map.units_[i] = read_u32(blob.data() + 4 * i);
  map.replacements_ = blob.substr(trie_bytes);
  return map;
}

// Every index is checked, and entries that would cut a character or are none are passed over: the
// table comes from a file.
template <class F>
void Charsmap::for_each_prefix(std::string_view text, MatchScratch& scratch, F&& f) const {
  if (units_.empty()) return;
  size_t node = offset_of(units_[0]);
  for (size_t i = 0; i < text.size() && !scratch.exhausted(); ++i) {
    scratch.spend(1);
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (byte == 0 || node >= units_.size() || label_of(units_[node]) != byte) return;
    const uint32_t unit = units_[node];
    node ^= offset_of(unit);
    if (!has_leaf(unit)) continue;
    if (node >= units_.size() || value_of(units_[node]) >= replacements_.size()) return;
    const Match found = match(i + 1, value_of(units_[node]));
    scratch.spend(found.replacement.size());
    if (utf8::ends_character(text, i + 1) && is_utf8(found.replacement) && !f(found)) return;
  }
}

Charsmap::Match Charsmap::match(size_t length, uint32_t value) const {
  const std::string_view rest = std::string_view(replacements_).substr(value);
  return {length, rest.substr(0, rest.find('\0'))};
}

std::optional<Charsmap::Match> Charsmap::shortest_prefix(std::string_view text,
                                                         MatchScratch& scratch) const {
  std::optional<Match> found;
  for_each_prefix(text, scratch, [&](const Match& match) {
    found = match;
    return false;
  });
  return found;
}

std::optional<Charsmap::Match> Charsmap::longest_prefix(std::string_view text,
                                                        MatchScratch& scratch) const {
  std::optional<Match> found;
  for_each_prefix(text, scratch, [&](const Match& match) {
    found = match;
    return true;
  });
  return found;
}

}  // namespace chitu
