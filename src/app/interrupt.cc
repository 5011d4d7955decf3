#include "app/interrupt.h"

namespace chitu::app {
namespace {

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): all that a handler can reach
volatile std::sig_atomic_t noted = 0;

void on_interrupt(int) { noted = 1; }

}  // namespace

InterruptScope::InterruptScope(Mode mode) {
  noted = 0;
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  // SA_RESTART: a write to a slow terminal goes on where it was.
  action.sa_flags = SA_RESTART;
  if (mode == Mode::kOnce) action.sa_flags |= static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &previous_);
}

InterruptScope::~InterruptScope() { sigaction(SIGINT, &previous_, nullptr); }

bool InterruptScope::interrupted() const { return noted != 0; }

}  // namespace chitu::app
