#include "io/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "io/test_files.h"

namespace chitu {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

namespace fs = std::filesystem;

class CheckpointTest : public ::testing::Test {
 protected:
  fs::path write(const fs::path& name, std::string_view bytes) {
    return temporary_.write(name, bytes);
  }

  static std::string error_of(const fs::path& path) {
    const Result<Checkpoint> checkpoint = Checkpoint::open(path);
    if (checkpoint) return "opened";
    EXPECT_EQ(checkpoint.error().message.find('\n'), std::string::npos);
    return checkpoint.error().message;
  }

  static std::vector<std::string> names(const Checkpoint& checkpoint) {
    std::vector<std::string> result;
    for (const TensorEntry& tensor : checkpoint.tensors()) result.push_back(tensor.name);
    return result;
  }

  TemporaryDirectory temporary_;
  const fs::path& dir_ = temporary_.path();
};

std::string one_tensor(std::string_view name, std::string_view bytes = "abcd") {
  return safetensors_bytes(
      fmt::format(R"({{"{}":{{"dtype":"U8","shape":[{}],"data_offsets":[0,{}]}}}})", name,
                  bytes.size(), bytes.size()),
      bytes);
}

TEST_F(CheckpointTest, OpensTheTinyModelOfTheRepository) {
  Result<Checkpoint> checkpoint = Checkpoint::open(CHITU_SOURCE_DIR "/models/tiny-random");
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->kind(), Checkpoint::Kind::kHuggingFace);
  EXPECT_TRUE(checkpoint->config().contains("hidden_size"));
  EXPECT_NE(checkpoint->generation_config(), nullptr);
  EXPECT_TRUE(checkpoint->file("tokenizer.json"));
  EXPECT_FALSE(checkpoint->file("tokenizer.model"));
  const TensorEntry* embedding = checkpoint->find("model.embed_tokens.weight");
  ASSERT_NE(embedding, nullptr);
  EXPECT_EQ(embedding->data.cols(), checkpoint->config().at("hidden_size").as_int64());
  EXPECT_EQ(checkpoint->find("model.embed_tokens"), nullptr);
  int64_t bytes = 0;
  for (const TensorEntry& t : checkpoint->tensors()) {
    bytes += bytes_for(t.data.dtype, t.data.shape.elements());
  }
  EXPECT_EQ(checkpoint->total_bytes(), bytes);
}

TEST_F(CheckpointTest, ReadsTheShardsOfAnIndex) {
  write("config.json", "{}");
  write("m-1.safetensors", one_tensor("a", "aaaa"));
  write("m-2.safetensors", one_tensor("b", "bb"));
  write("other.safetensors", one_tensor("c"));
  write("model.safetensors.index.json",
        R"({"metadata":{},"weight_map":{"b":"m-2.safetensors","a":"m-1.safetensors"}})");
  Result<Checkpoint> checkpoint = Checkpoint::open(dir_);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_THAT(names(*checkpoint), ElementsAre("a", "b"));
  const TensorEntry* b = checkpoint->find("b");
  EXPECT_EQ(std::memcmp(b->data.data, "bb", 2), 0);
  EXPECT_EQ(checkpoint->file_of(*b), dir_ / "m-2.safetensors");
  EXPECT_EQ(checkpoint->total_bytes(), 6);
  EXPECT_EQ(checkpoint->generation_config(), nullptr);
}

TEST_F(CheckpointTest, TheIndexDecidesWhereATensorIs) {
  write("config.json", "{}");
  write("m-1.safetensors", one_tensor("a", "old"));
  write("m-2.safetensors", one_tensor("a", "new"));
  // Only m-2 is listed for "a"; m-1 is read because of "b".
  write("m-1.safetensors",
        safetensors_bytes(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
                          R"("b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}})",
                          "oldb"));
  write("model.safetensors.index.json",
        R"({"weight_map":{"a":"m-2.safetensors","b":"m-1.safetensors"}})");
  Result<Checkpoint> checkpoint = Checkpoint::open(dir_);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(std::memcmp(checkpoint->find("a")->data.data, "new", 3), 0);
}

TEST_F(CheckpointTest, ReadsAllFilesWithoutAnIndex) {
  write("config.json", "{}");
  write("z.safetensors", one_tensor("z"));
  write("a.safetensors", one_tensor("a"));
  Result<Checkpoint> checkpoint = Checkpoint::open(dir_);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_THAT(names(*checkpoint), ElementsAre("a", "z"));
  write("b.safetensors", one_tensor("z"));
  EXPECT_THAT(error_of(dir_), AllOf(StartsWith((dir_ / "z.safetensors").string()),
                                    HasSubstr("tensor 'z': also in b.safetensors")));
}

TEST_F(CheckpointTest, RefusesABadIndex) {
  write("config.json", "{}");
  write("m-1.safetensors", one_tensor("a"));
  const auto with_index = [&](std::string_view text) {
    write("model.safetensors.index.json", text);
    return error_of(dir_);
  };
  EXPECT_THAT(with_index(R"({"weight_map":{"a":"m-1.safetensors","b":"m-9.safetensors"}})"),
              HasSubstr("weight_map: names 'm-9.safetensors', which is not there"));
  EXPECT_THAT(with_index(R"({"weight_map":{"a":"m-1.safetensors","b":"m-1.safetensors"}})"),
              HasSubstr("names tensor 'b', which is not in 'm-1.safetensors'"));
  for (const char* name :
       {"../m-1.safetensors", "/etc/passwd", "..", ".", "", "a/b", "a\\u0000b"}) {
    EXPECT_THAT(with_index(fmt::format(R"({{"weight_map":{{"a":"{}"}}}})", name)),
                HasSubstr("is not the name of a file in the same directory"))
        << name;
  }
  EXPECT_THAT(with_index(R"({"weight_map":{"a":1}})"), HasSubstr("expected a file name"));
  EXPECT_THAT(with_index(R"({"weight_map":[]})"), HasSubstr("weight_map: expected an object"));
  EXPECT_THAT(with_index(R"({})"), HasSubstr("weight_map: expected an object"));
  EXPECT_THAT(with_index(R"([])"), HasSubstr("expected an object, found an array"));
  EXPECT_THAT(with_index(""), HasSubstr("index.json: line 1"));
}

TEST_F(CheckpointTest, NamesTheFileOfAnError) {
  write("config.json", "{\"a\": }");
  EXPECT_THAT(error_of(dir_), StartsWith((dir_ / "config.json").string() + ": line 1, column 7"));
  write("config.json", "[]");
  EXPECT_THAT(error_of(dir_), HasSubstr("config.json: expected an object, found an array"));
  write("config.json", "{}");
  write("generation_config.json", "3");
  EXPECT_THAT(error_of(dir_), HasSubstr("generation_config.json: expected an object"));
  fs::remove(dir_ / "generation_config.json");
  const fs::path weights = write("model.safetensors", "");
  EXPECT_THAT(error_of(dir_), StartsWith(weights.string() + ": the file is empty"));
}

TEST_F(CheckpointTest, SaysWhatAPathIsInstead) {
  EXPECT_THAT(error_of(dir_ / "none"), HasSubstr("No such file or directory"));
  EXPECT_THAT(error_of(dir_), HasSubstr("neither config.json nor a .gguf file"));
  EXPECT_THAT(error_of(write("model.safetensors", one_tensor("a"))),
              HasSubstr("a safetensors file alone is no model; name its directory"));
  EXPECT_THAT(error_of(write("pytorch_model.bin", "\x80\x02}q")), HasSubstr("PyTorch pickle"));
  EXPECT_THAT(error_of(write("text.txt", "hello")), HasSubstr("not a checkpoint"));
  EXPECT_THAT(error_of("/dev/null"), HasSubstr("not a regular file"));
  EXPECT_THAT(error_of(fs::path("/dev/null") / "x"), HasSubstr("Not a directory"));
}

TEST_F(CheckpointTest, NeverReadsAPickle) {
  write("config.json", "{}");
  EXPECT_THAT(error_of(dir_), HasSubstr("no *.safetensors file; fetch the weights"));
  write("pytorch_model.bin", "PK\x03\x04");
  EXPECT_THAT(error_of(dir_), AllOf(HasSubstr("'pytorch_model.bin' is a PyTorch pickle"),
                                    HasSubstr("convert the checkpoint to safetensors")));
  write("model.safetensors", "PK\x03\x04 and so on, as torch.save writes it");
  EXPECT_THAT(error_of(dir_), HasSubstr("model.safetensors: this is a PyTorch pickle"));
}

TEST_F(CheckpointTest, SaysHowToConvertMetasOriginalFormat) {
  write("params.json", R"({"dim": 4096})");
  write("consolidated.00.pth", "PK\x03\x04");
  EXPECT_THAT(error_of(dir_), AllOf(HasSubstr("Meta's original format"),
                                    HasSubstr("convert_llama_weights_to_hf.py")));
}

GgufBytes part(int number, int count, int tensors) {
  GgufBytes gguf;
  gguf.integer("split.no", GgufType::kUint16, number);
  gguf.integer("split.count", GgufType::kUint16, count);
  gguf.integer("split.tensors.count", GgufType::kInt32, tensors);
  return gguf;
}

TEST_F(CheckpointTest, OpensAGgufFileByItsNameOrItsDirectory) {
  GgufBytes gguf;
  gguf.string("general.architecture", "llama");
  gguf.tensor("token_embd.weight", {2, 3}, 0, std::string(24, 'x'));
  const fs::path path = write("m.gguf", gguf.bytes());
  for (const fs::path& name : {path, dir_}) {
    Result<Checkpoint> checkpoint = Checkpoint::open(name);
    ASSERT_TRUE(checkpoint) << checkpoint.error().message;
    EXPECT_EQ(checkpoint->kind(), Checkpoint::Kind::kGguf);
    EXPECT_EQ(checkpoint->path(), path);
    EXPECT_EQ(*checkpoint->gguf().string("general.architecture"), "llama");
    EXPECT_EQ(checkpoint->find("token_embd.weight")->data.shape, (Shape{3, 2}));
    EXPECT_FALSE(checkpoint->file("m.gguf"));
  }
  write("config.json", "{}");  // as some publish it beside the file
  EXPECT_EQ(Checkpoint::open(dir_)->kind(), Checkpoint::Kind::kGguf);
  write("n.gguf", gguf.bytes());
  EXPECT_THAT(error_of(dir_), HasSubstr("2 GGUF models; name one of them"));
}

TEST_F(CheckpointTest, JoinsASplitGgufModel) {
  GgufBytes first = part(0, 2, 2);
  first.string("general.architecture", "llama");
  first.tensor("a", {4}, 0, std::string(16, 'a'));
  GgufBytes second = part(1, 2, 2);
  second.tensor("b", {4}, 0, std::string(16, 'b'));
  write("m-00001-of-00002.gguf", first.bytes());
  EXPECT_THAT(error_of(dir_), HasSubstr("m-00002-of-00002.gguf: missing part 2 of 2"));
  write("m-00002-of-00002.gguf", second.bytes());

  Result<Checkpoint> checkpoint = Checkpoint::open(dir_);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_THAT(names(*checkpoint), ElementsAre("a", "b"));
  EXPECT_EQ(std::memcmp(checkpoint->find("b")->data.data, "bbbb", 4), 0);
  EXPECT_EQ(checkpoint->find("b")->file, 1);
  EXPECT_EQ(*checkpoint->gguf().string("general.architecture"), "llama");

  EXPECT_THAT(error_of(dir_ / "m-00002-of-00002.gguf"),
              AllOf(HasSubstr("part 2 of a split model"), HasSubstr("m-00001-of-00002.gguf")));
}

TEST_F(CheckpointTest, OpensAMergedGgufModel) {
  GgufBytes merged = part(0, 0, 1);  // as llama-gguf-split --merge writes it
  merged.tensor("a", {4}, 0, std::string(16, 'a'));
  EXPECT_TRUE(Checkpoint::open(write("m.gguf", merged.bytes())).ok());
  GgufBytes one_of_two = part(0, 2, 2);
  one_of_two.tensor("a", {4}, 0, std::string(16, 'a'));
  EXPECT_THAT(
      error_of(write("renamed.gguf", one_of_two.bytes())),
      HasSubstr("split.no, split.count: part 0 (from 0) of 2, but by its name part 0 of 1"));
}

TEST_F(CheckpointTest, OpensAGgufFileOfAnyName) {
  GgufBytes gguf;
  gguf.tensor("a", {4}, 0, std::string(16, 'a'));
  const fs::path blob = write("sha256-0123456789abcdef", gguf.bytes());
  Result<Checkpoint> checkpoint = Checkpoint::open(blob);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->kind(), Checkpoint::Kind::kGguf);
  EXPECT_EQ(checkpoint->path(), blob);
}

TEST_F(CheckpointTest, RefusesPartsThatDoNotBelongTogether) {
  const auto with_second = [&](const GgufBytes& second) {
    GgufBytes first = part(0, 2, 2);
    first.tensor("a", {4}, 0, std::string(16, 'a'));
    write("m-00001-of-00002.gguf", first.bytes());
    write("m-00002-of-00002.gguf", second.bytes());
    return error_of(dir_ / "m-00001-of-00002.gguf");
  };
  EXPECT_THAT(with_second(part(1, 3, 2)), HasSubstr("split.no, split.count"));
  EXPECT_THAT(with_second(part(0, 2, 2)), HasSubstr("split.no, split.count"));
  EXPECT_THAT(with_second(GgufBytes()), HasSubstr("split.no: expected an integer"));
  EXPECT_THAT(with_second(part(1, 2, 2)), HasSubstr("split.tensors.count"));  // 1 tensor in all
  GgufBytes again = part(1, 2, 2);
  again.tensor("a", {4}, 0, std::string(16, 'a'));
  EXPECT_THAT(with_second(again), HasSubstr("tensor 'a': also in m-00001-of-00002.gguf"));
}

TEST_F(CheckpointTest, ReleasedPagesKeepTheirContents) {
  write("config.json", "{}");
  std::string bytes(100'000, '\0');
  std::iota(bytes.begin(), bytes.end(), '\0');
  write("model.safetensors", one_tensor("a", bytes));
  Result<Checkpoint> checkpoint = Checkpoint::open(dir_);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const TensorRef& data = checkpoint->find("a")->data;
  checkpoint->will_need(data);
  EXPECT_EQ(std::memcmp(data.data, bytes.data(), bytes.size()), 0);
  checkpoint->release(data);
  EXPECT_EQ(std::memcmp(data.data, bytes.data(), bytes.size()), 0);
}

}  // namespace
}  // namespace chitu
