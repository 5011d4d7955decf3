// The engine with a real, tiny model on the reference back end.

#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "io/mmap.h"
#include "io/safetensors.h"
#include "tests/engine/forwarding_ops.h"
#include "tests/engine/tiny_model.h"

namespace chitu {
namespace {

using testing::HasSubstr;

using test::answer;
using test::FailingOps;
using test::prompt;
using test::request;

class EngineTest : public test::TinyModelTest {
 protected:
  static inline const EngineOptions kOptions{
      .max_seq_len = 96, .max_reqs = 3, .max_step_tokens = 16};

  Result<MemoryPlan> plan(const EngineOptions& options) {
    TRY(config, read_model_config(*checkpoint_));
    return plan_memory(*checkpoint_, config, *ops_, options);
  }
};

TEST_F(EngineTest, AnEightBitCacheIsForHeadsOfWholeBlocks) {
  const auto refused = plan({.kv_dtype = DType::kQ8_0});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message,
              HasSubstr("in Q8_0 takes head_dim in multiples of 32; the model's is 16"));
}

TEST_F(EngineTest, AnswersTheSameWhateverTheChunksAndBlocks) {
  const std::vector<int32_t> expected =
      answer(*load({.max_seq_len = 96, .max_step_tokens = 96, .block_size = 0}),
             request(prompt(40, 5), 24));
  EXPECT_EQ(expected.size(), 24U);
  for (const int64_t chunk : {1, 7, 39, 40}) {
    for (const int64_t block : {1, 5, 32}) {
      const auto engine = load({.max_seq_len = 96, .max_step_tokens = chunk, .block_size = block});
      EXPECT_EQ(answer(*engine, request(prompt(40, 5), 24)), expected) << chunk << " " << block;
    }
  }
}

TEST_F(EngineTest, AnswersTheSameBesideOthers) {
  // Seven requests for three places: some wait, some join while others decode.
  const auto engine = load(kOptions);
  std::map<RequestId, std::vector<int32_t>> expected;
  std::map<RequestId, std::vector<int32_t>> found;
  for (int32_t i = 0; i < 7; ++i) {
    Request r = request(prompt(3 + 9 * i, 11 * i), 5 + 3 * i);
    r.sampling = {.temperature = i % 2 == 0 ? 0.0F : 1.0F, .seed = 42};
    const std::vector<int32_t> alone = answer(*load(kOptions), r);
    expected[*engine->submit(r)] = alone;
  }
  while (engine->has_work()) {
    for (const TokenEvent& event : engine->step()) found[event.id].push_back(event.token);
  }
  EXPECT_EQ(found, expected);
}

TEST_F(EngineTest, DrawsTheSameTokensFromTheSameSeed) {
  const auto engine = load(kOptions);
  Request r = request(prompt(8, 1), 40);
  r.sampling = {.temperature = 1.0F, .seed = 7};
  const std::vector<int32_t> first = answer(*engine, r);
  EXPECT_EQ(answer(*engine, r), first);
  r.sampling.seed = 8;
  EXPECT_NE(answer(*engine, r), first);
}

TEST_F(EngineTest, StopsAtTheModelsEndTokenOrTheRequests) {
  const auto engine = load(kOptions);
  const std::vector<int32_t> tokens = answer(*engine, request(prompt(8, 1), 40));
  Request r = request(prompt(8, 1), 40);
  r.stop_tokens = {tokens[5]};
  const auto first = std::find(tokens.begin(), tokens.end(), tokens[5]);
  EXPECT_EQ(answer(*engine, r), std::vector<int32_t>(tokens.begin(), first + 1));

  // The model would end at once, and is not heard before the fourth token.
  r = request(prompt(8, 1), 40);
  const auto end = static_cast<int32_t>(engine->config().eos_token_ids.at(0));
  r.sampling.logit_bias = {{end, 100.0F}};
  EXPECT_EQ(answer(*engine, r), std::vector<int32_t>(40, end));
  r.ignore_eos = false;
  EXPECT_EQ(answer(*engine, r), std::vector<int32_t>{end});
  r.min_tokens = 3;
  const std::vector<int32_t> ended = answer(*engine, r);
  EXPECT_EQ(ended.size(), 4U);
  EXPECT_EQ(std::find(ended.begin(), ended.end(), end), ended.begin() + 3);
}

TEST_F(EngineTest, AnEmbeddingTakesMemoryForItsPromptOnly) {
  const auto engine = load(kOptions);
  Request r = request(prompt(8, 1), 0);
  EXPECT_EQ(engine->prepare(r)->sequence.tokens.capacity(), 96U);
  r.embed = true;
  EXPECT_EQ(engine->prepare(r)->sequence.tokens.capacity(), 8U);
}

TEST_F(EngineTest, FillsMaxSeqLenAndNoMore) {
  const auto engine = load(kOptions);
  EXPECT_EQ(answer(*engine, request(prompt(90, 1), 0)).size(), 6U);
  EXPECT_EQ(answer(*engine, request(prompt(95, 1), 100)).size(), 1U);
  EXPECT_THAT(engine->submit(request(prompt(96, 1), 1)).error().message,
              HasSubstr("the prompt has 96 tokens, but infer.max_seq_len=96"));
}

TEST_F(EngineTest, RefusesWhatItCannotCompute) {
  const auto engine = load(kOptions);
  EXPECT_FALSE(engine->submit({}).ok());
  EXPECT_THAT(engine->submit(request({5, 512}, 1)).error().message, HasSubstr("token 512"));
  EXPECT_THAT(engine->submit(request({-1}, 1)).error().message, HasSubstr("token -1"));
  for (const SamplingOptions& bad :
       {SamplingOptions{.temperature = -1}, SamplingOptions{.top_k = -2},
        SamplingOptions{.top_p = 0}, SamplingOptions{.top_p = NAN}, SamplingOptions{.min_p = 2}}) {
    Request r = request({5}, 1);
    r.sampling = bad;
    EXPECT_FALSE(engine->submit(r).ok());
  }
  EXPECT_FALSE(engine->has_work());
}

TEST_F(EngineTest, CancelsARequestAndGoesOn) {
  const auto engine = load(kOptions);
  const std::vector<int32_t> expected = answer(*engine, request(prompt(5, 9), 12));
  const auto cancelled = engine->submit(request(prompt(30, 2), 20));
  const auto kept = engine->submit(request(prompt(5, 9), 12));
  EXPECT_TRUE(engine->step().empty());  // begins it
  EXPECT_TRUE(engine->cancel(*cancelled));
  EXPECT_FALSE(engine->cancel(*cancelled));
  std::vector<int32_t> tokens;
  while (engine->has_work()) {
    for (const TokenEvent& event : engine->step()) {
      EXPECT_EQ(event.id, *kept);
      tokens.push_back(event.token);
    }
  }
  EXPECT_EQ(tokens, expected);
}

TEST_F(EngineTest, StopsWhenTheCallerSaysSo) {
  const auto engine = load(kOptions);
  int calls = 0;
  const auto finish =
      generate(*engine, request(prompt(5, 9), 30), [&](int32_t) { return ++calls < 4; });
  ASSERT_TRUE(finish.ok());
  EXPECT_EQ(*finish, FinishReason::kCancelled);
  EXPECT_EQ(calls, 4);
  EXPECT_FALSE(engine->has_work());
}

TEST_F(EngineTest, LeavesNothingOfARequestWhoseStepFailed) {
  FailingOps ops(*ops_);
  const auto engine = *Engine::load(*checkpoint_, ops, kOptions);
  const auto expected = answer(*engine, request(prompt(5, 9), 8));
  const auto first_token = [&](int32_t) { return ops.fails = true; };
  const auto failed = generate(*engine, request(prompt(7, 1), 30), first_token);
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().message, HasSubstr("the device has gone"));
  EXPECT_FALSE(engine->has_work());
  ops.fails = false;
  EXPECT_EQ(answer(*engine, request(prompt(5, 9), 8)), expected);
}

TEST_F(EngineTest, PlansMemoryBeforeItLoads) {
  const auto memory = plan({.max_seq_len = 100, .max_reqs = 2, .block_size = 32});
  ASSERT_TRUE(memory.ok()) << memory.error().message;
  EXPECT_EQ(memory->kv.num_blocks, 2 * 4);
  // 2 layers, 2 KV heads of 16 values, keys and values, in float
  EXPECT_EQ(memory->kv.bytes(), 8 * 32 * (2 * 2 * 2 * 16) * 4);
  EXPECT_GT(memory->weights.prepared_bytes, 300000);
  EXPECT_GT(memory->activations, 0);
  EXPECT_TRUE(memory->fits());
  EXPECT_THAT(one_line(*memory), HasSubstr("2 x 100 tokens"));
  EXPECT_THAT(table(*memory), HasSubstr("infer.max_reqs=2 x infer.max_seq_len=100"));
}

TEST_F(EngineTest, ShortensTheDefaultLengthToWhatFits) {
  EXPECT_EQ(plan({})->max_seq_len, 2048);
  const int64_t limit = plan({.max_seq_len = 1024})->total() + 1;
  const auto memory = plan({.memory_limit = limit});
  ASSERT_TRUE(memory.ok());
  EXPECT_TRUE(memory->fits());
  EXPECT_EQ(memory->max_seq_len, 1024);
}

TEST_F(EngineTest, RefusesWhatDoesNotFitAndNamesWhatWould) {
  EngineOptions options{.max_seq_len = 2048, .max_reqs = 4};
  options.memory_limit = plan({.max_seq_len = 512, .max_reqs = 4})->total();
  const auto engine = Engine::load(*checkpoint_, *ops_, options);
  ASSERT_FALSE(engine.ok());
  EXPECT_EQ(engine.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(engine.error().message, HasSubstr("does not fit; infer.max_seq_len=512 or "
                                                "infer.max_reqs=1 would"));
  options.max_seq_len = 512;
  EXPECT_TRUE(Engine::load(*checkpoint_, *ops_, options).ok());
}

// What was printed as the plan is what happens, though the memory available has changed since.
TEST_F(EngineTest, KeepsToThePlanItIsGiven) {
  MemoryPlan memory = *plan({.max_seq_len = 64, .max_reqs = 2});
  memory.limit = memory.total();
  const auto engine = Engine::load(*checkpoint_, *ops_, memory);
  ASSERT_TRUE(engine.ok()) << engine.error().message;
  EXPECT_EQ((*engine)->memory().limit, memory.limit);
  EXPECT_EQ((*engine)->memory().total(), memory.total());
  EXPECT_FALSE((*engine)->submit(request(prompt(64, 1), 1)).ok());
  memory.limit -= 1;
  EXPECT_THAT(Engine::load(*checkpoint_, *ops_, memory).error().message, HasSubstr("does not fit"));
}

TEST_F(EngineTest, NamesTwoSettingsWhenOneIsNotEnough) {
  EngineOptions options{.max_seq_len = 2048, .max_reqs = 64, .kv_dtype = DType::kF16};
  options.memory_limit =
      plan({.max_seq_len = 256, .max_reqs = 1, .kv_dtype = DType::kF16})->total();
  EXPECT_THAT(Engine::load(*checkpoint_, *ops_, options).error().message,
              HasSubstr("infer.max_reqs=1 infer.max_seq_len=256 would"));
}

TEST_F(EngineTest, CountsBlocksWhereTheirNumberIsSet) {
  EngineOptions options{.max_seq_len = 256, .max_reqs = 4, .block_size = 32, .num_blocks = 20};
  const int64_t enough = plan(options)->total();
  options.num_blocks = 4000;
  const MemoryPlan large = *plan(options);
  EXPECT_THAT(one_line(large), HasSubstr("for 4000 blocks of 32 tokens in"));
  EXPECT_THAT(table(large), HasSubstr("4000 blocks of 32 tokens, "));
  options.memory_limit = enough;
  const std::string message = Engine::load(*checkpoint_, *ops_, options).error().message;
  EXPECT_THAT(message, HasSubstr("it does not fit; infer.num_blocks=20 would"));
  options.num_blocks = 20;
  EXPECT_TRUE(Engine::load(*checkpoint_, *ops_, options).ok());

  // Less than one request's blocks: the length has to change as well.
  options.num_blocks = 4000;
  options.memory_limit = plan({.max_seq_len = 128, .max_reqs = 1})->total();
  EXPECT_THAT(Engine::load(*checkpoint_, *ops_, options).error().message,
              HasSubstr("infer.num_blocks=auto infer.max_reqs=1 infer.max_seq_len=128 would"));
}

TEST_F(EngineTest, SaysSoWhenNoSettingWouldHelp) {
  const auto engine = Engine::load(*checkpoint_, *ops_, {.memory_limit = 1000});
  ASSERT_FALSE(engine.ok());
  EXPECT_THAT(engine.error().message, HasSubstr("whatever the settings: "));
  EXPECT_THAT(engine.error().message, HasSubstr("with infer.max_reqs=1 infer.max_seq_len=128"));
}

TEST(ScaledEngine, ComputesBeyondTheOriginalLength) {
  const auto ops = make_reference_ops();
  const std::filesystem::path models = CHITU_SOURCE_DIR "/tests/golden/models";
  const auto checkpoint = Checkpoint::open(models / "dynamic-ntk-rope").value();
  // max_position_embeddings is 32, and the factor 2.
  const auto engine = Engine::load(checkpoint, *ops, EngineOptions{.max_seq_len = 64}).value();
  EXPECT_THAT(Engine::load(checkpoint, *ops, EngineOptions{.max_seq_len = 65}).error().message,
              HasSubstr("the model's limit is 64 tokens"));

  const auto golden = MappedFile::open(models / "expected/dynamic-ntk-rope.safetensors").value();
  const auto entries = parse_safetensors(golden.bytes()).value();
  const auto find = [&](std::string_view name) {
    for (const TensorEntry& entry : entries) {
      if (entry.name == name) {
        const auto* ids = static_cast<const int32_t*>(entry.data.data);
        return std::vector<int32_t>(ids, ids + entry.data.shape.elements());
      }
    }
    return std::vector<int32_t>();
  };
  for (const char* number : {"0", "1", "2"}) {
    const std::vector<int32_t> tokens = find(std::string("prompt.") + number);
    std::vector<int32_t> wanted = find(std::string("tokens.") + number);
    wanted.resize(std::min(wanted.size(), 64 - tokens.size()));  // up to the limit
    EXPECT_EQ(answer(*engine, request(tokens, 0)), wanted);
  }
}

TEST_F(EngineTest, ChecksItsOptions) {
  EXPECT_THAT(plan({.max_seq_len = 4096}).error().message,
              HasSubstr("infer.max_seq_len=4096: the model's limit is 2048 tokens"));
  EXPECT_FALSE(plan({.max_reqs = 0}).ok());
  EXPECT_THAT(plan({.max_seq_len = 2048, .max_reqs = 4000000}).error().message,
              HasSubstr("is beyond"));
  EXPECT_THAT(plan({.max_seq_len = 2048, .block_size = 0, .num_blocks = 1 << 20}).error().message,
              HasSubstr("infer.num_blocks=1048576: blocks of 2048 tokens are beyond"));
  EXPECT_TRUE(plan({.max_seq_len = 2048, .block_size = 0, .num_blocks = (1 << 20) - 1}).ok());
}

}  // namespace
}  // namespace chitu
