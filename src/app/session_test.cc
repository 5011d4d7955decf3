#include "app/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chitu::app {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A file whose own end is <|endoftext|>, though a chat's turns end with <|im_end|>.
Tokenizer tokenizer() {
  VocabularySource source;
  source.model = "gpt2";
  source.pre = "smollm";
  source.tokens = {"<|endoftext|>", "<|im_start|>", "<|im_end|>", "a"};
  source.types = {VocabularySource::kControl, VocabularySource::kControl,
                  VocabularySource::kControl, VocabularySource::kNormal};
  source.eos = 0;
  return Tokenizer::from_vocabulary(source).value();
}

TEST(MakeRequest, EndsAnAnswerWithEveryEndTokenOfTheTokenizer) {
  Session session;
  session.tokenizer = tokenizer();
  Settings settings;
  EXPECT_THAT(make_request(session, settings, {3}).stop_tokens, ElementsAre(0, 2));
  ASSERT_TRUE(settings.set("infer.stop_with_eos", "false").ok());
  const Request request = make_request(session, settings, {3});
  EXPECT_THAT(request.stop_tokens, IsEmpty());
  EXPECT_TRUE(request.ignore_eos);
}

}  // namespace
}  // namespace chitu::app
