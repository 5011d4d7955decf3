#include "app/json_output.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "app/bench_report.h"

namespace chitu::app {

Status write_json(const std::string& path, const json::Object& object) {
  if (path.empty()) return {};
  const std::string line = plain_json(object) + "\n";
  if (path == "-") {
    fmt::print("{}", line);
    return {};
  }
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return make_error(ErrorCode::kIo, "{}: {}", path, std::strerror(errno));
  const bool written = std::fwrite(line.data(), 1, line.size(), file) == line.size();
  const bool closed = std::fclose(file) == 0;
  if (!written || !closed) return make_error(ErrorCode::kIo, "{}: {}", path, std::strerror(errno));
  return {};
}

}  // namespace chitu::app
