#include "app/interrupt.h"

namespace chitu::app {
namespace {

volatile std::sig_atomic_t noted = 0;

void on_interrupt(int) { noted = 1; }

}  // namespace

InterruptScope::InterruptScope() {
  noted = 0;
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  // Not SA_RESTART: a read from the terminal ends too.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &previous_);
}

InterruptScope::~InterruptScope() { sigaction(SIGINT, &previous_, nullptr); }

bool InterruptScope::interrupted() const { return noted != 0; }

}  // namespace chitu::app
