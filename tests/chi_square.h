// Whether what was counted fits what was expected.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <span>

namespace chitu {

// Pearson's chi-square test of `counts` against `probabilities`, which add up to 1. Outcomes
// expected less than five times count together; one of probability 0 must not come at all. The
// limit is the quantile of a normal deviate of 4 (exceeded by chance once in 30,000 seeds), by
// Wilson and Hilferty's approximation.
inline void expect_distribution(std::span<const int64_t> counts,
                                std::span<const double> probabilities) {
  ASSERT_EQ(counts.size(), probabilities.size());
  int64_t draws = 0;
  for (const int64_t count : counts) draws += count;

  struct Cell {
    double expected = 0.0;
    double counted = 0.0;
    double term() const { return (counted - expected) * (counted - expected) / expected; }
  };
  Cell rare;
  double chi_square = 0.0;
  int cells = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const Cell cell{probabilities[i] * static_cast<double>(draws), static_cast<double>(counts[i])};
    if (probabilities[i] <= 0.0) {
      EXPECT_EQ(counts[i], 0) << "outcome " << i << " cannot come";
    } else if (cell.expected < 5) {
      rare.expected += cell.expected;
      rare.counted += cell.counted;
    } else {
      chi_square += cell.term();
      ++cells;
    }
  }
  if (rare.expected > 0) {
    chi_square += rare.term();
    ++cells;
  }
  ASSERT_GE(cells, 2) << "nothing to compare";
  const double freedom = cells - 1;
  const double spread = 2.0 / (9.0 * freedom);
  const double limit = freedom * std::pow(1.0 - spread + 4.0 * std::sqrt(spread), 3);
  EXPECT_LT(chi_square, limit) << cells << " outcomes, " << draws << " draws";
}

}  // namespace chitu
