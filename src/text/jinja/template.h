// A Jinja template: compiled once, rendered many times, from any thread.
//
// The language is that of Python's jinja2 3.1 as `transformers` sets it up for chat templates: the
// immutable sandbox, trim_blocks and lstrip_blocks, loop controls, {% generation %}, a |tojson that
// is json.dumps, raise_exception and strftime_now. A template cannot reach anything but the values
// it is given, and what it may cost is bounded (limits.h).
#pragma once

#include <boost/json.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/jinja/limits.h"
#include "text/jinja/runtime.h"

namespace chitu::jinja {

struct Tree;

class Template {
 public:
  // Errors name the line: kCorrupt for what is not Jinja, kUnsupported for what is not in this
  // engine, kResourceExhausted for a limit.
  static Result<Template> compile(std::string_view source, const Limits& limits = {});

  // Renders over the members of `context` as variables. `clock` answers strftime_now. Errors name
  // the line: kInvalidArgument when the template fails on these values or refuses them with
  // raise_exception, kResourceExhausted for a limit.
  Result<std::string> render(const boost::json::object& context, const Clock& clock) const;

 private:
  Template(std::shared_ptr<const Tree> tree, const Limits& limits)
      : tree_(std::move(tree)), limits_(limits) {}

  std::shared_ptr<const Tree> tree_;
  Limits limits_;
};

}  // namespace chitu::jinja
