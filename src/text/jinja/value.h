// The values of a template: Python's None, bool, int, float, str, list, tuple, dict, range, dict
// views and iterators, and Jinja's undefined, namespace, macro, loop, cycler and joiner.
//
// A Value is a small handle; strings and containers are shared and never change once built, as the
// immutable sandbox has it. Only namespaces, iterators, loops, cyclers and joiners have state.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/jinja/meter.h"

namespace chitu::jinja {

class Runtime;
struct Args;

enum class Kind : uint8_t {
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kList,
  kTuple,
  kDict,
  kRange,
  kDictView,
  kIterator,
  kNamespace,
  kFunction,
  kMacro,
  kLoop,
  kCycler,
  kJoiner,
};

struct Object {
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;

  Charge charge;
  int depth = 1;  // of the objects held within; bounded, so that recursion over them is safe
};

void check_depth(int depth);  // fails when it is past the limit

class Value {
 public:
  Value() : kind_(Kind::kUndefined), int_(0) {}
  static Value none() { return Value(Kind::kNone); }
  static Value boolean(bool b) { return Value(Kind::kBool, int64_t{b}); }
  static Value integer(int64_t i) { return Value(Kind::kInt, i); }
  static Value real(double d) {
    Value v(Kind::kFloat);
    v.float_ = d;
    return v;
  }
  static Value object(Kind kind, std::shared_ptr<Object> object) {
    Value v(kind);
    v.object_ = std::move(object);
    return v;
  }

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_undefined() const { return kind_ == Kind::kUndefined; }
  bool is_none() const { return kind_ == Kind::kNone; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_sequence() const { return kind_ == Kind::kList || kind_ == Kind::kTuple; }
  bool is_integral() const { return kind_ == Kind::kInt || kind_ == Kind::kBool; }
  bool is_number() const { return is_integral() || kind_ == Kind::kFloat; }

  bool as_bool() const { return int_ != 0; }  // REQUIRES: kBool
  int64_t as_int() const { return int_; }     // REQUIRES: is_integral(); True is 1
  double as_float() const { return float_; }  // REQUIRES: kFloat
  double as_number() const {                  // REQUIRES: is_number()
    return kind_ == Kind::kFloat ? float_ : static_cast<double>(int_);
  }

  // REQUIRES: the kind that T implements
  template <class T>
  T& as() const {
    return static_cast<T&>(*object_);
  }
  const std::string& text() const;          // REQUIRES: kString
  bool is_markup() const;                   // a string that |e or |safe marked as HTML
  const std::vector<Value>& items() const;  // REQUIRES: is_sequence()

  const std::shared_ptr<Object>& shared() const { return object_; }
  template <class T>
  std::shared_ptr<T> share() const {
    return std::static_pointer_cast<T>(object_);
  }
  int depth() const { return object_ == nullptr ? 0 : object_->depth; }

 private:
  explicit Value(Kind kind, int64_t i = 0) : kind_(kind), int_(i) {}

  Kind kind_;
  union {
    int64_t int_;
    double float_;
  };
  std::shared_ptr<Object> object_;
};

struct String : Object {
  explicit String(std::string t, bool m = false) : text(std::move(t)), markup(m) {}

  // In code points, as Python counts.
  int64_t length() const;
  bool ascii() const { return length() == static_cast<int64_t>(text.size()); }
  size_t offset(int64_t index, Meter& meter) const;     // of a code point; the end when past it
  int64_t index_at(size_t offset, Meter& meter) const;  // of the code point that begins there
  size_t hash(Meter& meter) const;

  std::string text;  // UTF-8
  bool markup;

 private:
  // Computed once. Atomic, because the constants of a template belong to all who render it.
  mutable std::atomic<int64_t> length_ = -1;
  mutable std::atomic<size_t> hash_ = 0;
};

struct Sequence : Object {  // kList, kTuple
  explicit Sequence(std::vector<Value> i) : items(std::move(i)) {}
  std::vector<Value> items;
  mutable size_t hash = 0;              // of a tuple, once it is known: see hash_of
  std::vector<std::string_view> names;  // of a named tuple (groupby's groups), item by item
};

// Keeps insertion order; keys that Python finds equal (1, 1.0, True) are one key.
struct Dict : Object {
  using Entry = std::pair<Value, Value>;

  const Value* find(const Value& key, Meter& meter) const;  // fails if the key cannot be hashed
  const Value* find(std::string_view key, Meter& meter) const;
  void set(Value key, Value value, Meter& meter);  // replaces the value of an equal key
  const std::vector<Entry>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }
  void clear();

 private:
  template <class Equal>
  int64_t locate(size_t hash, Equal equal, Meter& meter) const;

  std::vector<Entry> entries_;
  std::unordered_multimap<size_t, uint32_t> index_;  // hash -> entry
};

struct Range : Object {
  Range(int64_t a, int64_t b, int64_t s) : start(a), stop(b), step(s) {}
  int64_t size() const;
  int64_t at(int64_t i) const { return start + i * step; }
  int64_t start, stop, step;
};

struct DictView : Object {
  enum class Part : uint8_t { kKeys, kValues, kItems };
  DictView(Part p, std::shared_ptr<Dict> d) : part(p), dict(std::move(d)) {}
  Part part;
  std::shared_ptr<Dict> dict;
};

// Yields values once, lazily, like a Python iterator or generator.
struct Iterator : Object {
  virtual bool next(Runtime& rt, Value& out) = 0;  // false at the end
};

// A named function: a global, or a method bound to `self`.
struct Function : Object {
  using Call = Value (*)(Runtime& rt, const Value& self, const Args& args);
  Function(std::string_view n, Value s, Call c) : name(n), self(std::move(s)), call(c) {}
  std::string_view name;
  Value self;
  Call call;
};

struct Namespace : Object {
  Dict attributes;
};

struct Cycler : Object {
  std::vector<Value> items;  // never empty
  size_t position = 0;
};

struct Joiner : Object {
  Value separator;
  bool used = false;
};

// What an undefined value says when it is used where a value is needed.
struct UndefinedHint : Object {
  explicit UndefinedHint(std::string m) : message(std::move(m)) {}
  std::string message;
};

// Python's name of the type, for messages: "str", "NoneType".
std::string_view type_name(const Value& value);

// "'x' is undefined"; REQUIRES: is_undefined()
std::string undefined_message(const Value& value);

}  // namespace chitu::jinja
