#include "app/subprocess.h"

#include <gtest/gtest.h>

#include <vector>

namespace chitu::app {
namespace {

Result<SubprocessResult> run(std::vector<std::string> command) { return run_subprocess(command); }

TEST(Subprocess, ReturnsOutputAndExitCode) {
  const auto result = run({"sh", "-c", "echo one; echo \"$1\"; exit 3", "sh", "two words"});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->output, "one\ntwo words");
  EXPECT_EQ(result->exit_code, 3);
}

TEST(Subprocess, NamesTheSignalThatEndedIt) {
  EXPECT_EQ(run({"sh", "-c", "kill -9 $$"})->exit_code, 137);
}

TEST(Subprocess, SurvivesMoreOutputThanAPipeHolds) {
  const auto result = run({"sh", "-c", "head -c 3000000 /dev/zero"});
  ASSERT_TRUE(result.ok());
  EXPECT_GE(result->output.size(), 1U << 20);
}

TEST(Subprocess, SaysThatAProgramIsMissing) {
  const auto result = run({"chitu-no-such-program"});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
}

TEST(Subprocess, TimesTheFirstByteAndEndsTheRest) {
  const auto time = [](std::vector<std::string> command, double timeout) {
    return time_to_first_output(command, timeout);
  };
  const auto first = time({"sh", "-c", "echo; exec sleep 600"}, 60);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_GT(*first, 0);
  EXPECT_FALSE(time({"sleep", "600"}, 0.01).ok());
  EXPECT_FALSE(time({"sh", "-c", "exit 3"}, 60).ok());
}

}  // namespace
}  // namespace chitu::app
