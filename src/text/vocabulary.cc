#include "text/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "text/utf8.h"

namespace chitu {
namespace {

// Ids may leave gaps, but not gaps that a small file could blow up into a large table.
constexpr size_t kIdSlack = 65536;
constexpr size_t kMaxBytes = size_t{1} << 30;

// Multiply and fold, eight bytes at a time.
uint32_t hash_of(std::string_view text) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15u;
  const auto mix = [](uint64_t a) {
    const auto product = static_cast<unsigned __int128>(a) * kMultiplier;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  uint64_t hash = text.size();
  const char* p = text.data();
  size_t n = text.size();
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    hash = mix(hash ^ word);
  }
  uint64_t word = 0;
  if (n > 0) std::memcpy(&word, p, n);
  hash = mix(hash ^ word);
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

}  // namespace

void Vocabulary::reserve(size_t count, size_t bytes) {
  expected_ = count;
  bytes_.reserve(bytes);
  spans_.reserve(count);
  grow(slots_for(count));
}

Status Vocabulary::add(std::string_view token, int64_t id) {
  if (token.size() > kMaxTokenBytes) {
    return make_error(ErrorCode::kCorrupt, "token {} has {} bytes; at most {} are allowed", id,
                      token.size(), kMaxTokenBytes);
  }
  if (utf8::valid_prefix(token) != token.size()) {
    return make_error(ErrorCode::kCorrupt, "token {} is not UTF-8", id);
  }
  if (count_ == kMaxTokens) {
    return make_error(ErrorCode::kResourceExhausted, "there are more than {} tokens", kMaxTokens);
  }
  const size_t limit = 4 * std::max(expected_, count_) + kIdSlack;
  if (id < 0 || static_cast<uint64_t>(id) >= limit) {
    return make_error(ErrorCode::kCorrupt, "token id {} lies outside the vocabulary of {} tokens",
                      id, std::max(expected_, count_));
  }
  if (bytes_.size() + token.size() > kMaxBytes) {
    return make_error(ErrorCode::kResourceExhausted, "the tokens have more than {} bytes in all",
                      kMaxBytes);
  }
  const auto index = static_cast<size_t>(id);
  if (index >= spans_.size()) spans_.resize(index + 1);
  if (spans_[index].length != kAbsent) {
    return make_error(ErrorCode::kCorrupt, "two tokens have the id {}", id);
  }
  spans_[index] = {static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(token.size())};
  bytes_ += token;
  ++count_;
  if (slots_for(count_) > slots_.size()) grow(slots_for(2 * count_));
  const Key key = prepare(token);
  Slot& slot = slots_[slot_of(key)];
  if (slot.id == kNone) slot = {key.hash, static_cast<int32_t>(id)};
  return {};
}

Vocabulary::Key Vocabulary::prepare(std::string_view token) const {
  const Key key{token, hash_of(token)};
  if (!slots_.empty()) __builtin_prefetch(&slots_[key.hash & (slots_.size() - 1)]);
  return key;
}

int32_t Vocabulary::find(const Key& key) const {
  return slots_.empty() ? kNone : slots_[slot_of(key)].id;
}

std::string_view Vocabulary::token(int32_t id) const {
  if (!has(id)) return {};
  const Span span = spans_[static_cast<size_t>(id)];
  return std::string_view(bytes_).substr(span.offset, span.length);
}

bool Vocabulary::has(int32_t id) const {
  return id >= 0 && id < size() && spans_[static_cast<size_t>(id)].length != kAbsent;
}

void Vocabulary::grow(size_t slots) {
  if (slots <= slots_.size()) return;
  std::vector<Slot> old(slots);
  old.swap(slots_);
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.id == kNone) continue;
    size_t i = slot.hash & mask;
    while (slots_[i].id != kNone) i = (i + 1) & mask;
    slots_[i] = slot;
  }
}

// At most two thirds are taken.
size_t Vocabulary::slots_for(size_t tokens) { return std::bit_ceil(tokens + tokens / 2 + 16); }

// The slot that holds the token, or the free one where it would stand.
size_t Vocabulary::slot_of(const Key& key) const {
  const size_t mask = slots_.size() - 1;
  size_t i = key.hash & mask;
  while (slots_[i].id != kNone &&
         (slots_[i].hash != key.hash || token(slots_[i].id) != key.token)) {
    i = (i + 1) & mask;
  }
  return i;
}

}  // namespace chitu
