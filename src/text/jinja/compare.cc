#include "text/jinja/compare.h"

#include <algorithm>
#include <cmath>
#include <compare>
#include <functional>

#include "text/jinja/iterate.h"
#include "text/jinja/text_search.h"

namespace chitu::jinja {
namespace {

constexpr double kTwo63 = 9223372036854775808.0;

std::partial_ordering order(int64_t a, double b) {
  if (std::isnan(b)) return std::partial_ordering::unordered;
  if (b >= kTwo63) return std::partial_ordering::less;
  if (b < -kTwo63) return std::partial_ordering::greater;
  const double whole = std::floor(b);  // exact, and within 64 bits
  const auto floor = static_cast<int64_t>(whole);
  if (a != floor) return a <=> floor;
  return whole < b ? std::partial_ordering::less : std::partial_ordering::equivalent;
}

// REQUIRES: both are numbers. Exact: no integer is rounded to a float first.
std::partial_ordering order(const Value& a, const Value& b) {
  const bool a_float = a.is(Kind::kFloat);
  const bool b_float = b.is(Kind::kFloat);
  if (a_float && b_float) return a.as_float() <=> b.as_float();
  if (b_float) return order(a.as_int(), b.as_float());
  if (a_float) return 0 <=> order(b.as_int(), a.as_float());
  return a.as_int() <=> b.as_int();
}

bool equal_items(const std::vector<Value>& a, const std::vector<Value>& b, Meter& meter) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!same(a[i], b[i]) && !equal(a[i], b[i], meter)) return false;
  }
  return true;
}

bool equal_dicts(const Dict& a, const Dict& b, Meter& meter) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a.entries()) {
    const Value* other = b.find(key, meter);
    if (other == nullptr || (!same(value, *other) && !equal(value, *other, meter))) return false;
  }
  return true;
}

bool equal_ranges(const Range& a, const Range& b) {
  const int64_t n = a.size();
  if (n != b.size()) return false;
  return n == 0 || (a.start == b.start && (n == 1 || a.step == b.step));
}

bool less_items(const std::vector<Value>& a, const std::vector<Value>& b, Meter& meter) {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (!same(a[i], b[i]) && !equal(a[i], b[i], meter)) return less(a[i], b[i], meter);
  }
  return a.size() < b.size();
}

bool ordered(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return true;
  return a.kind() == b.kind() && (a.is_string() || a.is_sequence());
}

void require_order(const Value& a, const Value& b) {
  if (a.is_undefined()) fail("{}", undefined_message(a));
  if (b.is_undefined()) fail("{}", undefined_message(b));
  if (!ordered(a, b)) fail("{} and {} have no order", type_name(a), type_name(b));
}

// a <= b is not "not b < a" for NaN, alone or within a list.
bool less_or_equal(const Value& a, const Value& b, Meter& meter) {
  if (a.is_number()) return order(a, b) <= 0;
  return less(a, b, meter) || equal(a, b, meter);
}

}  // namespace

bool truthy(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return value.as_int() != 0;
    case Kind::kFloat:
      return value.as_float() != 0;
    case Kind::kString:
      return !value.text().empty();
    case Kind::kList:
    case Kind::kTuple:
      return !value.items().empty();
    case Kind::kDict:
      return value.as<Dict>().size() > 0;
    case Kind::kRange:
      return value.as<Range>().size() > 0;
    case Kind::kDictView:
      return value.as<DictView>().dict->size() > 0;
    default:
      return true;
  }
}

bool same(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kNone:
      return true;
    case Kind::kBool:
    case Kind::kInt:
      return a.as_int() == b.as_int();
    case Kind::kFloat:
      return false;
    default:
      return a.shared() == b.shared();
  }
}

bool equal(const Value& a, const Value& b, Meter& meter) {
  if (a.is_number() && b.is_number()) return order(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kUndefined:
      return true;
    case Kind::kNone:
      return true;
    case Kind::kString:
      if (a.text().size() != b.text().size()) return false;
      meter.scan(a.text().size());
      return a.text() == b.text();
    case Kind::kList:
    case Kind::kTuple:
      meter.step();
      return equal_items(a.items(), b.items(), meter);
    case Kind::kDict:
      meter.step();
      return equal_dicts(a.as<Dict>(), b.as<Dict>(), meter);
    case Kind::kRange:
      return equal_ranges(a.as<Range>(), b.as<Range>());
    default:
      return a.shared() == b.shared();
  }
}

bool less(const Value& a, const Value& b, Meter& meter) {
  require_order(a, b);
  if (a.is_number()) return order(a, b) < 0;
  if (a.is_string()) {
    meter.scan(std::min(a.text().size(), b.text().size()));
    return a.text() < b.text();  // UTF-8 sorts as its code points do
  }
  meter.step();
  return less_items(a.items(), b.items(), meter);
}

bool compare(CompareOp op, const Value& a, const Value& b, Runtime& rt) {
  Meter& meter = rt.meter();
  switch (op) {
    case CompareOp::kEq:
      return equal(a, b, meter);
    case CompareOp::kNe:
      return !equal(a, b, meter);
    case CompareOp::kIn:
      return contains(b, a, rt);
    case CompareOp::kNotIn:
      return !contains(b, a, rt);
    default:
      break;
  }
  require_order(a, b);
  switch (op) {
    case CompareOp::kLt:
      return less(a, b, meter);
    case CompareOp::kGt:
      return less(b, a, meter);
    case CompareOp::kLe:
      return less_or_equal(a, b, meter);
    default:
      return less_or_equal(b, a, meter);
  }
}

bool contains(const Value& container, const Value& item, Runtime& rt) {
  switch (container.kind()) {
    case Kind::kUndefined:
      return false;
    case Kind::kString:
      if (!item.is_string())
        fail("'in' looks for a string in a string, not for {}", type_name(item));
      return Matches(container.text(), item.text(), Matches::From::kLeft, rt.meter()).next() !=
             Matches::kNone;
    case Kind::kDict:
      return container.as<Dict>().find(item, rt.meter()) != nullptr;
    case Kind::kDictView:
      if (container.as<DictView>().part == DictView::Part::kKeys) {
        return container.as<DictView>().dict->find(item, rt.meter()) != nullptr;
      }
      break;
    default:
      break;
  }
  const auto items = iterate(container, rt);
  Value candidate;
  while (items->next(rt, candidate)) {
    rt.meter().step();
    if (same(candidate, item) || equal(candidate, item, rt.meter())) return true;
  }
  return false;
}

size_t hash_of(std::string_view text, Meter& meter) {
  meter.scan(text.size());
  const size_t hash = std::hash<std::string_view>{}(text);
  return hash == 0 ? 1 : hash;  // 0 stands for one that is not computed yet
}

size_t hash_of(const Value& value, Meter& meter) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return 1;
    case Kind::kNone:
      return 2;
    case Kind::kBool:
    case Kind::kInt:
      return std::hash<int64_t>{}(value.as_int());
    case Kind::kFloat: {
      const double d = value.as_float();
      if (d == std::floor(d) && d >= -kTwo63 && d < kTwo63) {
        return std::hash<int64_t>{}(static_cast<int64_t>(d));
      }
      return std::hash<double>{}(d);
    }
    case Kind::kString:
      return value.as<String>().hash(meter);
    case Kind::kTuple: {
      // Kept, because tuples that share their parts would otherwise cost exponential time.
      const auto& tuple = value.as<Sequence>();
      if (tuple.hash == 0) {
        size_t hash = 3;
        for (const Value& item : tuple.items) hash = hash * 31 + hash_of(item, meter);
        tuple.hash = hash == 0 ? 1 : hash;
      }
      return tuple.hash;
    }
    case Kind::kList:
    case Kind::kDict:
      fail("a {} cannot be a key", type_name(value));
    case Kind::kDictView:
      if (value.as<DictView>().part != DictView::Part::kValues) {
        fail("a {} cannot be a key", type_name(value));
      }
      return std::hash<const Object*>{}(value.shared().get());
    case Kind::kRange:
      return static_cast<size_t>(value.as<Range>().size());
    default:
      return std::hash<const Object*>{}(value.shared().get());
  }
}

}  // namespace chitu::jinja
