#include "model/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "backend/reference/reference_ops.h"
#include "io/checkpoint.h"
#include "io/test_files.h"
#include "ops/dry_run.h"

namespace chitu {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

// A copy of the repository's tiny model, to be damaged.
class LoadTest : public ::testing::Test {
 protected:
  LoadTest() {
    const std::filesystem::path tiny = CHITU_SOURCE_DIR "/models/tiny-random";
    for (const char* file : {"config.json", "generation_config.json", "model.safetensors"}) {
      std::filesystem::copy_file(tiny / file, directory_.path() / file);
    }
    config_ = json::parse_file(tiny / "config.json")->get_object();
  }

  Checkpoint open() {
    directory_.write("config.json", boost::json::serialize(config_));
    return Checkpoint::open(directory_.path()).value();
  }

  // The first error of reading the configuration, planning and loading.
  std::string error() {
    const Checkpoint checkpoint = open();
    const auto config = read_model_config(checkpoint);
    if (!config.ok()) return config.error().message;
    const auto plan = plan_weights(checkpoint, *config, *ops_);
    const auto model = load_model(checkpoint, *config, *ops_);
    EXPECT_EQ(plan.ok(), model.ok());
    if (plan.ok()) return "loaded";
    EXPECT_EQ(plan.error().message, model.error().message);
    return plan.error().message;
  }

  TemporaryDirectory directory_;
  json::Object config_;
  std::unique_ptr<Ops> ops_ = make_reference_ops();
};

TEST_F(LoadTest, PlansExactlyWhatLoadingAllocates) {
  const Checkpoint checkpoint = open();
  const ModelConfig config = read_model_config(checkpoint).value();
  const WeightPlan plan = plan_weights(checkpoint, config, *ops_).value();
  EXPECT_EQ(plan.file_bytes, checkpoint.total_bytes());
  EXPECT_EQ(plan.parameters, checkpoint.total_bytes() / 2);
  ASSERT_EQ(plan.formats.size(), 1U);
  EXPECT_EQ(plan.formats[0].format, DType::kBF16);
  EXPECT_EQ(plan.formats[0].tensors, 21);

  DryRunOps dry(*ops_);
  EXPECT_TRUE(load_model(checkpoint, config, dry).ok());
  // The rotary frequencies, and padding to whole cache lines, are beyond the file's tensors.
  EXPECT_GE(dry.allocated_bytes(), plan.prepared_bytes);
  EXPECT_LE(dry.allocated_bytes(), plan.prepared_bytes + 1024);
}

TEST_F(LoadTest, ReportsProgressUpToTheWhole) {
  const Checkpoint checkpoint = open();
  const ModelConfig config = read_model_config(checkpoint).value();
  std::vector<LoadProgress> reports;
  const auto model =
      load_model(checkpoint, config, *ops_,
                 {.on_progress = [&](const LoadProgress& p) { reports.push_back(p); }});
  ASSERT_TRUE(model.ok());
  ASSERT_GE(reports.size(), 2U);
  EXPECT_EQ(reports.front().bytes_done, 0);
  EXPECT_EQ(reports.back().bytes_done, checkpoint.total_bytes());
  for (const LoadProgress& report : reports) {
    EXPECT_EQ(report.bytes_total, checkpoint.total_bytes());
  }
}

TEST_F(LoadTest, NamesTheTensorThatIsMissing) {
  config_["num_hidden_layers"] = 3;
  EXPECT_THAT(error(), HasSubstr("tensor \"model.layers.2.input_layernorm.weight\" is missing"));
}

TEST_F(LoadTest, NamesTheTensorOfAnotherShape) {
  config_["intermediate_size"] = 96;
  EXPECT_THAT(error(), HasSubstr("tensor \"model.layers.0.mlp.gate_proj.weight\" has shape "
                                 "[160, 64] where the configuration says [96, 64]"));
}

TEST_F(LoadTest, ErrorsAreOneLineAndNameTheFile) {
  config_["num_attention_heads"] = 0;
  EXPECT_THAT(error(), HasSubstr(directory_.path().string() + "/config.json: num_attention_heads"));
  EXPECT_EQ(error().find('\n'), std::string::npos);
}

TEST_F(LoadTest, RefusesAnUnknownArchitectureWithTheNamesThereAre) {
  config_["architectures"] = json::Array{"MambaForCausalLM"};
  EXPECT_THAT(error(), HasSubstr("architectures: 'MambaForCausalLM' is not an architecture"));
  EXPECT_THAT(error(), HasSubstr("LlamaForCausalLM"));
  config_["architectures"] = json::Array{"two\nlines"};
  EXPECT_THAT(error(), HasSubstr("'two\\x0alines'"));
  config_.erase("architectures");
  EXPECT_THAT(error(), HasSubstr("architectures"));
}

TEST_F(LoadTest, ListsTensorsThatAreNoPartOfTheModel) {
  config_["tie_word_embeddings"] = true;  // then lm_head.weight is known, and not needed
  config_["num_hidden_layers"] = 1;
  const Checkpoint checkpoint = open();
  const WeightPlan plan =
      plan_weights(checkpoint, read_model_config(checkpoint).value(), *ops_).value();
  EXPECT_EQ(plan.unused_tensors.size(), 9U);
  EXPECT_THAT(plan.unused_tensors, Each(HasSubstr("model.layers.1.")));
}

TEST_F(LoadTest, TheUnloadedModelTellsTheSameShapes) {
  const Checkpoint checkpoint = open();
  const ModelConfig config = read_model_config(checkpoint).value();
  const auto model = make_unloaded_model(checkpoint, config, *ops_);
  ASSERT_TRUE(model.ok()) << model.error().message;
  DryRunOps dry(*ops_);
  Arena arena;
  void* const nowhere = reinterpret_cast<void*>(Arena::kAlignment);
  const auto ints = [&](const Shape& shape) {
    return TensorRef::contiguous(nowhere, DType::kI32, shape);
  };
  const AttentionPlan plan{.positions = ints({5}),
                           .rope_lens = ints({5}),
                           .slots = ints({5}),
                           .q_starts = ints({2}),
                           .kv_lens = ints({1}),
                           .block_table = ints({1, 1}),
                           .block_size = 8,
                           .num_tokens = 5,
                           .num_sequences = 1,
                           .max_q_len = 5,
                           .max_kv_len = 5};
  const TensorRef cache = TensorRef::contiguous(nowhere, DType::kF32, {1, 2, 8, 16});
  const std::vector<KvLayer> kv(2, {cache, cache});
  Step step{.ops = dry,
            .arena = arena,
            .attention = plan,
            .ids = ints({5}),
            .wanted_rows = ints({3}),
            .kv = kv};
  const TensorRef logits = (*model)->logits(step, (*model)->forward(step));
  EXPECT_TRUE(dry.synchronize().ok()) << dry.synchronize().error().message;
  EXPECT_EQ(logits.shape, (Shape{3, 512}));
  EXPECT_GT(arena.peak(), 0U);
  EXPECT_EQ((*model)->kv_spec().values_per_token(), 2 * 2 * 2 * 16);
}

}  // namespace
}  // namespace chitu
