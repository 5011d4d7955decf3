// The time at which tests render templates.
#pragma once

#include <ctime>

namespace chitu::jinja {

// Thursday, 2026-01-15 12:34:56, as tests/golden/chat_templates/oracle.py has it.
inline std::tm fixed_clock() {
  std::tm now = {};
  now.tm_year = 126;
  now.tm_mday = 15;
  now.tm_hour = 12;
  now.tm_min = 34;
  now.tm_sec = 56;
  now.tm_wday = 4;
  now.tm_yday = 14;
  return now;
}

}  // namespace chitu::jinja
