#include "app/decode_window.h"

#include <gtest/gtest.h>

namespace chitu::app {
namespace {

constexpr RequestId kA{0};
constexpr RequestId kB{1};

std::vector<TokenEvent> events(std::initializer_list<RequestId> ids) {
  std::vector<TokenEvent> list;
  for (const RequestId id : ids) list.push_back({.id = id, .token = 7});
  return list;
}

TEST(DecodeWindow, OpensWhenTheLastPromptIsComputed) {
  DecodeWindow window(2, 3);
  window.take(events({kA}));
  window.take(events({kA}));  // decodes while the prompt of the other is computed
  window.take({});
  EXPECT_FALSE(window.is_open());
  window.take(events({kA, kB}));
  EXPECT_TRUE(window.is_open());
  EXPECT_EQ(window.tokens(), 0);
}

TEST(DecodeWindow, CountsItsStepsOnly) {
  DecodeWindow window(2, 2);
  window.take(events({kA}));
  window.take(events({kA, kB}));
  window.take(events({kA, kB}));
  EXPECT_TRUE(window.is_open());
  window.take(events({kA, kB}));
  EXPECT_TRUE(window.is_closed());
  EXPECT_EQ(window.tokens(), 4);
}

TEST(DecodeWindow, ClosesWhenARequestEnds) {
  DecodeWindow window(2, 100);
  window.take(events({kA, kB}));
  std::vector<TokenEvent> last = events({kA, kB});
  last[0].finish = FinishReason::kLength;
  window.take(last);
  EXPECT_TRUE(window.is_closed());
  EXPECT_EQ(window.tokens(), 2);
}

TEST(DecodeWindow, IsEmptyWhenARequestEndsBeforeTheLastBegins) {
  DecodeWindow window(2, 100);
  std::vector<TokenEvent> only = events({kA});
  only[0].finish = FinishReason::kLength;
  window.take(only);
  EXPECT_TRUE(window.is_closed());
  EXPECT_EQ(window.tokens(), 0);
}

}  // namespace
}  // namespace chitu::app
