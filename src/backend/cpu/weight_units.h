// How threads share the rows of a weight: in units of the rows that its kernels take at once, one
// segment after the other. What writes a weight and what reads it count alike, so that on a machine
// with several NUMA nodes each reads what it wrote.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "backend/cpu/linear_table.h"
#include "backend/cpu/weight_layout.h"
#include "base/round_up.h"
#include "ops/weight.h"

namespace chitu::cpu {

inline int row_unit(const WeightSegment& segment) {
  return weight_layout(linear_kernel(segment.layout).layout).row_unit;
}

inline int64_t units(const Weight& weight) {
  int64_t n = 0;
  for (const WeightSegment& segment : weight.segments) {
    n += div_up(segment.rows, row_unit(segment));
  }
  return n;
}

// Calls f(index, begin, end) for each segment of which units [first, last) of the weight have rows:
// [begin, end), in the segment.
template <class F>
void for_each_segment(const Weight& weight, int64_t first, int64_t last, F&& f) {
  int64_t unit = 0;
  for (std::size_t i = 0; i < weight.segments.size(); ++i) {
    const WeightSegment& segment = weight.segments[i];
    const int rows = row_unit(segment);
    const int64_t n = div_up(segment.rows, rows);
    const int64_t begin = std::clamp<int64_t>(first - unit, 0, n);
    const int64_t end = std::clamp<int64_t>(last - unit, 0, n);
    if (begin < end) {
      f(i, begin * rows, std::min(segment.rows, end * rows));
    }
    unit += n;
  }
}

}  // namespace chitu::cpu
