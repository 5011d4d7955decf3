#include "io/file.h"

#include <fstream>

namespace chitu {

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
  std::error_code code;
  const std::filesystem::file_status status = std::filesystem::status(path, code);
  if (!std::filesystem::exists(status)) {
    return make_error(ErrorCode::kNotFound, "{}: no such file", path.string());
  }
  if (!std::filesystem::is_regular_file(status)) {
    return make_error(ErrorCode::kIo, "{}: not a regular file", path.string());
  }
  const std::uintmax_t size = std::filesystem::file_size(path, code);
  if (code) {
    return make_error(ErrorCode::kIo, "{}: cannot be read: {}", path.string(), code.message());
  }
  if (size > limit) {
    return make_error(ErrorCode::kResourceExhausted, "{}: {} bytes; at most {} are read",
                      path.string(), size, limit);
  }
  std::ifstream file(path, std::ios::binary);
  std::string bytes(size, '\0');
  if (!file || !file.read(bytes.data(), static_cast<std::streamsize>(size))) {
    return make_error(ErrorCode::kIo, "{}: cannot be read; check its permissions", path.string());
  }
  return bytes;
}

}  // namespace chitu
