#include "text/jinja/template.h"

#include <new>

#include "text/jinja/analysis.h"
#include "text/jinja/from_json.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"

namespace chitu::jinja {
namespace {

Error to_error(const TemplateError& e, int line) {
  return make_error(e.code(), "line {}: {}", e.line() > 0 ? e.line() : line, e.message());
}

Error out_of_memory() {
  return make_error(ErrorCode::kResourceExhausted,
                    "there is no memory left to render the template");
}

}  // namespace

Result<Template> Template::compile(std::string_view source, const Limits& limits) {
  try {
    auto tree = std::make_shared<Tree>(parse(source, limits));
    analyze(*tree);
    return Template(std::move(tree), limits);
  } catch (const TemplateError& e) {
    return to_error(e, 1);
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

Result<std::string> Template::render(const boost::json::object& context, const Clock& clock) const {
  Interpreter interpreter(limits_, clock);
  try {
    return interpreter.run(*tree_, from_json(context, interpreter));
  } catch (const TemplateError& e) {
    return to_error(e, interpreter.line());
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

}  // namespace chitu::jinja
