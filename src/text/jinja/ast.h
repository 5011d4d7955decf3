// The syntax tree of a template. Names, attributes and keywords are kept as text; constants are
// values. Depth is bounded by the parser (Limits::max_nesting), so recursion over a tree is safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "text/jinja/value.h"

namespace chitu::jinja {

struct Expr;
struct Stmt;
using ExprPtr = std::unique_ptr<Expr>;
using Block = std::vector<std::unique_ptr<Stmt>>;

// Where a name has its value when the template runs. Analysis (analysis.h) resolves every name.
struct Slot {
  static constexpr uint32_t kNone = UINT32_MAX;

  uint32_t scopes_out = 0;
  uint32_t index = kNone;  // kNone: no scope assigns the name; it is the context's or a global

  bool known() const { return index != kNone; }
};

// The names that the statements of one scope assign, each with a slot.
struct ScopeLayout {
  struct Name {
    // The scope assigns it before it reads it: it begins as undefined, whatever it is outside.
    bool hidden = false;
    Slot outside;  // where it is sought while this scope has not assigned it; scopes_out > 0
  };
  std::vector<Name> names;
};

enum class BinaryOp : uint8_t { kAdd, kSub, kMul, kDiv, kFloorDiv, kMod, kPow };
enum class CompareOp : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe, kIn, kNotIn };
enum class UnaryOp : uint8_t { kNegative, kPositive, kNot };

// The arguments of a call, a filter or a test, as written.
struct CallArgs {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> keyword;
  ExprPtr star;         // *args; may be null
  ExprPtr double_star;  // **kwargs; may be null
};

namespace node {

struct Constant {
  Value value;
};
struct Name {
  std::string name;
  Slot slot;
};
struct Tuple {
  std::vector<ExprPtr> items;
};
struct List {
  std::vector<ExprPtr> items;
};
struct Dict {
  std::vector<std::pair<ExprPtr, ExprPtr>> items;
};
struct Unary {
  UnaryOp op;
  ExprPtr operand;
};
struct Binary {
  BinaryOp op;
  ExprPtr left, right;
};
struct And {
  ExprPtr left, right;
};
struct Or {
  ExprPtr left, right;
};
struct Compare {
  ExprPtr first;
  std::vector<std::pair<CompareOp, ExprPtr>> rest;
};
struct Concat {
  std::vector<ExprPtr> parts;
};
struct Conditional {
  ExprPtr condition, then, otherwise;  // `otherwise` may be null: undefined
};
struct Attribute {
  ExprPtr object;
  std::string name;
};
struct Item {
  ExprPtr object, key;
};
struct Slice {
  ExprPtr object, start, stop, step;  // the last three may be null
};
struct Call {
  ExprPtr callee;
  CallArgs args;
};
struct Filter {
  ExprPtr operand;  // null: the text of the block that it closes
  std::string name;
  CallArgs args;
};
struct Test {
  ExprPtr operand;
  std::string name;
  CallArgs args;
};
struct NamespaceRef {  // only as a target of {% set %}
  std::string name, attribute;
  Slot slot;
};

struct Text {
  std::string text;
};
struct Output {
  ExprPtr value;
};
struct If {
  std::vector<std::pair<ExprPtr, Block>> branches;
  Block otherwise;
};
struct For {
  ExprPtr target, iterable, filter;  // `filter` may be null
  Block body, otherwise;
  bool recursive = false;
  // The names of `target` have the same slots in the scopes of the body and of the filter.
  ScopeLayout scope, filter_scope, otherwise_scope;
  uint32_t loop_slot = Slot::kNone;
};
struct Set {
  ExprPtr target, value;
};
struct SetBlock {
  ExprPtr target, filter;  // `filter` may be null
  Block body;
  ScopeLayout scope;
};
struct With {
  std::vector<std::pair<ExprPtr, ExprPtr>> assignments;
  Block body;
  ScopeLayout scope;
};
struct MacroDef {
  std::string name;  // empty for the body of a call block
  std::vector<std::string> parameters;
  std::vector<ExprPtr> defaults;  // of the last parameters
  Block body;
  ScopeLayout scope;             // the parameters have its first slots
  bool explicit_caller = false;  // `caller` is one of the parameters
  bool uses_caller = false;      // as a parameter or without being one
  // What the body reads without declaring it; Slot::kNone: it does not.
  uint32_t caller_slot = Slot::kNone, kwargs_slot = Slot::kNone, varargs_slot = Slot::kNone;
  uint32_t slot = Slot::kNone;  // of its own name, in the scope around it
};
struct CallBlock {
  ExprPtr call;
  MacroDef caller;
};
struct FilterBlock {
  ExprPtr filter;
  Block body;
  ScopeLayout scope;
};
struct Generation {  // {% generation %}: marks what the model wrote; a scope of its own
  MacroDef body;
};
struct Break {};
struct Continue {};

}  // namespace node

struct Expr {
  using Node = std::variant<node::Constant, node::Name, node::Tuple, node::List, node::Dict,
                            node::Unary, node::Binary, node::And, node::Or, node::Compare,
                            node::Concat, node::Conditional, node::Attribute, node::Item,
                            node::Slice, node::Call, node::Filter, node::Test, node::NamespaceRef>;
  int line = 0;
  int depth = 1;  // of the tree below
  Node node;

  template <class T>
  const T* get() const {
    return std::get_if<T>(&node);
  }
  template <class T>
  T* get() {
    return std::get_if<T>(&node);
  }
};

struct Tree {
  Block body;
  ScopeLayout scope;
};

struct Stmt {
  using Node = std::variant<node::Text, node::Output, node::If, node::For, node::Set,
                            node::SetBlock, node::With, node::MacroDef, node::CallBlock,
                            node::FilterBlock, node::Generation, node::Break, node::Continue>;
  int line = 0;
  Node node;
};

}  // namespace chitu::jinja
