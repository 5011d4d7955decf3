// `chitu chat`: an interactive conversation, with commands that begin with a slash.

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <utility>

#include "app/answer.h"
#include "app/commands.h"
#include "app/conversation.h"
#include "app/line_reader.h"
#include "app/prompt.h"
#include "app/sampling_defaults.h"
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
  // Returns the exit code.
  int loop();

 private:
  // One slash command.
  struct Command {
    std::string_view name;
    std::string_view argument;
    std::string_view help;
    Status (Chat::*run)(const std::string& argument);
  };
  static std::span<const Command> commands();

  InterruptScope::Mode interrupt_mode() const {
    return environment_.input_is_terminal ? InterruptScope::Mode::kAlways
                                          : InterruptScope::Mode::kOnce;
  }
  Status take(const std::string& line);
  Status run_command(const std::string& line);
  Status answer(const std::string& question);
  Result<Answer> make(const std::string& question);
  void say(std::string_view line) { note(environment_, line); }

  Status help(const std::string&);
  Status reset(const std::string&);
  Status system(const std::string& text);
  Status undo(const std::string&);
  Status regenerate(const std::string&);
  Status save(const std::string& path);
  Status load(const std::string& path);
  Status set(const std::string& words);
  Status show_statistics(const std::string&);
  Status quit(const std::string&);

  const Environment& environment_;
  Settings settings_;
  Session& session_;
  Conversation conversation_;
  std::optional<Answer> last_;
  bool left_ = false;
};

Error mistake(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

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

int Chat::loop() {
  // Ctrl-C may come when the answer is just complete: it must not end the chat then either.
  std::optional<InterruptScope> between_answers;
  if (environment_.input_is_terminal) between_answers.emplace(interrupt_mode());
  LineReader reader(environment_);
  if (environment_.input_is_terminal) {
    say(fmt::format("{}: /help lists the commands, Ctrl-C stops an answer", session_.model_name));
  }
  int code = kExitOk;
  while (!left_) {
    const InputLine line = reader.read("> ");
    if (line.kind == InputLine::Kind::kEnd) break;
    if (line.kind == InputLine::Kind::kCancelled || line.text.empty()) continue;
    const Status status = take(line.text);
    if (status.ok()) continue;
    // Who types sees it and goes on; a script has to learn of it.
    if (environment_.input_is_terminal) {
      fmt::print(stderr, "chitu: error: {}\n", status.error().message);
    } else {
      fmt::print(stderr, "chitu: error: standard input:{}: {}\n", line.number,
                 status.error().message);
      code = kExitError;
    }
  }
  return code;
}

Status Chat::take(const std::string& line) {
  TRY_STATUS(check_utf8(line));
  return line.starts_with('/') ? run_command(line) : answer(line);
}

Status Chat::run_command(const std::string& line) {
  const std::size_t space = line.find(' ');
  const std::string_view name = std::string_view(line).substr(0, space);
  const std::string argument = space == std::string::npos ? "" : line.substr(space + 1);
  std::vector<std::string_view> names;
  for (const Command& command : commands()) {
    if (command.name == name) {
      if (!argument.empty() && command.argument.empty()) {
        return mistake(fmt::format("{} takes nothing after it", name));
      }
      return (this->*command.run)(argument);
    }
    names.push_back(command.name);
  }
  const std::string_view near = nearest(name, names);
  return mistake(
      fmt::format("unknown command {}{}", name,
                  near.empty() ? "; /help lists them" : fmt::format(" (did you mean {}?)", near)));
}

Result<Answer> Chat::make(const std::string& question) {
  conversation_.add("user", question);
  TRY(tokens, encode_chat(session_, conversation_.to_json()));
  const int64_t room = session_.engine->memory().max_seq_len;
  if (static_cast<int64_t>(tokens.size()) >= room) {
    return mistake(fmt::format(
        "the conversation would have {}, and infer.max_seq_len={} has to hold it and the answer; "
        "/undo or /reset makes room, and chitu chat infer.max_seq_len=... another size",
        counted(tokens.size(), "token"), room));
  }
  const InterruptScope interrupt(interrupt_mode());
  return make_answer(session_, make_request(session_, settings_, std::move(tokens)), interrupt,
                     [](std::string_view text) {
                       fmt::print("{}", text);
                       std::fflush(stdout);
                     });
}

Status Chat::answer(const std::string& question) {
  Result<Answer> answer = make(question);
  if (!answer.ok()) {
    conversation_.undo();
    return std::move(answer).error();
  }
  fmt::print("\n");
  std::fflush(stdout);
  if (answer->finish == FinishReason::kCancelled) say("(stopped)");
  if (!answer->limit.empty()) say(fmt::format("({} has ended the answer)", answer->limit));
  conversation_.add("assistant", answer->text);
  last_ = *std::move(answer);
  return {};
}

Status Chat::help(const std::string&) {
  for (const Command& command : commands()) {
    say(fmt::format("  {:<20} {}", fmt::format("{} {}", command.name, command.argument),
                    command.help));
  }
  say("  a backslash at the end of a line continues the message on the next");
  return {};
}

Status Chat::reset(const std::string&) {
  conversation_.reset();
  return {};
}

Status Chat::system(const std::string& text) {
  if (text.empty()) {
    const std::string system = conversation_.system();
    say(system.empty() ? "there is no system message" : system);
  } else {
    conversation_.set_system(text == "-" ? "" : text);
  }
  return {};
}

Status Chat::undo(const std::string&) {
  const std::string question = conversation_.undo();
  if (question.empty()) return mistake("there is nothing to take back");
  say("taken back: " + question);
  return {};
}

Status Chat::regenerate(const std::string&) {
  const std::string question = conversation_.undo();
  if (question.empty()) return mistake("there is no question to answer again");
  if (sampling_of(settings_, session_.sampling).temperature == 0) {
    say("(the temperature is 0, so the seed changes nothing; /set request.temperature=0.7 does)");
  }
  const std::string seed = std::to_string((settings_.integer("infer.seed") + 1) & 0x7fffffff);
  TRY_STATUS(settings_.set("infer.seed", seed));
  return answer(question);
}

Status Chat::save(const std::string& path) {
  if (path.empty()) return mistake("/save needs a file");
  TRY_STATUS(conversation_.save(path));
  say(fmt::format("{} in {}", counted(conversation_.messages().size(), "message"), path));
  return {};
}

Status Chat::load(const std::string& path) {
  if (path.empty()) return mistake("/load needs a file");
  TRY(loaded, Conversation::load(path));
  conversation_ = std::move(loaded);
  say(fmt::format("{} from {}", counted(conversation_.messages().size(), "message"), path));
  return {};
}

Status Chat::set(const std::string& words) {
  const auto is_live = [](std::string_view key) {
    return key.starts_with("request.") || key == "infer.seed" || key == "infer.stop_with_eos";
  };
  if (words.empty()) {
    for (const Setting& setting : setting_table()) {
      if (is_live(setting.key))
        say(fmt::format("{}={}", setting.key, settings_.value(setting.key)));
    }
    return {};
  }
  const std::size_t equals = words.find('=');
  const std::string key = words.substr(0, equals);
  if (equals == std::string::npos) {
    return mistake("/set needs key=value, as in /set request.temperature=0.7");
  }
  if (find_setting(key) != nullptr && !is_live(key)) {
    return mistake(fmt::format("{} cannot be changed while the model is loaded", key));
  }
  return settings_.set(key, words.substr(equals + 1));
}

Status Chat::show_statistics(const std::string&) {
  const Result<std::vector<int32_t>> tokens = encode_chat(session_, conversation_.to_json());
  if (last_) say(statistics(*last_));
  say(fmt::format("the conversation has {} of {} tokens", tokens.ok() ? tokens->size() : 0,
                  session_.engine->memory().max_seq_len));
  return {};
}

Status Chat::quit(const std::string&) {
  left_ = true;
  return {};
}

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
  if (const auto system = invocation.args.value("--system")) {
    if (Status status = check_utf8(*system); !status.ok()) {
      return std::move(status).error().within("--system");
    }
    conversation.set_system(*system);
  }

  TRY(session, open_session(invocation.environment, invocation.settings));
  TRY_STATUS(is_chat_model(session));
  note_sampling(invocation.environment, session, invocation.settings);
  Chat chat(invocation, session);
  chat.conversation() = std::move(conversation);
  return chat.loop();
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
