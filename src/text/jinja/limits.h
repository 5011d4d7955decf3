// What one template may cost. A checkpoint's template is not trusted: it may loop forever, grow a
// string without bound or nest without end, and each of these ends in an error that names the
// limit.
#pragma once

#include <cstdint>

namespace chitu::jinja {

struct Limits {
  int64_t max_source_bytes = int64_t{1} << 20;
  int64_t max_steps = 1'000'000;                // nodes evaluated, items visited, 256 bytes read
  int64_t max_output_bytes = int64_t{4} << 20;  // of the rendered text
  int64_t max_live_bytes = int64_t{64} << 20;   // of values the template holds at one time
  int64_t max_range = 100'000;                  // items of one range(), as in Python's sandbox
  int max_nesting = 100;                        // of brackets and blocks in the source
  int max_depth = 1000;  // of nodes being evaluated, macros and loops included
};

}  // namespace chitu::jinja
