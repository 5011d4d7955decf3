#include "app/line_reader.h"

#include <histedit.h>

#include <clocale>
#include <cstdio>
#include <iostream>
#include <system_error>

namespace chitu::app {
namespace {

constexpr int kHistoryLines = 1000;

}  // namespace

// libedit's C interface takes a context pointer; it is this object.
class LineReader::Editor {
 public:
  explicit Editor(const std::filesystem::path& history_file) : history_file_(history_file) {
    std::setlocale(LC_CTYPE, "");  // libedit reads characters, not bytes
    history_ = history_init();
    HistEvent event;
    history(history_, &event, H_SETSIZE, kHistoryLines);
    history(history_, &event, H_SETUNIQUE, 1);
    if (!history_file_.empty()) history(history_, &event, H_LOAD, history_file_.c_str());

    edit_ = el_init("chitu", stdin, stdout, stderr);
    el_set(edit_, EL_CLIENTDATA, this);
    el_set(edit_, EL_PROMPT, &Editor::prompt);
    el_set(edit_, EL_HIST, ::history, history_);
    el_set(edit_, EL_EDITOR, "emacs");
    el_set(edit_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    // Ctrl-C arrives as a character while a line is edited, and drops it.
    el_set(edit_, EL_SETTY, "-d", "-isig", nullptr);
    el_set(edit_, EL_ADDFN, "drop-line", "Drop the line", &Editor::drop_line);
    el_set(edit_, EL_BIND, "^C", "drop-line", nullptr);
    el_source(edit_, nullptr);  // ~/.editrc
  }

  ~Editor() {
    if (!history_file_.empty()) {
      std::error_code ignored;
      std::filesystem::create_directories(history_file_.parent_path(), ignored);
      HistEvent event;
      history(history_, &event, H_SAVE, history_file_.c_str());
    }
    el_end(edit_);
    history_end(history_);
  }

  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;

  InputLine read(const std::string& text) {
    prompt_ = text;
    dropped_ = false;
    int length = 0;
    const char* line = el_gets(edit_, &length);
    if (dropped_) return {InputLine::Kind::kCancelled, ""};
    if (line == nullptr || length <= 0) return {InputLine::Kind::kEnd, ""};
    std::string read(line, static_cast<std::size_t>(length));
    HistEvent event;
    if (read != "\n") history(history_, &event, H_ENTER, read.c_str());
    if (read.ends_with('\n')) read.pop_back();
    return {InputLine::Kind::kLine, std::move(read)};
  }

 private:
  static Editor* self(EditLine* edit) {
    void* data = nullptr;
    el_get(edit, EL_CLIENTDATA, &data);
    return static_cast<Editor*>(data);
  }
  static char* prompt(EditLine* edit) { return self(edit)->prompt_.data(); }
  static unsigned char drop_line(EditLine* edit, int) {
    self(edit)->dropped_ = true;
    std::fputs("^C\r\n", stdout);
    return CC_EOF;
  }

  std::filesystem::path history_file_;
  History* history_ = nullptr;
  EditLine* edit_ = nullptr;
  std::string prompt_;
  bool dropped_ = false;
};

LineReader::LineReader(const Environment& environment, const std::filesystem::path& history_file) {
  if (environment.input_is_terminal && environment.output_is_terminal) {
    editor_ = std::make_unique<Editor>(history_file);
  }
}

LineReader::~LineReader() = default;

InputLine LineReader::read_one(const std::string& prompt) {
  if (editor_) return editor_->read(prompt);
  std::string line;
  if (!std::getline(std::cin, line)) return {InputLine::Kind::kEnd, ""};
  return {InputLine::Kind::kLine, std::move(line)};
}

InputLine LineReader::read(const std::string& prompt) {
  InputLine whole = read_one(prompt);
  while (whole.kind == InputLine::Kind::kLine && whole.text.ends_with('\\')) {
    whole.text.back() = '\n';
    const InputLine next = read_one(std::string(prompt.size(), ' '));
    if (next.kind == InputLine::Kind::kCancelled) return next;
    if (next.kind == InputLine::Kind::kEnd) break;
    whole.text += next.text;
  }
  return whole;
}

}  // namespace chitu::app
