// Lines from the user: with editing and history on a terminal (libedit), plain from a pipe.
#pragma once

#include <memory>
#include <string>

#include "app/environment.h"

namespace chitu::app {

struct InputLine {
  enum class Kind { kLine, kCancelled /* by Ctrl-C */, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;
  int number = 0;  // of its first line, counted from 1
};

class LineReader {
 public:
  // The history is kept in environment.history_file from one run to the next.
  explicit LineReader(const Environment& environment);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // The prompt is shown on a terminal only. A line that ends in a backslash goes on in the next;
  // lines that are pasted into a terminal stay together.
  InputLine read(const std::string& prompt);

 private:
  class Editor;

  InputLine read_one(const std::string& prompt);

  std::unique_ptr<Editor> editor_;  // none: standard input is not a terminal
  int lines_ = 0;                   // read so far
};

}  // namespace chitu::app
