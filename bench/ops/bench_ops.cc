// How fast the kernels of the CPU back end are: lines for each row of the matrix kernels' table
// that this processor can run, and for attention and sampling, each with its share of what the
// machine can do, measured in the same run.
//
//   bench_ops [--threads N,...] [--tokens N,...] [--seconds S] [--json] [words that lines have]
//
// --threads: default all. --tokens: of the matrix kernels, default 1,16,128. --seconds: of a
// measurement, default 0.1. --json: a list of objects, in bytes, operations and seconds. Words
// choose lines: `bench_ops q4_0`, `bench_ops attention f16 decode`; without the word `scalar` the
// kernels without vector instructions, which take longer than all others, are left out.
//
// Weights and caches come from memory: several are read in turn, together four third-level caches
// at least. `bits` is what a value takes in the layout that the kernel reads.
#include <fmt/format.h>

#include <cctype>
#include <cstdio>

#include "arguments.h"
#include "report.h"

namespace chitu::bench {
namespace {

Result<Options> read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--json") {
      options.as_json = true;
    } else if (name.starts_with("--")) {
      const std::string_view value = i + 1 < argc ? argv[++i] : "";
      if (name == "--threads") {
        TRY(threads, ceilings::read_counts(name, value));
        options.threads = std::move(threads);
      } else if (name == "--tokens") {
        TRY(tokens, ceilings::read_counts(name, value));
        options.tokens = std::move(tokens);
      } else if (name == "--seconds") {
        TRY(seconds, ceilings::read_seconds(name, value));
        options.seconds = seconds;
      } else {
        return make_error(ErrorCode::kInvalidArgument,
                          "unknown option '{}'; usage: bench_ops [--threads N,...] [--tokens "
                          "N,...] [--seconds S] [--json] [words that lines have]",
                          name);
      }
    } else {
      std::string word(name);
      for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      options.words.push_back(std::move(word));
    }
  }
  return options;
}

constexpr const char* kHelp =
    "Measures each kernel of the CPU back end, with its share of what the machine can do.\n"
    "\n"
    "usage: bench_ops [--threads N,...] [--tokens N,...] [--seconds S] [--json] [WORD ...]\n"
    "\n"
    "  --threads N,...  default: all\n"
    "  --tokens N,...   of the matrix kernels (default: 1,16,128)\n"
    "  --seconds S      of a measurement (default: 0.1)\n"
    "  --json           a list of objects, in bytes, operations and seconds\n"
    "  WORD ...         only lines that have all of them: q4_0, attention f16 decode;\n"
    "                   scalar adds the kernels without vector instructions\n";

int main_of(int argc, char** argv) {
  if (ceilings::asks_for_help(argc, argv)) {
    fmt::print("{}", kHelp);
    return 0;
  }
  const Result<Options> options = read_options(argc, argv);
  if (!options.ok()) {
    fmt::print(stderr, "bench_ops: {}\n", options.error().message);
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a line as soon as it is known
  json::Array all;
  for (const int threads : options->threads) {
    ThreadPool pool({.num_threads = threads});
    Report report(pool, *options);
    bench_linear(report);
    bench_attention(report);
    bench_sample(report);
    all.insert(all.end(), report.rows().begin(), report.rows().end());
  }
  if (options->as_json) fmt::print("{}\n", boost::json::serialize(all));
  return 0;
}

}  // namespace
}  // namespace chitu::bench

int main(int argc, char** argv) { return chitu::bench::main_of(argc, argv); }
