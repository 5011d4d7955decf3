#include "app/answer.h"

#include <gtest/gtest.h>

namespace chitu::app {
namespace {

TEST(Statistics, HaveNoSpeedOfWhatWasNotComputed) {
  Answer answer{.prompt_tokens = 2940};
  answer.finish = FinishReason::kCancelled;
  EXPECT_EQ(statistics(answer), "prompt 2940 tokens, no answer yet (cancelled)");
  answer.tokens = 1;
  answer.prompt_seconds = 2;
  EXPECT_EQ(statistics(answer), "prompt 2940 tokens at 1470.0 tok/s, answer 1 token (cancelled)");
  answer.tokens = 3;
  answer.decode_seconds = 0.5;
  answer.finish = FinishReason::kLength;
  answer.limit = "request.max_new_tokens=3";
  EXPECT_EQ(statistics(answer),
            "prompt 2940 tokens at 1470.0 tok/s, answer 3 tokens at 4.0 tok/s "
            "(length: request.max_new_tokens=3)");
}

}  // namespace
}  // namespace chitu::app
