#include "server/access_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>
#include <limits>

namespace chitu {
namespace {

constexpr size_t kMaxText = 256;                 // of one field of a line
constexpr size_t kMaxWaiting = size_t{1} << 20;  // bytes of lines not yet written

void append_text(std::string_view name, std::string_view text, std::string& line) {
  line += fmt::format(",\"{}\":\"", name);
  for (const char c : text.substr(0, kMaxText)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\' || byte < 0x20 || byte >= 0x7f) {
      line += fmt::format("\\u{:04x}", byte);
    } else {
      line += c;
    }
  }
  line += '"';
}

int open_for_append(const std::filesystem::path& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

int64_t count_lines(std::string_view text) {
  int64_t lines = 0;
  for (const char c : text) lines += c == '\n';
  return lines;
}

}  // namespace

std::string access_line(const AccessRecord& record) {
  const auto whole = static_cast<std::time_t>(std::floor(record.time));
  const int milliseconds = static_cast<int>((record.time - static_cast<double>(whole)) * 1000);
  std::tm utc{};
  gmtime_r(&whole, &utc);
  std::string line =
      fmt::format(R"({{"time":"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z")", utc.tm_year + 1900,
                  utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, milliseconds);
  append_text("id", record.id, line);
  append_text("peer", record.peer, line);
  append_text("method", record.method, line);
  append_text("path", record.path, line);
  line += fmt::format(R"(,"status":{},"bytes":{},"ms":{:.1f})", record.status, record.bytes,
                      record.seconds * 1000);
  append_text("end", record.end, line);
  if (!record.error.empty()) append_text("error", record.error, line);
  line += "}\n";
  return line;
}

Result<std::unique_ptr<AccessLog>> AccessLog::open(std::filesystem::path path, int64_t max_bytes) {
  const int file = open_for_append(path);
  if (file < 0) {
    return make_error(ErrorCode::kIo, "{}: cannot open the access log: {}", path.string(),
                      std::strerror(errno));
  }
  return std::unique_ptr<AccessLog>(new AccessLog(std::move(path), max_bytes, file));
}

AccessLog::AccessLog(std::filesystem::path path, int64_t max_bytes, int file)
    : path_(std::move(path)), max_bytes_(max_bytes), file_(file) {
  struct stat status {};
  if (::lstat(path_.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
    file_bytes_ = status.st_size;
  } else {
    max_bytes_ = std::numeric_limits<int64_t>::max();  // a device or a link is not to be renamed
  }
  thread_ = std::thread([this] { run(); });
}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
  if (file_ >= 0) ::close(file_);
}

void AccessLog::write(const AccessRecord& record) {
  const std::string line = access_line(record);
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + line.size() > kMaxWaiting) {
      ++dropped_;
      return;
    }
    waiting_ += line;
  }
  changed_.notify_one();
}

int64_t AccessLog::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void AccessLog::run() {
  std::string lines;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    lines.clear();
    lines.swap(waiting_);
    lock.unlock();
    const int64_t lost = append(lines);
    lock.lock();
    dropped_ += lost;
  }
}

int64_t AccessLog::append(std::string_view lines) {
  if (file_bytes_ >= max_bytes_) rotate();
  if (file_ < 0) file_ = open_for_append(path_);
  if (file_ < 0) return count_lines(lines);
  // After a write that ended within a line, the next line begins on a new one.
  if (line_broken_ && ::write(file_, "\n", 1) == 1) line_broken_ = false;
  while (!lines.empty()) {
    const ssize_t written = ::write(file_, lines.data(), lines.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return count_lines(lines);
    line_broken_ = lines[static_cast<size_t>(written) - 1] != '\n';
    file_bytes_ += written;
    lines.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

void AccessLog::rotate() {
  if (file_ >= 0) ::close(file_);
  std::filesystem::path before = path_;
  before += ".1";
  std::error_code ignored;  // where a file cannot be renamed, it is cut instead
  std::filesystem::rename(path_, before, ignored);
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_TRUNC | O_CLOEXEC, 0640);
  file_bytes_ = 0;
  line_broken_ = false;
}

}  // namespace chitu
