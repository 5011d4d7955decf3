#include "text/jinja/iterate.h"

#include "text/jinja/loop.h"
#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

struct SequenceIterator : Iterator {
  explicit SequenceIterator(std::shared_ptr<Sequence> s) : sequence(std::move(s)) {}
  bool next(Runtime&, Value& out) override {
    if (position >= sequence->items.size()) return false;
    out = sequence->items[position++];
    return true;
  }
  std::shared_ptr<Sequence> sequence;
  size_t position = 0;
};

struct StringIterator : Iterator {
  explicit StringIterator(std::shared_ptr<String> s) : string(std::move(s)) {}
  bool next(Runtime& rt, Value& out) override {
    if (position >= string->text.size()) return false;
    const size_t begin = position;
    next_code_point(string->text, position);
    out = rt.string(string->text.substr(begin, position - begin));
    return true;
  }
  std::shared_ptr<String> string;
  size_t position = 0;
};

struct RangeIterator : Iterator {
  explicit RangeIterator(std::shared_ptr<Range> r) : range(std::move(r)) {}
  bool next(Runtime&, Value& out) override {
    if (position >= range->size()) return false;
    out = Value::integer(range->at(position++));
    return true;
  }
  std::shared_ptr<Range> range;
  int64_t position = 0;
};

struct DictIterator : Iterator {
  DictIterator(DictView::Part p, std::shared_ptr<Dict> d) : part(p), dict(std::move(d)) {}
  bool next(Runtime& rt, Value& out) override {
    if (position >= dict->size()) return false;
    const auto& [key, value] = dict->entries()[position++];
    switch (part) {
      case DictView::Part::kKeys:
        out = key;
        break;
      case DictView::Part::kValues:
        out = value;
        break;
      case DictView::Part::kItems:
        out = rt.tuple({key, value});
        break;
    }
    return true;
  }
  DictView::Part part;
  std::shared_ptr<Dict> dict;
  size_t position = 0;
};

struct EmptyIterator : Iterator {
  bool next(Runtime&, Value&) override { return false; }
};

}  // namespace

std::shared_ptr<Iterator> iterate(const Value& value, Runtime& rt) {
  const int depth = value.depth();
  switch (value.kind()) {
    case Kind::kUndefined:
      return rt.make<EmptyIterator>(0);
    case Kind::kString:
      return rt.make<StringIterator>(depth, value.share<String>());
    case Kind::kList:
    case Kind::kTuple:
      return rt.make<SequenceIterator>(depth, value.share<Sequence>());
    case Kind::kDict:
      return rt.make<DictIterator>(depth, DictView::Part::kKeys, value.share<Dict>());
    case Kind::kRange:
      return rt.make<RangeIterator>(depth, value.share<Range>());
    case Kind::kDictView:
      return rt.make<DictIterator>(depth, value.as<DictView>().part, value.as<DictView>().dict);
    case Kind::kIterator:
      return value.share<Iterator>();
    case Kind::kLoop:
      return loop_iterator(value, rt);
    default:
      fail("a value of type {} cannot be iterated over", type_name(value));
  }
}

bool iterable(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kRange:
    case Kind::kDictView:
    case Kind::kIterator:
    case Kind::kLoop:
      return true;
    default:
      return false;
  }
}

std::vector<Value> to_vector(const Value& value, Runtime& rt) {
  if (value.is_sequence()) {
    rt.meter().step(static_cast<int64_t>(value.items().size()));
    return value.items();
  }
  const auto iterator = iterate(value, rt);
  ListBuilder out(rt);
  Value item;
  while (iterator->next(rt, item)) {
    rt.meter().step();
    out.append(item);
  }
  return out.take();
}

int64_t length_or_negative(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return 0;
    case Kind::kString:
      return value.as<String>().length();
    case Kind::kList:
    case Kind::kTuple:
      return static_cast<int64_t>(value.items().size());
    case Kind::kDict:
      return static_cast<int64_t>(value.as<Dict>().size());
    case Kind::kRange:
      return value.as<Range>().size();
    case Kind::kDictView:
      return static_cast<int64_t>(value.as<DictView>().dict->size());
    default:
      return -1;
  }
}

int64_t length(const Value& value, Runtime& rt) {
  if (value.is(Kind::kLoop)) return loop_length(value.as<Loop>(), rt);
  const int64_t n = length_or_negative(value);
  if (n < 0) fail("a value of type {} has no length", type_name(value));
  return n;
}

}  // namespace chitu::jinja
