#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace chitu {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\nThis is a bug in chitu; please report it.\n",
               file, line, condition);
  std::abort();
}

}  // namespace chitu
