// `chitu chat`: an interactive conversation, with commands that begin with a slash.

#include <fmt/format.h>

#include <array>
#include <cstdio>

#include "app/answer.h"
#include "app/commands.h"
#include "app/conversation.h"
#include "app/line_reader.h"
#include "app/session.h"
#include "app/terminal.h"
#include "base/counted.h"

namespace chitu::app {
namespace {

constexpr Option kOptions[] = {
    {.name = "--system", .value = "TEXT", .help = "a system message at the beginning"},
    {.name = "--load", .value = "FILE", .help = "go on with a conversation that /save has written"},
};

class Chat {
 public:
  Chat(const Invocation& invocation, Session& session)
      : environment_(invocation.environment), settings_(invocation.settings), session_(session) {}

  Conversation& conversation() { return conversation_; }
  void loop();

 private:
  // One slash command. Returns false to leave the chat.
  struct Command {
    std::string_view name;
    std::string_view argument;
    std::string_view help;
    bool (Chat::*run)(const std::string& argument);
  };
  static std::span<const Command> commands();

  InterruptScope::Mode interrupt_mode() const {
    return environment_.input_is_terminal ? InterruptScope::Mode::kAlways
                                          : InterruptScope::Mode::kOnce;
  }
  bool run_command(const std::string& line);
  void answer(const std::string& question);
  void say(std::string_view line) { note(environment_, line); }
  void report(const Error& error) { fmt::print(stderr, "chitu: error: {}\n", error.message); }

  bool help(const std::string&);
  bool reset(const std::string&);
  bool system(const std::string& text);
  bool undo(const std::string&);
  bool regenerate(const std::string&);
  bool save(const std::string& path);
  bool load(const std::string& path);
  bool set(const std::string& words);
  bool show_statistics(const std::string&);
  bool quit(const std::string&);

  const Environment& environment_;
  Settings settings_;
  Session& session_;
  Conversation conversation_;
  std::optional<Answer> last_;
};

std::span<const Chat::Command> Chat::commands() {
  static constexpr std::array<Command, 10> kCommands = {{
      {"/help", "", "show this", &Chat::help},
      {"/reset", "", "forget the conversation; the system message stays", &Chat::reset},
      {"/system", "[TEXT]", "show or set the system message; - removes it", &Chat::system},
      {"/regen", "", "answer the last question again, with the next seed", &Chat::regenerate},
      {"/undo", "", "take the last question and its answer back", &Chat::undo},
      {"/set", "[key=value]", "change a request.* setting, infer.seed or infer.stop_with_eos",
       &Chat::set},
      {"/save", "FILE", "write the conversation to a JSON file", &Chat::save},
      {"/load", "FILE", "go on with a saved conversation", &Chat::load},
      {"/stats", "", "speed of the last answer, and room left", &Chat::show_statistics},
      {"/quit", "", "leave; Ctrl-D does too", &Chat::quit},
  }};
  return kCommands;
}

void Chat::loop() {
  // Ctrl-C may come when the answer is just complete: it must not end the chat then either.
  std::optional<InterruptScope> between_answers;
  if (environment_.input_is_terminal) between_answers.emplace(interrupt_mode());
  LineReader reader(environment_, environment_.cache_dir.empty()
                                      ? std::filesystem::path()
                                      : environment_.cache_dir / "chat_history");
  if (environment_.input_is_terminal) {
    say(fmt::format("{}: /help lists the commands, Ctrl-C stops an answer", session_.model_name));
  }
  while (true) {
    const InputLine line = reader.read("> ");
    if (line.kind == InputLine::Kind::kEnd) break;
    if (line.kind == InputLine::Kind::kCancelled || line.text.empty()) continue;
    if (!line.text.starts_with('/')) {
      answer(line.text);
    } else if (!run_command(line.text)) {
      break;
    }
  }
}

bool Chat::run_command(const std::string& line) {
  const std::size_t space = line.find(' ');
  const std::string_view name = std::string_view(line).substr(0, space);
  const std::string argument = space == std::string::npos ? "" : line.substr(space + 1);
  std::vector<std::string_view> names;
  for (const Command& command : commands()) {
    if (command.name == name) {
      if (!argument.empty() && command.argument.empty()) {
        say(fmt::format("{} takes nothing after it", name));
        return true;
      }
      return (this->*command.run)(argument);
    }
    names.push_back(command.name);
  }
  const std::string_view near = nearest(name, names);
  say(fmt::format("unknown command {}{}", name,
                  near.empty() ? "; /help lists them" : fmt::format(" (did you mean {}?)", near)));
  return true;
}

void Chat::answer(const std::string& question) {
  conversation_.add("user", question);
  const Result<std::vector<int32_t>> tokens = encode_chat(session_, conversation_.to_json());
  Result<Answer> answer = tokens.error();
  if (tokens.ok()) {
    const InterruptScope interrupt(interrupt_mode());
    answer = make_answer(session_, make_request(session_, settings_, *tokens), interrupt,
                         [](std::string_view text) {
                           fmt::print("{}", text);
                           std::fflush(stdout);
                         });
  }
  if (!answer.ok()) {
    conversation_.undo();
    report(answer.error());
    return;
  }
  fmt::print("\n");
  std::fflush(stdout);
  if (answer->finish == FinishReason::kCancelled) say("(stopped)");
  if (answer->finish == FinishReason::kLength) say("(the answer has reached its longest)");
  conversation_.add("assistant", answer->text);
  last_ = *std::move(answer);
}

bool Chat::help(const std::string&) {
  for (const Command& command : commands()) {
    say(fmt::format("  {:<20} {}", fmt::format("{} {}", command.name, command.argument),
                    command.help));
  }
  say("  a backslash at the end of a line continues the message on the next");
  return true;
}

bool Chat::reset(const std::string&) {
  conversation_.reset();
  return true;
}

bool Chat::system(const std::string& text) {
  if (text.empty()) {
    const std::string system = conversation_.system();
    say(system.empty() ? "there is no system message" : system);
  } else {
    conversation_.set_system(text == "-" ? "" : text);
  }
  return true;
}

bool Chat::undo(const std::string&) {
  const std::string question = conversation_.undo();
  say(question.empty() ? "there is nothing to take back" : "taken back: " + question);
  return true;
}

bool Chat::regenerate(const std::string&) {
  const std::string question = conversation_.undo();
  if (question.empty()) {
    say("there is no question to answer again");
    return true;
  }
  const std::string seed = std::to_string((settings_.integer("infer.seed") + 1) & 0x7fffffff);
  if (const Status status = settings_.set("infer.seed", seed); !status.ok()) report(status.error());
  answer(question);
  return true;
}

bool Chat::save(const std::string& path) {
  if (path.empty()) {
    say("/save needs a file");
  } else if (const Status status = conversation_.save(path); !status.ok()) {
    report(status.error());
  } else {
    say(fmt::format("{} in {}", counted(conversation_.messages().size(), "message"), path));
  }
  return true;
}

bool Chat::load(const std::string& path) {
  Result<Conversation> loaded = Conversation::load(path);
  if (!loaded.ok()) {
    report(loaded.error());
  } else {
    conversation_ = *std::move(loaded);
    say(fmt::format("{} from {}", counted(conversation_.messages().size(), "message"), path));
  }
  return true;
}

bool Chat::set(const std::string& words) {
  const auto is_live = [](std::string_view key) {
    return key.starts_with("request.") || key == "infer.seed" || key == "infer.stop_with_eos";
  };
  if (words.empty()) {
    for (const Setting& setting : setting_table()) {
      if (is_live(setting.key))
        say(fmt::format("{}={}", setting.key, settings_.value(setting.key)));
    }
    return true;
  }
  const std::size_t equals = words.find('=');
  const std::string key = words.substr(0, equals);
  if (equals == std::string::npos) {
    say("/set needs key=value, as in /set request.temperature=0.7");
  } else if (find_setting(key) != nullptr && !is_live(key)) {
    say(fmt::format("{} cannot be changed while the model is loaded", key));
  } else if (const Status status = settings_.set(key, words.substr(equals + 1)); !status.ok()) {
    report(status.error());
  }
  return true;
}

bool Chat::show_statistics(const std::string&) {
  const Result<std::vector<int32_t>> tokens = encode_chat(session_, conversation_.to_json());
  if (last_) say(statistics(*last_));
  say(fmt::format("the conversation has {} of {} tokens", tokens.ok() ? tokens->size() : 0,
                  session_.engine->memory().max_seq_len));
  return true;
}

bool Chat::quit(const std::string&) { return false; }

// Said before the first question is asked.
Status is_chat_model(const Session& session) {
  TRY(chat_template, require_chat_template(session));
  (void)chat_template;
  return {};
}

Result<int> run(const Invocation& invocation) {
  Conversation conversation;
  if (const auto path = invocation.args.value("--load")) {
    TRY(loaded, Conversation::load(*path));
    conversation = std::move(loaded);
  }
  if (const auto system = invocation.args.value("--system")) conversation.set_system(*system);

  TRY(session, open_session(invocation.environment, invocation.settings));
  TRY_STATUS(is_chat_model(session));
  note_sampling(invocation.environment, session, invocation.settings);
  Chat chat(invocation, session);
  chat.conversation() = std::move(conversation);
  chat.loop();
  return kExitOk;
}

}  // namespace

const Command kChatCommand{
    .name = "chat",
    .summary = "Talk with a model; /help inside lists the commands",
    .synopsis = "[options] [key=value ...]",
    .takes_settings = true,
    .options = kOptions,
    .examples =
        "chitu chat\n"
        "chitu chat models=/path/to/checkpoint request.temperature=0.7\n"
        "chitu chat --system \"Answer in French.\"\n"
        "printf 'Hello\\n/stats\\n' | chitu chat",
    .run = run,
};

}  // namespace chitu::app
