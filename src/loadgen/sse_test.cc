#include "loadgen/sse.h"

#include <gmock/gmock.h>

#include <vector>

namespace chitu::loadgen {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> events(const std::vector<std::string_view>& pieces) {
  SseParser parser;
  std::vector<std::string> all;
  for (const std::string_view piece : pieces) {
    const Status status = parser.feed(piece, [&](std::string_view data) {
      all.emplace_back(data);
      return true;
    });
    EXPECT_TRUE(status.ok());
  }
  return all;
}

TEST(Sse, ReadsDataOfEventsAndNothingElse) {
  EXPECT_THAT(events({"\xef\xbb\xbf"
                      "data: a\n\n: a comment\n\nevent: x\nid: 1\ndata:b\r\n\r\n"}),
              ElementsAre("a", "b"));
  EXPECT_THAT(events({"data: one\ndata: two\n\n"}), ElementsAre("one\ntwo"));
  EXPECT_THAT(events({"data:  two blanks\n\ndata\n\ndata:\n\n"}),
              ElementsAre(" two blanks", "", ""));
  EXPECT_THAT(events({"datax: no\n\ndata: not ended\n"}), ElementsAre());
  EXPECT_THAT(events({"data: a\r\rdata: b\r\r"}), ElementsAre("a", "b"));
}

TEST(Sse, GivesTheSameHoweverTheStreamIsSplit) {
  const std::string stream =
      "\xef\xbb\xbf: hello\r\n\r\ndata: {\"a\":1}\r\n\r\ndata: x\ndata: y\n\ndata: z\r\rdata: "
      "[DONE]\n\n";
  const std::vector<std::string> whole = events({stream});
  ASSERT_THAT(whole, ElementsAre("{\"a\":1}", "x\ny", "z", "[DONE]"));
  for (std::size_t a = 0; a <= stream.size(); ++a) {
    const std::string_view view = stream;
    EXPECT_EQ(events({view.substr(0, a), view.substr(a)}), whole) << a;
  }
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < stream.size(); ++i)
    bytes.push_back(std::string_view(stream).substr(i, 1));
  EXPECT_EQ(events(bytes), whole);
}

TEST(Sse, StopsWhenAskedTo) {
  SseParser parser;
  int seen = 0;
  ASSERT_TRUE(parser
                  .feed("data: a\n\ndata: b\n\n",
                        [&](std::string_view) {
                          ++seen;
                          return false;
                        })
                  .ok());
  EXPECT_EQ(seen, 1);
}

TEST(Sse, RefusesAnEndlessEvent) {
  SseParser parser;
  const std::string piece(1 << 20, 'x');
  Status status;
  for (int i = 0; i < 8 && status.ok(); ++i) {
    status = parser.feed(piece, [](std::string_view) { return true; });
  }
  EXPECT_FALSE(status.ok());

  SseParser lines;
  status = {};
  const std::string line = "data: " + piece + "\n";
  for (int i = 0; i < 8 && status.ok(); ++i) {
    status = lines.feed(line, [](std::string_view) { return true; });
  }
  EXPECT_FALSE(status.ok());
}

}  // namespace
}  // namespace chitu::loadgen
