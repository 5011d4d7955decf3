// Ctrl-C while an answer is being made.
#pragma once

#include <csignal>

namespace chitu::app {

// While it lives, the first Ctrl-C is only noted; a second one ends the program as usual. One at a
// time: the note that a signal handler leaves has to be a static of the process.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  bool interrupted() const;

 private:
  struct sigaction previous_ {};
};

}  // namespace chitu::app
