// What filters, tests, methods and globals may use of the render they run in: the budget, values
// made within it, and calls back into the template.
#pragma once

#include <algorithm>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/jinja/value.h"

namespace chitu::jinja {

// The arguments of a call, evaluated.
struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> keyword;
};

// Finds keyword arguments by name: one by one while they are few, as they are in a call that is
// written out, and by an index when ** brings many.
class KeywordIndex {
 public:
  explicit KeywordIndex(const Args& args);  // which it refers to

  std::optional<size_t> find(std::string_view name) const;

 private:
  const Args& args_;
  std::unordered_map<std::string_view, size_t> index_;
};

using Clock = std::function<std::tm()>;

class Runtime {
 public:
  Runtime(const Limits& limits, Clock clock) : meter_(limits), clock_(std::move(clock)) {}
  virtual ~Runtime() = default;
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  Meter& meter() { return meter_; }
  std::tm now() const { return clock_(); }

  // Values charge for the bytes that making them copies, so that who makes them need not.
  Value string(std::string text, bool markup = false);
  Value built_string(std::string text, bool markup);  // of text that was charged while it grew
  Value list(std::vector<Value> items) { return sequence(Kind::kList, std::move(items)); }
  Value tuple(std::vector<Value> items) { return sequence(Kind::kTuple, std::move(items)); }
  Value sequence(Kind kind, std::vector<Value> items);
  Value undefined(std::string message);

  // An object within the budget that holds values as deep as `inner_depth`.
  template <class T, class... Args>
  std::shared_ptr<T> make(int inner_depth, Args&&... args) {
    check_depth(inner_depth + 1);
    auto object = std::make_shared<T>(std::forward<Args>(args)...);
    object->charge = Charge(meter_, sizeof(T) + 32);
    object->depth = inner_depth + 1;
    return object;
  }
  std::shared_ptr<Dict> make_dict() { return make<Dict>(0); }

  // A namespace may come to hold itself; the interpreter breaks such circles at the end.
  std::shared_ptr<Namespace> make_namespace();

  Value call(const Value& callee, const Args& args);
  Value filter(std::string_view name, const Value& operand, const Args& args);
  bool test(std::string_view name, const Value& operand, const Args& args);

 protected:
  virtual Value call_macro(const Value& macro, const Args& args) = 0;
  virtual Value call_loop(const Value& loop, const Args& args) = 0;
  void break_circles();

 private:
  Meter meter_;
  Clock clock_;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
};

// Charges for something that grows, a half more each time.
class GrowingCharge {
 public:
  explicit GrowingCharge(Meter& meter) : charge_(meter, 0) {}

  void reach(size_t bytes) {
    if (bytes <= held_) return;
    const size_t target = std::max(bytes, held_ + held_ / 2);
    charge_.grow(target - held_);
    held_ = target;
  }
  void release() {
    charge_ = Charge();
    held_ = 0;
  }

 private:
  Charge charge_;
  size_t held_ = 0;
};

// Text that grows within the budget.
class TextBuilder {
 public:
  explicit TextBuilder(Runtime& rt) : rt_(rt), charge_(rt.meter()) {}

  void append(std::string_view s) {
    rt_.meter().scan(s.size());
    charge_.reach(text_.size() + s.size());
    text_ += s;
  }
  void append(char c) { append(std::string_view(&c, 1)); }
  size_t size() const { return text_.size(); }
  std::string take() {
    charge_.release();
    return std::move(text_);
  }
  Value value(bool markup = false) { return rt_.built_string(take(), markup); }

 private:
  Runtime& rt_;
  GrowingCharge charge_;
  std::string text_;
};

// A list that grows within the budget.
class ListBuilder {
 public:
  explicit ListBuilder(Runtime& rt) : rt_(rt), charge_(rt.meter()) {}

  void append(Value value) {
    charge_.reach((items_.size() + 1) * sizeof(Value));
    items_.push_back(std::move(value));
  }
  std::vector<Value> take() {
    charge_.release();
    return std::move(items_);
  }
  Value list() { return rt_.list(take()); }

 private:
  Runtime& rt_;
  GrowingCharge charge_;
  std::vector<Value> items_;
};

}  // namespace chitu::jinja
