#include "loadgen/statistics.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "base/quote.h"

namespace chitu::loadgen {

double percentile(std::span<const double> sorted, double p) {
  const double rank = p / 100 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double share = rank - static_cast<double>(below);
  return sorted[below] + (sorted[above] - sorted[below]) * share;
}

Summary summarize(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  return {.count = static_cast<int64_t>(values.size()),
          .mean = sum / static_cast<double>(values.size()),
          .p50 = percentile(values, 50),
          .p90 = percentile(values, 90),
          .p99 = percentile(values, 99),
          .most = values.back()};
}

Result<ServiceLevel> ServiceLevel::parse(std::string_view text) {
  ServiceLevel level;
  bool any = false;
  while (true) {
    const std::size_t begin = text.find_first_not_of(", ");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const std::string_view part = text.substr(0, text.find_first_of(", "));
    text.remove_prefix(part.size());
    const std::size_t colon = std::min(part.find(':'), part.size());
    const std::string_view name = part.substr(0, colon);
    const std::string_view number = part.substr(std::min(colon + 1, part.size()));
    double milliseconds = 0;
    const auto [end, code] =
        std::from_chars(number.data(), number.data() + number.size(), milliseconds);
    std::optional<double>* field = name == "ttft"                    ? &level.ttft
                                   : name == "tpot"                  ? &level.tpot
                                   : name == "e2e" || name == "e2el" ? &level.e2e
                                                                     : nullptr;
    if (field == nullptr || code != std::errc() || end != number.data() + number.size() ||
        !std::isfinite(milliseconds) || milliseconds <= 0) {
      return make_error(ErrorCode::kInvalidArgument,
                        "{}: expected ttft, tpot or e2e with milliseconds above 0, as in "
                        "ttft:500 tpot:50",
                        quote(part));
    }
    *field = milliseconds / 1000;
    any = true;
  }
  if (!any) return make_error(ErrorCode::kInvalidArgument, "expected as in ttft:500 tpot:50");
  return level;
}

bool ServiceLevel::is_met_by(const RequestRecord& record) const {
  if (!record.ok()) return false;
  if (ttft && record.time_to_first_token() > *ttft) return false;
  if (tpot && record.output_tokens > 1 && record.time_per_output_token() > *tpot) return false;
  return !e2e || record.seconds() <= *e2e;
}

namespace {

std::vector<int64_t> classes_of(const std::vector<double>& gaps) {
  std::vector<int64_t> classes;
  for (const double gap : gaps) {
    const double milliseconds = std::max(gap * 1000, 1.0);
    const auto index = static_cast<std::size_t>(std::ceil(std::log2(milliseconds)));
    if (index >= classes.size()) classes.resize(index + 1);
    ++classes[index];
  }
  return classes;
}

}  // namespace

Statistics compute_statistics(std::span<const RequestRecord> records,
                              const std::optional<ServiceLevel>& level) {
  Statistics all;
  std::vector<double> ttft, tpot, gaps, e2e;
  std::optional<double> begin;
  double end = 0;
  if (level) all.good = 0;
  for (const RequestRecord& record : records) {
    if (!record.ended) {
      ++all.unfinished;
      continue;
    }
    begin = std::min(begin.value_or(record.start), record.start);
    end = std::max(end, record.end);
    all.resent += record.resent;
    if (!record.ok()) {
      ++all.failed;
      Failures& same = all.failures[record.failure];
      if (same.count++ == 0) same.example = record.failure_text;
      continue;
    }
    ++all.completed;
    all.prompt_tokens += record.prompt_tokens;
    all.cached_tokens += record.cached_tokens;
    all.output_tokens += record.output_tokens;
    if (!record.usage_came) ++all.without_usage;
    if (level && level->is_met_by(record)) ++*all.good;
    ttft.push_back(record.time_to_first_token());
    if (record.output_tokens > 1) tpot.push_back(record.time_per_output_token());
    e2e.push_back(record.seconds());
    for (std::size_t i = 1; i < record.arrivals.size(); ++i) {
      gaps.push_back(record.arrivals[i] - record.arrivals[i - 1]);
    }
  }
  all.seconds = begin ? end - *begin : 0;
  all.ttft = summarize(std::move(ttft));
  all.tpot = summarize(std::move(tpot));
  all.gap_classes = classes_of(gaps);
  all.itl = summarize(std::move(gaps));
  all.e2e = summarize(std::move(e2e));
  return all;
}

}  // namespace chitu::loadgen
