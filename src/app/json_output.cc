#include "app/json_output.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace chitu::app {

Result<JsonOutput> JsonOutput::open(const Args& args) {
  JsonOutput output;
  output.prints_ = args.has("--json");
  if (const std::optional<std::string> path = args.value("--output")) {
    TRY(file, OutputFile::open(*path));
    output.file_ = std::move(file);
  }
  return output;
}

Status JsonOutput::write(const json::Object& report) {
  const std::string line = plain_json(report);
  if (prints_) fmt::print("{}\n", line);
  if (!file_) return {};
  TRY_STATUS(file_->clear());
  file_->write_line(line);
  return file_->finish();
}

std::string plain_json(const json::Value& value) {
  std::vector<std::string> parts;
  if (value.is_object()) {
    for (const auto& [key, item] : value.get_object()) {
      parts.push_back(fmt::format("{}:{}", boost::json::serialize(key), plain_json(item)));
    }
    return fmt::format("{{{}}}", fmt::join(parts, ","));
  }
  if (value.is_array()) {
    for (const json::Value& item : value.get_array()) parts.push_back(plain_json(item));
    return fmt::format("[{}]", fmt::join(parts, ","));
  }
  return value.is_double() ? fmt::format("{}", value.get_double()) : boost::json::serialize(value);
}

}  // namespace chitu::app
