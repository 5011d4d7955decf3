// Ctrl-C while an answer is being made.
#pragma once

#include <csignal>
#include <cstdint>

namespace chitu::app {

// While it lives, Ctrl-C is only noted. Scopes may be nested: what counts is the innermost, and the
// outer one is back when it ends. The note that a signal handler leaves has to be a static of the
// process.
class InterruptScope {
 public:
  enum class Mode : uint8_t {
    kOnce,    // a second Ctrl-C ends the program as usual
    kAlways,  // none does
  };

  explicit InterruptScope(Mode mode);
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  bool interrupted() const;

 private:
  struct sigaction previous_ {};
};

}  // namespace chitu::app
