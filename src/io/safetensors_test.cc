#include "io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "io/test_files.h"

namespace chitu {
namespace {

using ::testing::HasSubstr;

std::span<const std::byte> as_bytes(std::string_view file) {
  return std::as_bytes(std::span(file.data(), file.size()));
}

std::string error_of(std::string_view file) {
  const Result<std::vector<TensorEntry>> tensors = parse_safetensors(as_bytes(file));
  if (tensors) return "parsed";
  EXPECT_EQ(tensors.error().message.find('\n'), std::string::npos);
  return tensors.error().message;
}

std::string error_of_header(std::string_view header, std::string_view data = "12345678") {
  return error_of(safetensors_bytes(header, data));
}

TEST(Safetensors, GivesViewsInTheOrderOfTheBytes) {
  const std::string file =
      safetensors_bytes(R"({"__metadata__":{"format":"pt"},)"
                        R"("b":{"dtype":"BF16","shape":[3,2],"data_offsets":[4,16]},)"
                        R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                        R"("e":{"dtype":"F16","shape":[0,7],"data_offsets":[16,16]}}   )",
                        "aaaabbbbbbbbbbbb");
  Result<std::vector<TensorEntry>> tensors = parse_safetensors(as_bytes(file));
  ASSERT_TRUE(tensors) << tensors.error().message;
  ASSERT_EQ(tensors->size(), 3u);
  EXPECT_EQ((*tensors)[0].name, "a");
  EXPECT_EQ((*tensors)[0].data.shape, Shape{});
  const TensorRef& b = (*tensors)[1].data;
  EXPECT_EQ(b.dtype, DType::kBF16);
  EXPECT_EQ(b.shape, (Shape{3, 2}));
  EXPECT_TRUE(b.is_contiguous());
  EXPECT_EQ(b.data, file.data() + file.size() - 12);
  EXPECT_EQ((*tensors)[2].data.shape, (Shape{0, 7}));
}

TEST(Safetensors, MergesDimensionsBeyondFour) {
  const std::string file = safetensors_bytes(
      R"({"conv":{"dtype":"U8","shape":[2,3,1,2,1],"data_offsets":[0,12]}})", "0123456789ab");
  Result<std::vector<TensorEntry>> tensors = parse_safetensors(as_bytes(file));
  ASSERT_TRUE(tensors) << tensors.error().message;
  EXPECT_EQ((*tensors)[0].data.shape, (Shape{6, 1, 2, 1}));
}

TEST(Safetensors, RefusesABadHeaderLength) {
  EXPECT_THAT(error_of(""), HasSubstr("the file is empty"));
  EXPECT_THAT(error_of("1234567"), HasSubstr("7 bytes are too few"));
  for (const uint64_t length :
       {uint64_t{100'000'001}, uint64_t{1} << 63, std::numeric_limits<uint64_t>::max()}) {
    EXPECT_THAT(error_of(little_endian(length) + "{}"),
                HasSubstr(fmt::format("header length {}: at most 100000000", length)));
  }
  EXPECT_THAT(error_of(little_endian<uint64_t>(3) + "{}"), HasSubstr("the file has only 10 bytes"));
  EXPECT_THAT(error_of(little_endian<uint64_t>(0)), HasSubstr("does not start with '{'"));
}

TEST(Safetensors, RefusesAHeaderThatIsNotItsJson) {
  EXPECT_THAT(error_of_header("[]", ""), HasSubstr("does not start with '{'"));
  EXPECT_THAT(error_of_header(" {}", ""), HasSubstr("does not start with '{'"));
  EXPECT_THAT(error_of_header("{\"a\":", ""), HasSubstr("header: line 1"));
  EXPECT_THAT(error_of_header("{\"\xff\":1}", ""), HasSubstr("header: line 1"));
  EXPECT_THAT(error_of_header(R"({"a":1})", ""), HasSubstr("tensor 'a': expected an object"));
  EXPECT_THAT(error_of_header(R"({"__metadata__":[]})", ""),
              HasSubstr("__metadata__: expected an object of strings"));
  EXPECT_THAT(error_of_header(R"({"__metadata__":{"a":1}})", ""), HasSubstr("__metadata__"));
  EXPECT_EQ(error_of_header(R"({"__metadata__":null})", ""), "parsed");
  EXPECT_THAT(error_of_header(R"({"a\n\u001b[2J":1})", ""), HasSubstr(R"('a\x0a\x1b[2J')"));
}

TEST(Safetensors, RefusesAHeaderBeyondTheLimitsOfItsJson) {
  const auto nested = [](int depth) {  // the header's own object is the first level
    return R"({"a":)" + std::string(static_cast<std::size_t>(depth - 1), '[') +
           std::string(static_cast<std::size_t>(depth - 1), ']') + "}";
  };
  EXPECT_THAT(error_of_header(nested(64), ""), HasSubstr("tensor 'a': expected an object"));
  EXPECT_THAT(error_of_header(nested(65), ""), HasSubstr("nested deeper than 64 levels"));

  // The values: the header's object, the array, and what is in it.
  const auto wide = [](int64_t values) {
    std::string header = R"({"a":[0)";
    for (int64_t i = 3; i < values; ++i) header += ",0";
    return header + "]}";
  };
  EXPECT_THAT(error_of_header(wide(kMaxSafetensorsHeaderValues), ""),
              HasSubstr("tensor 'a': expected an object"));
  EXPECT_THAT(error_of_header(wide(kMaxSafetensorsHeaderValues + 1), ""),
              HasSubstr("more than 4000000 values"));
}

TEST(Safetensors, RefusesFieldsOfAWrongKind) {
  const auto error = [](std::string_view fields) {
    return error_of_header(fmt::format(R"({{"a":{{{}}}}})", fields));
  };
  const std::string rest = R"(,"shape":[2],"data_offsets":[0,8])";
  EXPECT_THAT(error(R"("shape":[2],"data_offsets":[0,8])"), HasSubstr("dtype: expected a string"));
  EXPECT_THAT(error(R"("dtype":4)" + rest), HasSubstr("dtype: expected a string, found 4"));
  for (const char* dtype : {"Q4_0", "float32", "U16", "f32", ""}) {
    EXPECT_THAT(error(fmt::format(R"("dtype":"{}")", dtype) + rest),
                HasSubstr(fmt::format("tensor 'a': dtype '{}': not one of F64, F32", dtype)));
  }
  EXPECT_THAT(error(R"("dtype":"F32","data_offsets":[0,8])"),
              HasSubstr("shape: expected an array"));
  EXPECT_THAT(error(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"),
              HasSubstr("shape: expected non-negative integers, found -2"));
  EXPECT_THAT(error(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"),
              HasSubstr("shape: expected non-negative integers"));
  EXPECT_THAT(error(R"("dtype":"F32","shape":["2"],"data_offsets":[0,8])"),
              HasSubstr("shape: expected non-negative integers, found a string"));
  EXPECT_THAT(error(R"("dtype":"F32","shape":[2],"data_offsets":[8])"),
              HasSubstr("data_offsets: expected [begin, end], found 1 numbers"));
  EXPECT_THAT(error(R"("dtype":"F32","shape":[2],"data_offsets":[0,-8])"),
              HasSubstr("data_offsets: expected non-negative integers, found -8"));
}

TEST(Safetensors, RefusesSizesThatOverflowOrDoNotMatch) {
  const auto error = [](std::string_view shape, std::string_view offsets) {
    return error_of_header(
        fmt::format(R"({{"a":{{"dtype":"F32","shape":{},"data_offsets":{}}}}})", shape, offsets));
  };
  EXPECT_EQ(error("[2]", "[0,8]"), "parsed");
  for (const char* shape : {"[4611686018427387904,4]", "[18446744073709551615]",
                            "[9223372036854775808,2]", "[4294967296,4294967296,4294967296]",
                            "[2,4611686018427387904]", "[0,18446744073709551615]"}) {
    EXPECT_THAT(error(shape, "[0,8]"), HasSubstr("too many elements")) << shape;
  }
  EXPECT_THAT(error("[3]", "[0,8]"),
              HasSubstr("data_offsets: 8 bytes, but dtype F32 and shape [3] need 12"));
  EXPECT_THAT(error("[2]", "[8,0]"), HasSubstr("[8, 0] is no range within the file's 8 bytes"));
  EXPECT_THAT(error("[3]", "[0,12]"), HasSubstr("the file may be cut off"));
  EXPECT_THAT(error("[2]", "[18446744073709551608,18446744073709551615]"),
              HasSubstr("is no range within"));
}

TEST(Safetensors, RefusesHolesOverlapsAndLeftovers) {
  const auto error = [](std::string_view a, std::string_view b) {
    return error_of_header(fmt::format(R"({{"a":{{"dtype":"U8","shape":[4],"data_offsets":{}}},)"
                                       R"("b":{{"dtype":"U8","shape":[4],"data_offsets":{}}}}})",
                                       a, b),
                           "0123456789");
  };
  EXPECT_THAT(error("[0,4]", "[6,10]"), HasSubstr("'b': data_offsets: begins at 6, after a hole"));
  EXPECT_THAT(error("[0,4]", "[3,7]"), HasSubstr("'b': data_offsets: begins at 3, inside"));
  EXPECT_THAT(error("[0,4]", "[0,4]"), HasSubstr("begins at 0, inside"));
  EXPECT_THAT(error("[1,5]", "[5,9]"), HasSubstr("'a': data_offsets: begins at 1, after a hole"));
  EXPECT_THAT(error("[0,4]", "[4,8]"), HasSubstr("end at byte 8 of the data, but the file has 10"));
  EXPECT_THAT(error_of_header("{}", "x"), HasSubstr("end at byte 0"));
  EXPECT_EQ(error_of_header("{}", ""), "parsed");
}

TEST(Safetensors, RefusesATensorGivenTwice) {
  const std::string tensor = R"("a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]})";
  EXPECT_EQ(error_of_header("{" + tensor + "}"), "parsed");
  EXPECT_THAT(error_of_header("{" + tensor + "," + tensor + "}"),
              HasSubstr("the key 'a' occurs twice"));
  EXPECT_THAT(
      error_of_header(R"({"a":{"dtype":"U8","dtype":"U8","shape":[8],"data_offsets":[0,8]}})"),
      HasSubstr("the key 'dtype' occurs twice"));
}

TEST(Safetensors, SaysWhatAFileIsInstead) {
  EXPECT_THAT(error_of("\x80\x02}q\x01 and more"), HasSubstr("PyTorch pickle"));
  EXPECT_THAT(error_of("version https://git-lfs.github.com/spec/v1"), HasSubstr("git lfs pull"));
  EXPECT_THAT(error_of("<!DOCTYPE html><html>"), HasSubstr("web page"));
  EXPECT_THAT(error_of("GGUF\x03 and so on"), HasSubstr("GGUF file"));
}

// However a good file is cut off, and whichever byte is changed, nothing worse than an error comes.
TEST(Safetensors, SurvivesEveryTruncationAndByte) {
  const std::string good =
      safetensors_bytes(R"({"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}})", "12345678");
  ASSERT_EQ(error_of(good), "parsed");
  for (size_t size = 0; size < good.size(); ++size) {
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
