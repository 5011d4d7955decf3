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

}  // namespace
}  // namespace chitu::app
