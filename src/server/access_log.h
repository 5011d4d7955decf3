// One line of JSON for each request: {"time":...,"id":...,"peer":...,"method":...,"path":...,
// "status":...,"bytes":...,"ms":...,"end":"done"}.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/result.h"

namespace chitu {

struct AccessRecord {
  double time = 0;  // seconds since 1970, when the request began
  std::string_view id;
  std::string_view peer;
  std::string_view method;
  std::string_view path;
  int status = 0;
  int64_t bytes = 0;  // sent
  double seconds = 0;
  std::string_view end = "done";  // done | disconnected | evicted | failed
  std::string_view error;         // of a handler that threw; left out when empty
};

// {"time":"2025-03-01T12:00:00.123Z",...} and a newline. Long texts are cut; bytes that are not
// printable ASCII are escaped, so the line is JSON whatever a client sent.
std::string access_line(const AccessRecord& record);

// Appends to a file from a thread of its own: a slow disk or a full one delays and harms nobody.
// Lines that cannot be written are dropped and counted. At `max_bytes` the file becomes PATH.1, in
// place of the one before, and begins anew.
class AccessLog {
 public:
  static constexpr int64_t kMaxBytes = int64_t{64} << 20;

  // Error when the file cannot be opened.
  static Result<std::unique_ptr<AccessLog>> open(std::filesystem::path path,
                                                 int64_t max_bytes = kMaxBytes);
  ~AccessLog();  // writes what waits
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  void write(const AccessRecord& record);  // any thread; never blocks on the file
  int64_t dropped() const;                 // lines

 private:
  AccessLog(std::filesystem::path path, int64_t max_bytes, int file);
  void run();
  int64_t append(std::string_view lines);  // how many lines were lost
  void rotate();

  const std::filesystem::path path_;
  int64_t max_bytes_;
  int file_;                  // -1: could not be opened again; the writing thread's own
  int64_t file_bytes_ = 0;    // the writing thread's own
  bool line_broken_ = false;  // the writing thread's own: the last line ended in its middle

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string waiting_;
  int64_t dropped_ = 0;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace chitu
