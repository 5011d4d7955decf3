// Lines from the user: with editing and history on a terminal (libedit), plain from a pipe.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "app/environment.h"

namespace chitu::app {

struct InputLine {
  enum class Kind { kLine, kCancelled /* by Ctrl-C */, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;
};

class LineReader {
 public:
  // The history is kept in `history_file` from one run to the next, or not at all when it is empty.
  LineReader(const Environment& environment, const std::filesystem::path& history_file);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // The prompt is shown on a terminal only. A line that ends in a backslash goes on in the next.
  InputLine read(const std::string& prompt);

 private:
  class Editor;

  InputLine read_one(const std::string& prompt);

  std::unique_ptr<Editor> editor_;  // none: standard input is not a terminal
};

}  // namespace chitu::app
