// Where answers and figures go.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace chitu::app {

// A file that is opened before a long work and written after it, or standard output.
class OutputFile {
 public:
  // Empty: standard output. A file that is there already is left as it is until clear().
  static Result<OutputFile> open(const std::string& path);

  Status clear();
  // False: it could not be written, nor will a later one be; finish() says why.
  bool write_line(std::string_view line);
  Status finish();

 private:
  struct Close {
    void operator()(std::FILE* file) const {
      if (file != stdout) std::fclose(file);
    }
  };
  OutputFile(std::string name, std::FILE* file) : name_(std::move(name)), file_(file) {}

  std::string name_;
  std::unique_ptr<std::FILE, Close> file_;
  int failed_ = 0;  // errno of the write that failed
};

}  // namespace chitu::app
