#include "app/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace chitu::app {

Result<OutputFile> OutputFile::open(const std::string& path) {
  if (path.empty()) return OutputFile("standard output", stdout);
  constexpr mode_t kMode = 0666;  // what the umask leaves of it, as fopen() does
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, kMode);
  std::FILE* file = descriptor < 0 ? nullptr : fdopen(descriptor, "w");
  if (file == nullptr) {
    return make_error(ErrorCode::kIo, "{}: cannot be written: {}", path, std::strerror(errno));
  }
  return OutputFile(path, file);
}

Status OutputFile::clear() {
  const int descriptor = fileno(file_.get());
  struct stat status {};
  // A pipe or a device has nothing to clear, and standard output is the caller's.
  if (file_.get() == stdout || fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
    return {};
  if (ftruncate(descriptor, 0) == 0) return {};
  return make_error(ErrorCode::kIo, "{}: cannot be written: {}", name_, std::strerror(errno));
}

bool OutputFile::write_line(std::string_view line) {
  if (failed_ != 0) return false;
  std::FILE* file = file_.get();
  const bool written = std::fwrite(line.data(), 1, line.size(), file) == line.size() &&
                       std::fputc('\n', file) != EOF && std::fflush(file) == 0;
  if (!written) failed_ = errno;
  return written;
}

Status OutputFile::finish() {
  if (failed_ == 0 && std::fflush(file_.get()) != 0) failed_ = errno;
  if (failed_ == 0) return {};
  return make_error(ErrorCode::kIo, "{}: cannot be written: {}", name_, std::strerror(failed_));
}

}  // namespace chitu::app
