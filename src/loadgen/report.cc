#include "loadgen/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/counted.h"

namespace chitu::loadgen {
namespace {

constexpr double kMilliseconds = 1000;

struct Row {
  std::string_view name;  // of the table
  std::string_view key;   // of the JSON
  const Summary& summary;
};

std::array<Row, 4> rows_of(const Statistics& s) {
  return {Row{"first token (TTFT)", "ttft", s.ttft}, Row{"per output token (TPOT)", "tpot", s.tpot},
          Row{"between tokens (ITL)", "itl", s.itl}, Row{"whole request (E2E)", "e2el", s.e2e}};
}

std::string label(int64_t concurrency) {
  return concurrency == 0 ? "no limit" : std::to_string(concurrency);
}

// Nothing is measured where nothing was completed.
std::string milliseconds(const Summary& summary, double seconds) {
  return summary.count == 0 ? "-" : fmt::format("{:.2f}", seconds * kMilliseconds);
}

std::string describe_tokens(const Statistics& s) {
  std::string text = fmt::format("{} in ({:.1f}/s)", counted(s.prompt_tokens, "token"),
                                 s.per_second(s.prompt_tokens));
  if (s.cached_tokens > 0) text += fmt::format(", {} of them cached", s.cached_tokens);
  return text + fmt::format("; {} out ({:.1f}/s); {:.1f}/s together\n",
                            counted(s.output_tokens, "token"), s.per_second(s.output_tokens),
                            s.per_second(s.prompt_tokens + s.output_tokens));
}

}  // namespace

std::string describe(const Level& level) {
  const Statistics& s = level.statistics;
  std::string text = fmt::format(
      "\nconcurrency {}: {} done, {} failed in {:.2f} s ({:.2f} requests/s)\n",
      label(level.concurrency), s.completed, s.failed, s.seconds, s.per_second(s.completed));
  if (s.unfinished > 0) text += fmt::format("interrupted: {} had not ended\n", s.unfinished);
  for (const auto& [kind, same] : s.failures) {
    text += fmt::format("  failed: {} x {}: {}\n", same.count, kind, same.example);
  }
  if (s.resent > 0) {
    text +=
        fmt::format("  sent again {}: the server had closed a kept connection without an answer\n",
                    counted(s.resent, "time"));
  }
  if (s.completed == 0) return text;
  text += describe_tokens(s);
  if (s.without_usage > 0) {
    text += fmt::format("  {} without usage: pieces of text are counted as their tokens\n",
                        counted(s.without_usage, "answer"));
  }
  if (s.good) {
    text += fmt::format("goodput: {} within the service level ({:.2f}/s)\n",
                        counted(*s.good, "request"), s.per_second(*s.good));
  }
  text +=
      "\n| milliseconds            |      mean |       p50 |       p90 |       p99 |       max |\n";
  text +=
      "|-------------------------|----------:|----------:|----------:|----------:|----------:|\n";
  for (const Row& row : rows_of(s)) {
    if (row.summary.count == 0) continue;
    text += fmt::format("| {:<23} ", row.name);
    for (const double seconds :
         {row.summary.mean, row.summary.p50, row.summary.p90, row.summary.p99, row.summary.most}) {
      text += fmt::format("| {:>9.2f} ", seconds * kMilliseconds);
    }
    text += "|\n";
  }
  return text;
}

std::string describe_sweep(std::span<const Level> levels) {
  std::string text =
      "\n| concurrency | requests/s | output tok/s | TTFT p50 ms | TTFT p99 ms | TPOT p50 ms | ITL "
      "p99 ms | failed |\n"
      "|------------:|-----------:|-------------:|------------:|------------:|------------:|------"
      "-----:|-------:|\n";
  for (const Level& level : levels) {
    const Statistics& s = level.statistics;
    text += fmt::format(
        "| {:>11} | {:>10.2f} | {:>12.1f} | {:>11} | {:>11} | {:>11} | {:>10} | {:>6} |\n",
        label(level.concurrency), s.per_second(s.completed), s.per_second(s.output_tokens),
        milliseconds(s.ttft, s.ttft.p50), milliseconds(s.ttft, s.ttft.p99),
        milliseconds(s.tpot, s.tpot.p50), milliseconds(s.itl, s.itl.p99), s.failed);
  }
  std::vector<std::pair<std::string, double>> bars;
  for (const Level& level : levels) {
    bars.emplace_back(label(level.concurrency),
                      level.statistics.per_second(level.statistics.output_tokens));
  }
  return text + bar_chart("output tokens a second, by concurrency", bars, "tok/s");
}

std::string bar_chart(std::string_view title, std::span<const std::pair<std::string, double>> bars,
                      std::string_view unit, int width) {
  std::size_t label_width = 0;
  double most = 0;
  for (const auto& [name, value] : bars) {
    label_width = std::max(label_width, name.size());
    most = std::max(most, value);
  }
  if (most <= 0) return "";
  std::string text = fmt::format("\n{}\n", title);
  for (const auto& [name, value] : bars) {
    // What is there is seen, however little it is.
    const int length =
        value > 0 ? std::max(1, static_cast<int>(std::lround(value / most * width))) : 0;
    text += fmt::format("  {:>{}} {:#>{}}{} {:.6g} {}\n", name, label_width, "", length,
                        length > 0 ? "" : ".", value, unit);
  }
  return text;
}

std::string gap_chart(const Statistics& statistics) {
  std::vector<std::pair<std::string, double>> bars;
  for (std::size_t i = 0; i < statistics.gap_classes.size(); ++i) {
    const int64_t n = statistics.gap_classes[i];
    if (bars.empty() && n == 0) continue;
    bars.emplace_back(fmt::format("up to {:.0f} ms", std::ldexp(1, static_cast<int>(i))),
                      static_cast<double>(n));
  }
  return bar_chart("times between pieces of text", bars, "times");
}

std::string describe_progress(const Progress& progress) {
  const double speed =
      progress.seconds > 0 ? static_cast<double>(progress.pieces) / progress.seconds : 0;
  return fmt::format("{:.0f} s: {} of {} done, {} running, {} failed, {:.0f} pieces/s",
                     progress.seconds, progress.completed, progress.total, progress.running,
                     progress.failed, speed);
}

json::Object to_json(const Level& level) {
  const Statistics& s = level.statistics;
  json::Object object{{"max_concurrency", level.concurrency},
                      {"duration", s.seconds},
                      {"completed", s.completed},
                      {"failed", s.failed},
                      {"unfinished", s.unfinished},
                      {"resent", s.resent},
                      {"total_input_tokens", s.prompt_tokens},
                      {"total_cached_tokens", s.cached_tokens},
                      {"total_output_tokens", s.output_tokens},
                      {"request_throughput", s.per_second(s.completed)},
                      {"output_throughput", s.per_second(s.output_tokens)},
                      {"total_token_throughput", s.per_second(s.prompt_tokens + s.output_tokens)},
                      {"without_usage", s.without_usage}};
  if (s.good) object["request_goodput"] = s.per_second(*s.good);
  for (const Row& row : rows_of(s)) {
    if (row.summary.count == 0) continue;
    const std::array<std::pair<std::string_view, double>, 5> figures = {
        {{"mean", row.summary.mean},
         {"p50", row.summary.p50},
         {"p90", row.summary.p90},
         {"p99", row.summary.p99},
         {"max", row.summary.most}}};
    for (const auto& [name, seconds] : figures) {
      object[fmt::format("{}_{}_ms", name, row.key)] = seconds * kMilliseconds;
    }
  }
  json::Object failures;
  for (const auto& [kind, same] : s.failures) {
    failures[kind] = json::Object{{"count", same.count}, {"example", same.example}};
  }
  object["failures"] = std::move(failures);
  return object;
}

}  // namespace chitu::loadgen
