// Where a benchmark's figures go as JSON.
#pragma once

#include <optional>
#include <string>

#include "app/args.h"
#include "app/output_file.h"
#include "base/result.h"
#include "io/json.h"

namespace chitu::app {

inline constexpr Option kJsonOption{.name = "--json",
                                    .help = "one JSON object instead of the table"};
inline constexpr Option kJsonFileOption{
    .name = "--output", .value = "FILE", .help = "writes that object to FILE"};

// What the two options ask for.
class JsonOutput {
 public:
  // Opens the file, if one is named, so that one that cannot be written is found before anything is
  // measured; what is in it stays until there is a report.
  static Result<JsonOutput> open(const Args& args);

  bool replaces_tables() const { return prints_; }
  // One line to each place that was asked for. Error: the file cannot be written.
  Status write(const json::Object& report);

 private:
  JsonOutput() = default;

  bool prints_ = false;
  std::optional<OutputFile> file_;
};

// JSON text with numbers as people write them, 2083.45 rather than 2.08345E3.
std::string plain_json(const json::Value& value);

}  // namespace chitu::app
