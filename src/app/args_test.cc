#include "app/args.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace chitu::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Option kOptions[] = {
    {"--prompt", 'p', "TEXT", "the prompt"},
    {"--raw", 0, "", "no template"},
    {"--sizes", 0, "N,...", "sizes"},
};

Result<Args> parse(std::vector<const char*> words) { return Args::parse(words, kOptions); }

TEST(Args, SeparatesOptionsSettingsAndText) {
  const Result<Args> args =
      parse({"hello there", "-p", "--raw", "infer.seed=3", "--raw", "what is 1=1?", "x"});
  ASSERT_TRUE(args.ok());
  EXPECT_EQ(args->value("--prompt"), "--raw");
  EXPECT_TRUE(args->has("--raw"));
  EXPECT_FALSE(args->has("--sizes"));
  EXPECT_THAT(args->settings(), ElementsAre("infer.seed=3"));
  EXPECT_THAT(args->words(), ElementsAre("hello there", "what is 1=1?", "x"));
}

TEST(Args, TakesTheLastOfSeveralValues) {
  const Result<Args> args = parse({"--prompt=a=b", "-p", "c"});
  ASSERT_TRUE(args.ok());
  EXPECT_EQ(args->value("--prompt"), "c");
}

TEST(Args, TreatsEverythingAfterTwoDashesAsText) {
  const Result<Args> args = parse({"--", "a=b", "--raw", "--"});
  ASSERT_TRUE(args.ok());
  EXPECT_THAT(args->words(), ElementsAre("a=b", "--raw", "--"));
  EXPECT_FALSE(args->has("--raw"));
}

TEST(Args, NamesTheNearestOption) {
  EXPECT_THAT(parse({"--promt", "x"}).error().message, HasSubstr("did you mean --prompt?"));
  EXPECT_EQ(parse({"--elephant"}).error().message, "unknown option --elephant");
}

TEST(Args, TakesAMisspelledSettingForOneRatherThanForText) {
  const std::string_view keys[] = {"models", "infer.num_threads"};
  const auto parse_word = [&](const char* word) {
    return Args::parse(std::vector<const char*>{word}, kOptions, keys);
  };
  EXPECT_THAT(parse_word("infer.num-threads=2")->settings(), ElementsAre("infer.num-threads=2"));
  EXPECT_THAT(parse_word("a-b=2")->words(), ElementsAre("a-b=2"));
  EXPECT_THAT(parse_word("infer.num_threads:2").error().message,
              HasSubstr("did you mean infer.num_threads=2?"));
  EXPECT_THAT(parse_word("infer.num-threads:2").error().message,
              HasSubstr("did you mean infer.num_threads=2?"));
  for (const char* text : {"example.com:80", "models:x", "infer: x.y", "infer.x is: good"}) {
    EXPECT_THAT(parse_word(text)->words(), ElementsAre(text));
  }
}

TEST(Args, NamesTheSettingThatAnUnknownOptionMeans) {
  const std::string_view keys[] = {"models", "infer.num_threads", "request.max_new_tokens",
                                   "request.temperature", "request.top_p"};
  const auto error = [&](const char* word) {
    const Option options[] = {{"--prompt", 'p', "TEXT", "the prompt"}, {"--help", 'h', "", ""}};
    return Args::parse(std::vector<const char*>{word, "1"}, options, keys).error().message;
  };
  EXPECT_EQ(error("--temp"),
            "unknown option --temp (did you mean the setting request.temperature=...?)");
  EXPECT_THAT(error("--temperature=0.7"), HasSubstr("did you mean the setting request.temp"));
  EXPECT_THAT(error("--max-tokens"), HasSubstr("request.max_new_tokens=...?"));
  EXPECT_THAT(error("--top-p"), HasSubstr("request.top_p=...?"));
  EXPECT_THAT(error("--model"), HasSubstr("models=...?"));
  EXPECT_THAT(error("--threads"), HasSubstr("infer.num_threads=...?"));
  EXPECT_EQ(error("-m"),
            "unknown option -m; settings have no dashes, as in models=/path/to/checkpoint");
}

TEST(Args, TakesAFormulaAsText) {
  const Result<Args> args = parse({"What is 2+2=?", "2+2=?", "1=1", "=x", "a-b=c"});
  ASSERT_TRUE(args.ok());
  EXPECT_THAT(args->settings(), ElementsAre());
  EXPECT_EQ(args->words().size(), 5U);
}

TEST(Args, RefusesMissingAndSurplusValues) {
  EXPECT_EQ(parse({"-p"}).error().message, "--prompt needs a value: --prompt TEXT");
  EXPECT_EQ(parse({"--raw=yes"}).error().message, "--raw takes no value");
}

TEST(Args, ChecksIntegers) {
  const Result<Args> args = parse({"--sizes", "1,8,64"});
  EXPECT_THAT(*args->integers_or("--sizes", {}, 1, 100), ElementsAre(1, 8, 64));
  EXPECT_THAT(args->integers_or("--sizes", {}, 1, 50).error().message, HasSubstr("[1, 50]"));
  EXPECT_FALSE(parse({"--sizes", "1,,2"})->integers_or("--sizes", {}, 0, 9).ok());
  EXPECT_FALSE(parse({"--sizes", "99999999999999999999"})->integer_or("--sizes", 0, 0, 9).ok());
  EXPECT_EQ(*parse({})->integer_or("--sizes", 7, 0, 9), 7);
}

TEST(Nearest, FindsAKeyByItsLastPart) {
  const std::string_view keys[] = {"infer.max_reqs", "infer.max_seq_len", "serve.port"};
  EXPECT_EQ(nearest("max_seq_len", keys), "infer.max_seq_len");
  EXPECT_EQ(nearest("infer.max_req", keys), "infer.max_reqs");
  EXPECT_EQ(nearest("infer.max_seq", keys), "infer.max_seq_len");
  EXPECT_EQ(nearest("INFER.MAX_REQS", keys), "infer.max_reqs");
  EXPECT_EQ(nearest("zebra", keys), "");
  EXPECT_EQ(nearest("max-len", keys), "infer.max_seq_len");
  EXPECT_EQ(nearest("max", keys), "");
}

TEST(Nearest, ForgivesFewErrorsInAShortWord) {
  const std::string_view options[] = {"--help", "--prompt"};
  EXPECT_EQ(nearest("--hepl", options), "--help");
  EXPECT_EQ(nearest("--hel", options), "--help");
  EXPECT_EQ(nearest("--hal", options), "");
  EXPECT_EQ(nearest("--temp", options), "");
}

TEST(Args, ReadsNumbersInARange) {
  const auto number = [](const char* text) {
    return parse({"--prompt", text})->number_or("--prompt", 7, 0.5, HUGE_VAL);
  };
  EXPECT_EQ(*number("2.5"), 2.5);
  EXPECT_EQ(*number("inf"), HUGE_VAL);
  EXPECT_EQ(*parse({})->number_or("--prompt", 7, 0, 1), 7);
  for (const char* wrong : {"", "x", "nan", "0.4", "-1", "2.5s", "1,2"}) {
    EXPECT_FALSE(number(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace chitu::app
