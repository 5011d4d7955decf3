#include "io/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "io/test_files.h"

namespace chitu::json {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string error_of(std::string_view text, const Limits& limits = {}) {
  const Result<Value> value = parse(text, limits);
  return value ? "parsed" : value.error().message;
}

TEST(JsonParse, KeepsTheOrderOfKeysAndTheLastOfDuplicates) {
  Result<Value> value = parse(R"({"b": 1, "a": 2, "b": 3})");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(boost::json::serialize(*value), R"({"b":3,"a":2})");
}

TEST(JsonParse, CountsValuesOfEveryKind) {
  constexpr std::string_view kTen =
      R"([{"a": "b", "c": []}, 1, 18446744073709551615, 1.5, true, null, "s"])";
  EXPECT_EQ(error_of(kTen, {.max_values = 10}), "parsed");
  EXPECT_THAT(error_of(kTen, {.max_values = 9}), HasSubstr("more than 9 values"));
  EXPECT_EQ(parse("[1, 2]", {.max_values = 2}).error().code, ErrorCode::kResourceExhausted);
}

TEST(JsonParse, JoinsStringsWithEscapes) {
  Result<Value> value = parse("{\"k\\u0065y\": \"a\\n\\ud83d\\ude00b\\u0000c\"}");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(value->at("key").as_string(), boost::json::string_view("a\n\xF0\x9F\x98\x80"
                                                                   "b\0c",
                                                                   9));
}

// Python: float(text).hex(). Boost 1.81's own conversion is off in the last place for the first.
TEST(JsonParse, RoundsDecimalsCorrectly) {
  EXPECT_EQ(parse("-10.331800832999999")->get_double(), -0x1.4a9e1cc7d0a86p+3);
  EXPECT_EQ(parse("5e-324")->get_double(), 0x1p-1074);
  EXPECT_EQ(parse("1.7976931348623157e308")->get_double(), 0x1.fffffffffffffp+1023);
  EXPECT_EQ(parse("0.1e1")->get_double(), 1.0);
}

TEST(JsonParse, IntegersBeyond64BitsBecomeDoubles) {
  EXPECT_EQ(parse("9223372036854775807")->get_int64(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(parse("-9223372036854775808")->get_int64(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(parse("18446744073709551615")->get_uint64(), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(parse("1000000000000000019884624838656")->get_double(), 1e30);
  EXPECT_TRUE(std::isinf(parse("1e999")->get_double()));
  EXPECT_EQ(parse("-1e999")->get_double(), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(parse("1e-999")->get_double(), 0.0);
  EXPECT_EQ(parse("0e999")->get_double(), 0.0);
}

TEST(JsonParse, NamesThePlaceOfAnError) {
  EXPECT_THAT(error_of("{\n  \"a\": 1,\n  \"b\": nul }"), StartsWith("line 3, column 8 (byte 19)"));
  EXPECT_THAT(error_of("[1] x"), HasSubstr("text after the end"));
  EXPECT_THAT(error_of("[1, "), HasSubstr("ends in the middle"));
  EXPECT_THAT(error_of(""), HasSubstr("ends in the middle"));
}

TEST(JsonParse, IsStrict) {
  for (const char* text :
       {"[1,]", "{'a': 1}", "// c\n1", "NaN", "Infinity", "01", "+1", "[\"\xff\"]", "\"\\ud800\"",
        "\"\n\"", "\xEF\xBB\xBF{}", "{\"a\" 1}", "1e99999999999999"}) {
    EXPECT_NE(error_of(text), "parsed") << text;
  }
}

TEST(JsonParse, LimitsTheDepth) {
  const std::string at_limit = std::string(64, '[') + std::string(64, ']');
  EXPECT_EQ(error_of(at_limit), "parsed");
  EXPECT_THAT(error_of("[" + at_limit + "]"), HasSubstr("deeper than 64 levels"));
  EXPECT_THAT(error_of(std::string(400'000, '[')), HasSubstr("deeper than 64 levels"));
  EXPECT_THAT(error_of("[[[1]]]", {.max_depth = 2}), HasSubstr("deeper than 2 levels"));
}

TEST(JsonFile, IsReadWhole) {
  const TemporaryDirectory dir;
  Result<Value> value = parse_file(dir.write("f.json", "{\"a\": [1, 2]}\n"));
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(value->at("a").at(1).as_int64(), 2);
}

TEST(JsonFile, ErrorsNameTheFile) {
  const TemporaryDirectory dir;
  const std::filesystem::path path = dir.write("f.json", "{\"a\"");
  EXPECT_THAT(parse_file(path).error().message, StartsWith(path.string() + ": line 1"));
  EXPECT_THAT(parse_file(path, {.max_bytes = 3}).error().message, HasSubstr("4 bytes; at most 3"));
  EXPECT_EQ(parse_file(path, {.max_bytes = 3}).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(parse_file(dir.path() / "none.json").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(parse_file(dir.path()).error().message, HasSubstr("not a regular file"));
  EXPECT_THAT(parse_file(dir.write("f.json", "")).error().message, HasSubstr("ends in the middle"));
}

TEST(JsonParseUnique, RefusesAKeyGivenTwice) {
  EXPECT_TRUE(parse_unique(R"([{"a": 1, "b": {"a": 2}}, {"a": 3}])"));
  const Result<Value> twice = parse_unique("{\"a\": 1,\n \"b\": {}, \"\\u0061\": 2}");
  EXPECT_THAT(twice.error().message, HasSubstr("line 2, "));
  EXPECT_THAT(twice.error().message, HasSubstr("the key 'a' occurs twice"));
}

TEST(JsonParseUnique, ComparesKeysThatComeInParts) {
  const auto object = [](std::string_view a, std::string_view b) {
    const std::string tail(10'000, 'x');  // longer than the parser's buffer for escapes
    return fmt::format(R"({{"{}\n{}": 1, "{}\n{}": 2}})", a, tail, b, tail);
  };
  EXPECT_TRUE(parse_unique(object("a", "b")));
  EXPECT_FALSE(parse_unique(object("a", "a")));
}

class JsonFields : public ::testing::Test {
 protected:
  Value value_ = *parse(R"({"i": 4096, "neg": -1, "big": 18446744073709551615, "x": 1e-5,
      "inf": 1e999, "s": "text", "t": true, "null": null, "o": {"p": 1}, "a": [1], "float": 2.0})");
  Fields fields_ = *Fields::of(value_);
};

TEST_F(JsonFields, ReadsIntegersInTheirRange) {
  EXPECT_EQ(*fields_.integer("i", 1, 4096), 4096);
  EXPECT_EQ(fields_.integer("i", 1, 4095).error().message,
            "i: expected an integer in [1, 4095], found 4096");
  EXPECT_EQ(fields_.integer("neg", 0, 9).error().message,
            "neg: expected an integer in [0, 9], found -1");
  EXPECT_EQ(fields_.integer("s", 0, 9).error().message,
            "s: expected an integer in [0, 9], found a string");
  EXPECT_FALSE(fields_.integer("big", 0, std::numeric_limits<int64_t>::max()));
  EXPECT_FALSE(fields_.integer("float", 0, 9));
  EXPECT_EQ(fields_.integer("none", 0, 9).error().message,
            "none: expected an integer in [0, 9], found nothing; add the field");
  EXPECT_EQ(*fields_.integer_or("null", 7, 0, 9), 7);
  EXPECT_FALSE(fields_.integer_or("s", 7, 0, 9));
}

TEST_F(JsonFields, ReadsNumbers) {
  EXPECT_EQ(*fields_.number("x"), 1e-5);
  EXPECT_EQ(*fields_.number("i"), 4096.0);
  EXPECT_EQ(*fields_.number("big"), 0x1p64);
  EXPECT_FALSE(fields_.number("inf"));
  EXPECT_FALSE(fields_.number("s"));
  EXPECT_FALSE(fields_.number("none"));
  EXPECT_EQ(*fields_.number_or("none", 0.5), 0.5);
  EXPECT_FALSE(fields_.number_or("inf", 0.5));
}

TEST_F(JsonFields, ReadsTheOtherKinds) {
  EXPECT_TRUE(*fields_.boolean_or("t", false));
  EXPECT_FALSE(*fields_.boolean_or("none", false));
  EXPECT_EQ(fields_.boolean_or("i", false).error().message,
            "i: expected true or false, found 4096");
  EXPECT_EQ(*fields_.string("s"), "text");
  EXPECT_EQ(*fields_.string_or("null", "else"), "else");
  EXPECT_FALSE(fields_.string("a"));
  EXPECT_FALSE(fields_.string_or("a", "else"));
  EXPECT_EQ((*fields_.object("o"))->size(), 1u);
  EXPECT_FALSE(fields_.object("a"));
  EXPECT_EQ((*fields_.array("a"))->size(), 1u);
  EXPECT_FALSE(fields_.array("o"));
  EXPECT_FALSE(fields_.has("null"));
  EXPECT_TRUE(fields_.has("inf"));
  EXPECT_EQ(Fields::of(value_.at("a")).error().message, "expected an object, found an array");
}

}  // namespace
}  // namespace chitu::json
