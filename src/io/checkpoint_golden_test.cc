// Files as the gguf and safetensors packages write them: tests/golden/checkpoints/make_golden.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/crc.hpp>

#include "io/checkpoint.h"

namespace chitu {
namespace {

using ::testing::ElementsAre;

const std::filesystem::path kGolden = CHITU_SOURCE_DIR "/tests/golden/checkpoints";

uint32_t crc32(const TensorRef& data) {
  boost::crc_32_type crc;
  crc.process_bytes(data.data,
                    static_cast<std::size_t>(bytes_for(data.dtype, data.shape.elements())));
  return crc.checksum();
}

class CheckpointGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(CheckpointGolden, HasTheTensorsThatWereWritten) {
  const Result<json::Value> expected = json::parse_file(kGolden / "expected.json");
  ASSERT_TRUE(expected) << expected.error().message;
  const Result<Checkpoint> checkpoint = Checkpoint::open(kGolden / GetParam());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const json::Array& tensors = expected->at(GetParam()).as_array();
  EXPECT_EQ(checkpoint->tensors().size(), tensors.size());
  for (const json::Value& tensor : tensors) {
    const std::string_view name = tensor.at("name").as_string();
    const TensorEntry* entry = checkpoint->find(name);
    ASSERT_NE(entry, nullptr) << name;
    Shape shape;
    for (const json::Value& dim : tensor.at("shape").as_array()) shape.push_back(dim.as_int64());
    EXPECT_EQ(chitu::name(entry->data.dtype), std::string_view(tensor.at("dtype").as_string()));
    EXPECT_EQ(entry->data.shape, shape) << name;
    EXPECT_EQ(crc32(entry->data), tensor.at("crc32").to_number<uint32_t>()) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, CheckpointGolden,
                         ::testing::Values("all_types.gguf", "split-00001-of-00003.gguf",
                                           "hugging_face"));

TEST(CheckpointGolden, HasTheMetadataThatWasWritten) {
  const Result<Checkpoint> checkpoint = Checkpoint::open(kGolden / "all_types.gguf");
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const GgufMetadata& gguf = checkpoint->gguf();
  EXPECT_EQ(*gguf.string("general.architecture"), "llama");
  EXPECT_EQ(*gguf.integer("llama.block_count", 1, 100), 30);
  EXPECT_EQ(*gguf.number("llama.attention.layer_norm_rms_epsilon"), double{1e-5f});
  EXPECT_TRUE(*gguf.boolean_or("tokenizer.ggml.add_bos_token", false));
  EXPECT_THAT(*gguf.strings("tokenizer.ggml.tokens"), ElementsAre("<s>", "</s>", "\xc3\xa9"));
  EXPECT_THAT(*gguf.numbers("tokenizer.ggml.scores"), ElementsAre(0.0f, -1.5f, -2.0f));
  EXPECT_THAT(*gguf.integers("tokenizer.ggml.token_type"), ElementsAre(3, 3, 1));
}

}  // namespace
}  // namespace chitu
