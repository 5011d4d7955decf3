// CHECK(condition) aborts when the program itself is wrong. Never use it on what a request, a file
// or a setting contained: those are Result errors.
#pragma once

namespace chitu {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace chitu

#define CHECK(condition) \
  ((condition) ? (void)0 : ::chitu::check_failed(#condition, __FILE__, __LINE__))
