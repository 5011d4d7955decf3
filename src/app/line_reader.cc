#include "app/line_reader.h"

#include <histedit.h>

#include <clocale>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string_view>
#include <system_error>
#include <utility>

namespace chitu::app {
namespace {

constexpr int kHistoryLines = 1000;

// A terminal that is asked to brackets what is pasted, so that its line ends differ from Enter.
constexpr std::string_view kBracketPastes = "\033[?2004h";
constexpr std::string_view kPlainPastes = "\033[?2004l";
constexpr std::wstring_view kPasteEnd = L"\033[201~";

void write_now(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

// libedit's C interface takes a context pointer; it is this object.
class LineReader::Editor {
 public:
  explicit Editor(const Environment& environment)
      : history_file_(environment.history_file), brackets_pastes_(environment.can_redraw) {
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
    // The wide interface: the other one leaks copies of the two names.
    el_wset(edit_, EL_ADDFN, L"drop-line", L"Drop the line", &Editor::drop_line);
    el_set(edit_, EL_BIND, "^C", "drop-line", nullptr);
    el_wset(edit_, EL_ADDFN, L"paste", L"Insert what is pasted", &Editor::paste);
    el_set(edit_, EL_BIND, "\\e[200~", "paste", nullptr);
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
    if (brackets_pastes_) write_now(kBracketPastes);
    const char* line = el_gets(edit_, &length);
    if (brackets_pastes_) write_now(kPlainPastes);
    if (dropped_) return {.kind = InputLine::Kind::kCancelled, .text = ""};
    if (line == nullptr || length <= 0) return {};
    std::string read(line, static_cast<std::size_t>(length));
    HistEvent event;
    if (read != "\n") history(history_, &event, H_ENTER, read.c_str());
    if (read.ends_with('\n')) read.pop_back();
    return {.kind = InputLine::Kind::kLine, .text = std::move(read)};
  }

 private:
  static Editor* self(EditLine* edit) {
    void* data = nullptr;
    el_get(edit, EL_CLIENTDATA, &data);
    return static_cast<Editor*>(data);
  }
  static char* prompt(EditLine* edit) { return self(edit)->prompt_.data(); }
  static unsigned char drop_line(EditLine* edit, wint_t) {
    self(edit)->dropped_ = true;
    std::fputs("^C\r\n", stdout);
    return CC_EOF;
  }
  static unsigned char paste(EditLine* edit, wint_t) {
    std::wstring text;
    wchar_t c = 0;
    while (!text.ends_with(kPasteEnd)) {
      if (el_wgetc(edit, &c) != 1) return CC_EOF;
      text += c == L'\r' ? L'\n' : c;
    }
    text.resize(text.size() - kPasteEnd.size());
    while (text.ends_with(L'\n')) text.pop_back();
    if (!text.empty() && el_winsertstr(edit, text.c_str()) != 0) return CC_ERROR;
    return CC_REFRESH;
  }

  std::filesystem::path history_file_;
  bool brackets_pastes_;
  History* history_ = nullptr;
  EditLine* edit_ = nullptr;
  std::string prompt_;
  bool dropped_ = false;
};

LineReader::LineReader(const Environment& environment) {
  if (environment.input_is_terminal && environment.output_is_terminal) {
    editor_ = std::make_unique<Editor>(environment);
  }
}

LineReader::~LineReader() = default;

InputLine LineReader::read_one(const std::string& prompt) {
  ++lines_;
  if (editor_) return editor_->read(prompt);
  std::string line;
  if (!std::getline(std::cin, line)) return {};
  return {.kind = InputLine::Kind::kLine, .text = std::move(line)};
}

InputLine LineReader::read(const std::string& prompt) {
  InputLine whole = read_one(prompt);
  whole.number = lines_;
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
