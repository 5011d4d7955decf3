#include "text/utf8.h"

#include <gtest/gtest.h>

namespace chitu::utf8 {
namespace {

std::string lossy(std::string_view text) {
  std::string out;
  append_lossy(text, out);
  return out;
}

const std::string kBad(kReplacement);

TEST(Utf8, ReplacesEveryMaximalSubpartAsPythonDoes) {
  EXPECT_EQ(lossy("plain"), "plain");
  EXPECT_EQ(lossy("a\xC3\xA9\xE4\xBD\xA0\xF0\x9F\x8E\x89"), "aé你🎉");
  EXPECT_EQ(lossy("\xE2\x82"), kBad);                    // cut off
  EXPECT_EQ(lossy("\xE2\x82z"), kBad + "z");             // broken off
  EXPECT_EQ(lossy("\x80\xBF"), kBad + kBad);             // continuation bytes alone
  EXPECT_EQ(lossy("\xC0\xAF"), kBad + kBad);             // overlong
  EXPECT_EQ(lossy("\xED\xA0\x80"), kBad + kBad + kBad);  // surrogate
  EXPECT_EQ(lossy("\xF0\x80\x80"), kBad + kBad + kBad);  // overlong
  EXPECT_EQ(lossy("\xF4\x90\x80"), kBad + kBad + kBad);  // past U+10FFFF
  EXPECT_EQ(lossy("\xF0\x9F\x8E"), kBad);
  EXPECT_EQ(lossy("\xFF\xFE"), kBad + kBad);
}

TEST(Utf8, FindsTheEndOfTheValidPart) {
  EXPECT_EQ(valid_prefix("0123456789abcdef\xE4\xBD\xA0"), 19u);
  EXPECT_EQ(valid_prefix("0123456789abcdef\xE4\xBD"), 16u);
  EXPECT_EQ(valid_prefix("\x80"), 0u);
}

TEST(Utf8, WritesWhatItReads) {
  for (const char32_t c :
       {U'\0', U'\x7F', U'\x80', U'\x7FF', U'\x800', U'\xFFFF', U'\x10000', U'\x10FFFF'}) {
    std::string text;
    append(c, text);
    EXPECT_EQ(length(text[0]), text.size());
    EXPECT_EQ(code_point(text), c);
  }
}

TEST(Assembler, HandsOutWholeCharacters) {
  Assembler assembler;
  std::string out;
  for (const char byte : std::string_view("a你🎉")) {
    assembler.push({&byte, 1}, out);
    EXPECT_EQ(valid_prefix(out), out.size());
  }
  EXPECT_EQ(out, "a你🎉");
  assembler.push("\xE4\xBD", out);
  EXPECT_EQ(out, "a你🎉");
  assembler.flush(out);
  EXPECT_EQ(out, "a你🎉" + kBad);
}

TEST(Assembler, CountsInvalidBytesAsAsked) {
  Assembler assembler(Assembler::Invalid::kPerByte);
  std::string out;
  assembler.push("\xE4\xBD", out);
  assembler.push("x", out);
  assembler.push("\xF0\x9F", out);
  assembler.flush(out);
  EXPECT_EQ(out, kBad + kBad + "x" + kBad + kBad);
}

}  // namespace
}  // namespace chitu::utf8
