// `chitu tokenize`: text to token ids, and back.

#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>

#include "app/commands.h"
#include "app/session.h"
#include "io/file.h"

namespace chitu::app {
namespace {

constexpr Option kOptions[] = {
    {.name = "--file", .letter = 'f', .value = "FILE", .help = "the text of a file"},
    {.name = "--decode", .letter = 'd', .help = "token ids in, separated by anything; text out"},
    {.name = "--pieces", .help = "one token a line: its id and the vocabulary's piece"},
    {.name = "--count", .help = "only the number of tokens"},
    {.name = "--no-special", .help = "add no BOS, and take <|...|> in the text as plain text"},
};

Result<std::string> read_input(const Invocation& invocation) {
  const Args& args = invocation.args;
  if (const auto path = args.value("--file")) {
    return read_file(*path, Tokenizer::kMaxTextBytes);
  }
  if (args.words().empty()) return std::string{std::istreambuf_iterator<char>(std::cin), {}};
  return fmt::format("{}", fmt::join(args.words(), " "));
}

// "1, 2 3" or "[1,2,3]"
Result<std::vector<int32_t>> parse_ids(std::string_view text) {
  std::vector<int32_t> ids;
  const auto is_part = [](char c) { return (c >= '0' && c <= '9') || c == '-' || c == '+'; };
  while (!text.empty()) {
    std::size_t length = 0;
    while (length < text.size() && is_part(text[length])) ++length;
    if (length > 0) {
      const auto id = parse_integer(text.substr(0, length), 0, INT32_MAX);
      if (!id) {
        return make_error(ErrorCode::kInvalidArgument, "'{}' is no token id",
                          text.substr(0, length));
      }
      ids.push_back(static_cast<int32_t>(*id));
    } else if (std::string_view(" \t\r\n,[]").find(text[0]) == std::string_view::npos) {
      return make_error(ErrorCode::kInvalidArgument, "token ids are numbers, found '{}'", text[0]);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return ids;
}

// A piece on one line.
std::string escaped(std::string_view piece) {
  std::string text;
  for (const char c : piece) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      text += c;
    }
  }
  return text;
}

Result<int> run(const Invocation& invocation) {
  const Args& args = invocation.args;
  if (args.words().empty() && !args.has("--file") && invocation.environment.input_is_terminal) {
    return usage_error("tokenize", "give a text, --file, or something on standard input");
  }
  TRY(checkpoint, open_checkpoint(invocation.environment, invocation.settings));
  TRY(tokenizer, open_tokenizer(checkpoint, invocation.settings));
  TRY(input, read_input(invocation));
  if (args.has("--decode")) {
    TRY(ids, parse_ids(input));
    for (const int32_t id : ids) {
      if (id < tokenizer.vocab_size()) continue;
      return make_error(ErrorCode::kInvalidArgument, "token {}: the vocabulary ends at {}", id,
                        tokenizer.vocab_size() - 1);
    }
    fmt::print("{}\n", tokenizer.decode(ids, false));
    return kExitOk;
  }
  const bool special = !args.has("--no-special");
  TRY(ids, tokenizer.encode(input, {.add_special_tokens = special, .parse_special = special}));
  if (args.has("--count")) {
    fmt::print("{}\n", ids.size());
  } else if (args.has("--pieces")) {
    for (const int32_t id : ids) fmt::print("{}\t{}\n", id, escaped(tokenizer.token(id)));
  } else {
    fmt::print("{}\n", fmt::join(ids, " "));
  }
  return kExitOk;
}

}  // namespace

const Command kTokenizeCommand{
    .name = "tokenize",
    .summary = "Show the tokens of a text, or the text of tokens",
    .synopsis = "[options] [TEXT] [key=value ...]",
    .takes_words = true,
    .takes_settings = true,
    .options = kOptions,
    .examples =
        "chitu tokenize \"Hello, world\"\n"
        "chitu tokenize --pieces \"Hello, world\"\n"
        "chitu tokenize --count --file book.txt\n"
        "chitu tokenize --decode 19556 28 905",
    .run = run,
};

}  // namespace chitu::app
