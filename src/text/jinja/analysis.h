// What Jinja decides about a template before it runs: the checks it makes when it compiles, and
// which scope each name belongs to.
//
// Jinja compiles a scope's names to local variables. A scope that assigns a name before it reads
// it, in the order of the source, never looks for that name outside, even where a branch or a loop
// makes the read come first. Such a name is hidden (ScopeLayout).
#pragma once

#include "text/jinja/ast.h"

namespace chitu::jinja {

// Fills in the tree's scopes, the slots of its names and its macros' flags. Throws TemplateError
// for filters and tests that do not exist (except below an `if`, where Jinja waits until they are
// used), for assignments to `loop` within a loop, and for a break or continue outside of one.
void analyze(Tree& tree);

}  // namespace chitu::jinja
