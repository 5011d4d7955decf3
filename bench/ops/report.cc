#include "report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "arithmetic.h"
#include "bandwidth.h"

namespace chitu::bench {
namespace {

// What no machine with vector instructions uses, and takes longer than all others together.
constexpr std::string_view kSlow = "scalar";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

std::size_t bytes_in_turn() {
  return std::max(4 * ceilings::l3_cache_bytes(), std::size_t{128} << 20);
}

std::string_view fp32_unit(cpu::Isa isa) {
  if (isa >= cpu::Isa::kAvx512) return "fp32_avx512";
  return isa >= cpu::Isa::kAvx2 ? "fp32_avx2" : "fp32_scalar";
}

Report::Report(ThreadPool& pool, const Options& options) : pool_(pool), options_(options) {
  if (options.as_json) return;
  fmt::print("{:46} {:>7} {:>7} {:>5} {:>8} {:7} {:11} {:>8} {:>6}\n", "kernel", "threads",
             "tokens", "bits", "", "", "ceiling", "", "share");
}

bool Report::wants(std::string_view kernel) const {
  const std::string label = lower(kernel);
  const auto has = [&](std::string_view word) {
    for (std::size_t at = label.find(word); at != std::string::npos; at = label.find(word, at + 1))
      if (at == 0 || label[at - 1] == ' ') return true;
    return false;
  };
  const auto& words = options_.words;
  if (has(kSlow) && std::find(words.begin(), words.end(), kSlow) == words.end()) return false;
  return std::all_of(words.begin(), words.end(), has);
}

double Report::memory_bandwidth() {
  if (!memory_) {
    auto set = ceilings::WorkingSet::make(bytes_in_turn(), ceilings::Pages::kHuge, pool_);
    if (!set.ok()) return 0;
    memory_.emplace(*std::move(set));
  }
  bandwidth_ = memory_->measure(ceilings::best_read(), pool_, options_.seconds);
  return bandwidth_;
}

double Report::peak(std::string_view unit) {
  for (const Peak& known : peaks_) {
    if (known.unit == unit) return known.per_second;
  }
  double found = 0;
  for (const ceilings::Arithmetic& one : ceilings::all_arithmetic()) {
    if (one.name == unit && one.is_supported())
      found = ceilings::measure(one, pool_, options_.seconds);
  }
  peaks_.push_back({std::string(unit), found});
  return found;
}

void Report::add(const Measured& what) {
  if (bandwidth_ == 0) memory_bandwidth();
  const bool by_memory = what.bytes / bandwidth_ > what.operations / peak(what.unit);
  const std::string_view limit = by_memory ? "memory" : what.unit;
  const double ceiling = by_memory ? memory_bandwidth() : peak(what.unit);
  const double rate = (by_memory ? what.bytes : what.operations) / what.seconds;
  if (!options_.as_json) {
    fmt::print("{:46} {:7} {:7} {:5.2f} {:8.1f} {:7} {:11} {:8.1f} {:6.0f} %\n", what.kernel,
               pool_.size(), what.tokens, what.bits, rate * 1e-9, by_memory ? "GB/s" : "GOP/s",
               limit, ceiling * 1e-9, 100 * rate / ceiling);
    return;
  }
  rows_.push_back(json::Object{{"kernel", what.kernel},
                               {"format", what.format},
                               {"tokens", what.tokens},
                               {"threads", pool_.size()},
                               {"bits_per_value", what.bits},
                               {"seconds", what.seconds},
                               {"bytes_per_second", what.bytes / what.seconds},
                               {"operations_per_second", what.operations / what.seconds},
                               {"ceiling", limit},
                               {"ceiling_per_second", ceiling},
                               {"share", rate / ceiling}});
}

void Report::add_time(const std::string& kernel, double seconds) {
  if (!options_.as_json) {
    fmt::print("{:46} {:7} {:21.1f} us\n", kernel, pool_.size(), seconds * 1e6);
    return;
  }
  rows_.push_back(
      json::Object{{"kernel", kernel}, {"threads", pool_.size()}, {"seconds", seconds}});
}

}  // namespace chitu::bench
