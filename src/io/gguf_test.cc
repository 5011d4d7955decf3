#include "io/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "io/test_files.h"

namespace chitu {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint32_t kF32 = 0;
constexpr uint32_t kQ4_0 = 2;
constexpr uint32_t kQ4K = 12;

std::span<const std::byte> as_bytes(std::string_view file) {
  return std::as_bytes(std::span(file.data(), file.size()));
}

std::string error_of(std::string_view file) {
  const Result<GgufFile> gguf = parse_gguf(as_bytes(file));
  if (gguf) return "parsed";
  EXPECT_EQ(gguf.error().message.find('\n'), std::string::npos);
  return gguf.error().message;
}

std::string error_of(const GgufBytes& gguf) { return error_of(gguf.bytes()); }

GgufBytes example() {
  GgufBytes gguf;
  gguf.string("general.architecture", "llama");
  gguf.integer("llama.block_count", GgufType::kUint32, 30);
  gguf.integer("huge", GgufType::kUint64, -1);
  gguf.integer("negative", GgufType::kInt8, -5);
  gguf.integer("flag", GgufType::kBool, 1);
  gguf.raw("eps", static_cast<uint32_t>(GgufType::kFloat32), little_endian(1e-5f));
  gguf.raw("nan", static_cast<uint32_t>(GgufType::kFloat64), little_endian(std::nan("")));
  gguf.array("tokens", GgufType::kString, 3,
             GgufBytes::text("<s>") + GgufBytes::text("") + GgufBytes::text("\xff"));
  gguf.array("scores", GgufType::kFloat32, 2, little_endian(0.5f) + little_endian(-1.0f));
  gguf.array("types", GgufType::kInt32, 2, little_endian(1) + little_endian(-3));
  gguf.array("none", GgufType::kInt32, 0, "");
  gguf.tensor("embd", {64, 2}, kQ4_0, std::string(2 * 2 * 18, 'q'));
  gguf.tensor("norm", {3}, kF32, std::string(12, 'n'));
  gguf.tensor("empty", {32, 0}, kF32, "");
  return gguf;
}

TEST(Gguf, GivesTensorsOutermostFirst) {
  for (const uint32_t version : {2u, 3u}) {
    GgufBytes bytes = example();
    bytes.version = version;
    const std::string file = bytes.bytes();
    Result<GgufFile> gguf = parse_gguf(as_bytes(file));
    ASSERT_TRUE(gguf) << gguf.error().message;
    EXPECT_EQ(gguf->version, version);
    ASSERT_EQ(gguf->tensors.size(), 3u);
    const TensorRef& embd = gguf->tensors[0].data;
    EXPECT_EQ(gguf->tensors[0].name, "embd");
    EXPECT_EQ(embd.dtype, DType::kQ4_0);
    EXPECT_EQ(embd.shape, (Shape{2, 64}));
    EXPECT_TRUE(embd.is_contiguous());
    EXPECT_EQ(*embd.row<char>(0), 'q');
    EXPECT_EQ(gguf->tensors[1].data.shape, Shape{3});
    EXPECT_EQ(*gguf->tensors[1].data.row<char>(0), 'n');
    EXPECT_EQ(gguf->tensors[2].data.shape, (Shape{0, 32}));
  }
}

class GgufMetadataTest : public ::testing::Test {
 protected:
  std::string file_ = example().bytes();
  GgufMetadata metadata_ = parse_gguf(as_bytes(file_))->metadata;
};

TEST_F(GgufMetadataTest, ReadsScalars) {
  EXPECT_EQ(*metadata_.string("general.architecture"), "llama");
  EXPECT_EQ(*metadata_.integer("llama.block_count", 1, 1024), 30);
  EXPECT_EQ(*metadata_.integer("negative", -9, 9), -5);
  EXPECT_EQ(*metadata_.integer_or("absent", 7, 0, 9), 7);
  EXPECT_EQ(*metadata_.number("eps"), double{1e-5f});
  EXPECT_EQ(*metadata_.number("negative"), -5.0);
  EXPECT_EQ(*metadata_.number("huge"), 0x1p64);
  EXPECT_EQ(*metadata_.number_or("absent", 0.5), 0.5);
  EXPECT_TRUE(*metadata_.boolean_or("flag", false));
  EXPECT_TRUE(*metadata_.boolean_or("absent", true));
  EXPECT_EQ(*metadata_.string_or("absent", "x"), "x");
  EXPECT_EQ(metadata_.values().size(), 11u);
}

TEST_F(GgufMetadataTest, ReadsArrays) {
  EXPECT_THAT(*metadata_.strings("tokens"), ElementsAre("<s>", "", "\xff"));
  EXPECT_THAT(*metadata_.numbers("scores"), ElementsAre(0.5f, -1.0f));
  EXPECT_THAT(*metadata_.numbers("types"), ElementsAre(1.0f, -3.0f));
  EXPECT_THAT(*metadata_.integers("types"), ElementsAre(1, -3));
  EXPECT_THAT(*metadata_.integers("none"), ElementsAre());
}

TEST_F(GgufMetadataTest, ErrorsNameKeyAndValue) {
  EXPECT_EQ(metadata_.integer("llama.block_count", 1, 20).error().message,
            "llama.block_count: expected an integer in [1, 20], found 30 (uint32)");
  EXPECT_EQ(metadata_.integer("general.architecture", 0, 9).error().message,
            "general.architecture: expected an integer in [0, 9], found a string");
  EXPECT_EQ(metadata_.integer("tokens", 0, 9).error().message,
            "tokens: expected an integer in [0, 9], found an array of 3 string");
  EXPECT_THAT(metadata_.integer("absent", 0, 9).error().message,
              StartsWith("absent: expected an integer in [0, 9], found nothing"));
  EXPECT_FALSE(metadata_.integer("huge", 0, std::numeric_limits<int64_t>::max()));
  EXPECT_FALSE(metadata_.integer("flag", 0, 9));
  EXPECT_FALSE(metadata_.number("nan"));
  EXPECT_FALSE(metadata_.number_or("nan", 1));
  EXPECT_FALSE(metadata_.boolean_or("llama.block_count", true));
  EXPECT_FALSE(metadata_.string("eps"));
  EXPECT_FALSE(metadata_.string_or("eps", ""));
  EXPECT_FALSE(metadata_.strings("scores"));
  EXPECT_FALSE(metadata_.numbers("tokens"));
  EXPECT_FALSE(metadata_.integers("scores"));
  EXPECT_FALSE(metadata_.integers("llama.block_count"));
}

TEST(Gguf, RefusesOtherFilesVersionsAndByteOrders) {
  GgufBytes gguf;
  EXPECT_EQ(error_of(gguf), "parsed");
  EXPECT_THAT(error_of(""), HasSubstr("the file is empty"));
  EXPECT_THAT(error_of("GG"), HasSubstr("the magic number needs 4 bytes"));
  EXPECT_THAT(error_of("PK\x03\x04 a zip"), HasSubstr("PyTorch pickle"));
  EXPECT_THAT(error_of("tjgg\x03 old"), HasSubstr("the format before GGUF"));
  EXPECT_THAT(error_of("what is this"), HasSubstr("does not start with \"GGUF\""));
  gguf.version = 1;
  EXPECT_THAT(error_of(gguf), HasSubstr("version 1: versions 2 and 3 are read"));
  gguf.version = 4;
  EXPECT_THAT(error_of(gguf), HasSubstr("version 4: versions 2 and 3 are read"));
  gguf.version = 0x03000000;
  EXPECT_THAT(error_of(gguf), HasSubstr("a big-endian GGUF file"));
}

TEST(Gguf, RefusesCountsThatTheFileCannotHold) {
  GgufBytes gguf;
  gguf.alignment = 1;  // no padding behind the counts
  gguf.extra_metadata = 1;
  EXPECT_THAT(
      error_of(gguf),
      HasSubstr(
          "metadata 0 of 1: byte 24: a metadata key needs 8 bytes, but the file ends after 0"));
  gguf.extra_metadata = -1;
  EXPECT_THAT(error_of(gguf), HasSubstr("the number of metadata entries: 18446744073709551615"));
  gguf.extra_metadata = 0;
  gguf.extra_tensors = 3;
  EXPECT_THAT(error_of(gguf), HasSubstr("tensor 0 of 3"));
  gguf.extra_tensors = std::numeric_limits<int64_t>::min();
  EXPECT_THAT(error_of(gguf), HasSubstr("the number of tensors: 9223372036854775808 is more than"));
}

TEST(Gguf, RefusesLengthsPastTheEnd) {
  const auto error = [](uint32_t type, std::string_view value) {
    GgufBytes gguf;
    gguf.raw("key", type, value);
    return error_of(gguf);
  };
  for (const uint64_t length :
       {uint64_t{1000}, uint64_t{1} << 63, std::numeric_limits<uint64_t>::max()}) {
    const std::string count = little_endian(length);
    EXPECT_THAT(error(8, count), AllOf(HasSubstr("metadata 'key'"),
                                       HasSubstr(fmt::format("a string needs {} bytes", length))));
    EXPECT_THAT(error(9, little_endian(5u) + count), HasSubstr("metadata 'key'"));  // int32
    EXPECT_THAT(error(9, little_endian(8u) + count), HasSubstr("metadata 'key'"));  // strings
    EXPECT_THAT(error(9, little_endian(12u) + count), HasSubstr("float64"));
  }
  EXPECT_THAT(error(13, "xxxx"), HasSubstr("value type 13: not one of the 13"));
  EXPECT_THAT(error(9, little_endian(77u) + little_endian<uint64_t>(1)),
              HasSubstr("value type 77"));
  EXPECT_THAT(error(9, little_endian(9u) + little_endian<uint64_t>(1)),
              HasSubstr("an array of arrays"));
  EXPECT_THAT(error(7, "\x02"), HasSubstr("metadata 'key': bool 2: expected 0 or 1"));
  EXPECT_THAT(error(9, little_endian(7u) + little_endian<uint64_t>(2) + "\x01\x7f"),
              HasSubstr("bool 127"));
}

TEST(Gguf, RefusesWhatIsGivenTwice) {
  GgufBytes gguf;
  gguf.string("key", "a");
  gguf.string("key", "b");
  EXPECT_THAT(error_of(gguf), HasSubstr("metadata 'key': given twice"));
  GgufBytes tensors;
  tensors.tensor("t", {1}, kF32, "1234");
  tensors.tensor("t", {1}, kF32, "1234");
  EXPECT_THAT(error_of(tensors), HasSubstr("tensor 't': given twice"));
}

TEST(Gguf, RefusesShapesThatOverflowOrSplitABlock) {
  const auto error = [](const std::vector<uint64_t>& dims, uint32_t type) {
    GgufBytes gguf;
    gguf.tensor("t", dims, type, std::string(512, 'x'));
    return error_of(gguf);
  };
  EXPECT_EQ(error({256}, kQ4K), "parsed");
  EXPECT_THAT(error({1, 1, 1, 1, 1}, kF32), HasSubstr("5 dimensions: at most 4"));
  EXPECT_THAT(error({uint64_t{1} << 63}, kF32), HasSubstr("too many elements"));
  EXPECT_THAT(error({uint64_t{1} << 32, uint64_t{1} << 32}, kF32), HasSubstr("too many elements"));
  EXPECT_THAT(error({uint64_t{1} << 32, uint64_t{1} << 32, 0}, kF32),
              HasSubstr("too many elements"));
  EXPECT_THAT(error({128}, kQ4K), HasSubstr("rows of 128 are not whole blocks of 256 (Q4_K)"));
  EXPECT_THAT(error({2, 128}, kQ4K), HasSubstr("shape [128, 2]: rows of 2 are not whole blocks"));
  EXPECT_THAT(error({}, kQ4K), HasSubstr("rows of 1 are not whole blocks"));
}

TEST(Gguf, NamesTensorTypesItDoesNotKnow) {
  const auto error = [](uint32_t type) {
    GgufBytes gguf;
    gguf.tensor("t", {256}, type, std::string(2048, 'x'));
    return error_of(gguf);
  };
  EXPECT_THAT(error(23), HasSubstr("tensor 't': type IQ4_XS: not supported; use a file in F32"));
  EXPECT_THAT(error(4), HasSubstr("type number 4: not supported"));
  EXPECT_THAT(error(0xffffffff), HasSubstr("type number 4294967295"));
}

TEST(Gguf, RefusesRangesThatDoNotFit) {
  const auto error = [](uint64_t offset_a, uint64_t offset_b) {
    GgufBytes gguf;
    gguf.tensor("data", {32}, kF32, std::string(128, 'x'));  // 128 bytes of data in all
    GgufBytes two;
    two.describe("a", {16}, kF32, offset_a);  // 64 bytes each
    two.describe("b", {16}, kF32, offset_b);
    return error_of(two.bytes() + std::string(128, 'x'));
  };
  EXPECT_EQ(error(0, 64), "parsed");
  EXPECT_EQ(error(64, 0), "parsed");
  EXPECT_THAT(error(0, 32), HasSubstr("tensor 'b': offset 32 lies inside tensor 'a'"));
  EXPECT_THAT(error(0, 0), HasSubstr("lies inside tensor"));
  EXPECT_THAT(error(0, 65), HasSubstr("tensor 'b': offset 65 is not a multiple of 32"));
  EXPECT_THAT(error(0, 96), HasSubstr("tensor 'b': 64 bytes at offset 96 lie past the end"));
  EXPECT_THAT(error(0, uint64_t{1} << 63), HasSubstr("past the end of the file's 128 bytes"));
  EXPECT_THAT(error(0, ~uint64_t{31}), HasSubstr("lie past the end"));
}

TEST(Gguf, AnEmptyTensorTakesNoPlace) {
  GgufBytes gguf;
  gguf.tensor("a", {16}, kF32, std::string(64, 'a'));
  gguf.describe("none", {16, 0}, kF32, 32);
  EXPECT_EQ(error_of(gguf), "parsed");
}

TEST(Gguf, ObeysTheAlignment) {
  const auto with_alignment = [](GgufType type, int64_t value, uint64_t used) {
    GgufBytes gguf;
    gguf.alignment = used;
    gguf.integer("general.alignment", type, value);
    gguf.tensor("a", {1}, kF32, "aaaa");
    gguf.tensor("b", {1}, kF32, "bbbb");
    return gguf.bytes();
  };
  for (const uint64_t alignment : {1, 8, 256}) {
    const std::string file =
        with_alignment(GgufType::kUint32, static_cast<int64_t>(alignment), alignment);
    Result<GgufFile> gguf = parse_gguf(as_bytes(file));
    ASSERT_TRUE(gguf) << gguf.error().message;
    EXPECT_EQ(*gguf->tensors[0].data.row<char>(0), 'a');
    EXPECT_EQ(*gguf->tensors[1].data.row<char>(0), 'b');
  }
  EXPECT_THAT(error_of(with_alignment(GgufType::kUint32, 24, 24)), HasSubstr("not a power of two"));
  EXPECT_THAT(error_of(with_alignment(GgufType::kUint32, 0, 32)),
              HasSubstr("general.alignment: expected an integer in [1, 1048576], found 0"));
  EXPECT_THAT(error_of(with_alignment(GgufType::kUint32, int64_t{1} << 31, 32)),
              HasSubstr("general.alignment"));
  EXPECT_THAT(error_of(with_alignment(GgufType::kInt32, -32, 32)), HasSubstr("found -32"));
}

// However a good file is cut off, and whichever byte is changed, nothing worse than an error comes.
TEST(Gguf, SurvivesEveryTruncationAndByte) {
  GgufBytes bytes = example();
  const std::string good = bytes.bytes();
  ASSERT_EQ(error_of(good), "parsed");
  for (size_t size = 0; size + 32 < good.size(); ++size) {
    EXPECT_NE(error_of(good.substr(0, size)), "parsed") << size;
  }
  for (size_t i = 0; i < good.size(); ++i) {
    for (const int change : {1, 0x10, 0x80, 0xff}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ change);
      (void)error_of(bad);
    }
  }
}

}  // namespace
}  // namespace chitu
