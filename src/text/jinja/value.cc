#include "text/jinja/value.h"

#include <algorithm>

#include "text/jinja/compare.h"
#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

constexpr int kMaxValueDepth = 200;
constexpr size_t kLinearSearch = 8;  // below this many entries an index costs more than it saves

}  // namespace

void check_depth(int depth) {
  if (depth > kMaxValueDepth) {
    fail_limit("a value nests deeper than its limit of {} containers", kMaxValueDepth);
  }
}

const std::string& Value::text() const { return as<String>().text; }

bool Value::is_markup() const { return is_string() && as<String>().markup; }

const std::vector<Value>& Value::items() const { return as<Sequence>().items; }

int64_t String::length() const {
  int64_t length = length_.load(std::memory_order_relaxed);
  if (length < 0) {
    length = count_code_points(text);
    length_.store(length, std::memory_order_relaxed);
  }
  return length;
}

size_t String::offset(int64_t index, Meter& meter) const {
  if (ascii()) return static_cast<size_t>(std::clamp<int64_t>(index, 0, length()));
  const size_t offset = code_point_offset(text, index);
  meter.scan(offset);
  return offset;
}

int64_t String::index_at(size_t offset, Meter& meter) const {
  if (ascii()) return static_cast<int64_t>(offset);
  meter.scan(offset);
  return count_code_points(std::string_view(text).substr(0, offset));
}

size_t String::hash(Meter& meter) const {
  size_t hash = hash_.load(std::memory_order_relaxed);
  if (hash == 0) {
    hash = hash_of(text, meter);
    hash_.store(hash, std::memory_order_relaxed);
  }
  return hash;
}

template <class Equal>
int64_t Dict::locate(size_t hash, Equal equal, Meter& meter) const {
  if (entries_.size() <= kLinearSearch) {
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (equal(entries_[i].first)) return static_cast<int64_t>(i);
    }
    return -1;
  }
  const auto [first, last] = index_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    meter.step();  // a template can choose keys whose hashes collide
    if (equal(entries_[it->second].first)) return it->second;
  }
  return -1;
}

const Value* Dict::find(const Value& key, Meter& meter) const {
  const auto same = [&](const Value& k) { return equal(k, key, meter); };
  const int64_t i = locate(hash_of(key, meter), same, meter);
  return i < 0 ? nullptr : &entries_[static_cast<size_t>(i)].second;
}

const Value* Dict::find(std::string_view key, Meter& meter) const {
  const auto same = [&](const Value& k) { return k.is_string() && k.text() == key; };
  const int64_t i = locate(hash_of(key, meter), same, meter);
  return i < 0 ? nullptr : &entries_[static_cast<size_t>(i)].second;
}

void Dict::set(Value key, Value value, Meter& meter) {
  const size_t hash = hash_of(key, meter);
  const auto same = [&](const Value& k) { return equal(k, key, meter); };
  const int64_t i = locate(hash, same, meter);
  if (i >= 0) {
    entries_[static_cast<size_t>(i)].second = std::move(value);
    return;
  }
  charge.grow(sizeof(Entry) + 32);
  depth = std::max(depth, 1 + std::max(key.depth(), value.depth()));
  check_depth(depth);
  entries_.emplace_back(std::move(key), std::move(value));
  if (entries_.size() == kLinearSearch + 1) {
    for (size_t e = 0; e + 1 < entries_.size(); ++e) {
      index_.emplace(hash_of(entries_[e].first, meter), static_cast<uint32_t>(e));
    }
  }
  if (entries_.size() > kLinearSearch) {
    index_.emplace(hash, static_cast<uint32_t>(entries_.size() - 1));
  }
}

void Dict::clear() {
  entries_.clear();
  index_.clear();
}

int64_t Range::size() const {
  if (step > 0) return start < stop ? (stop - start - 1) / step + 1 : 0;
  return start > stop ? (start - stop - 1) / -step + 1 : 0;
}

std::string_view type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return value.is_markup() ? "Markup" : "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kRange:
      return "range";
    case Kind::kDictView:
      switch (value.as<DictView>().part) {
        case DictView::Part::kKeys:
          return "dict_keys";
        case DictView::Part::kValues:
          return "dict_values";
        case DictView::Part::kItems:
          return "dict_items";
      }
      break;
    case Kind::kIterator:
      return "generator";
    case Kind::kNamespace:
      return "Namespace";
    case Kind::kFunction:
      return "function";
    case Kind::kMacro:
      return "Macro";
    case Kind::kLoop:
      return "LoopContext";
    case Kind::kCycler:
      return "Cycler";
    case Kind::kJoiner:
      return "Joiner";
  }
  return "object";
}

std::string undefined_message(const Value& value) {
  if (value.shared() == nullptr) return "the value is undefined";
  return value.as<UndefinedHint>().message;
}

}  // namespace chitu::jinja
