#include "text/byte_level.h"

#include <gtest/gtest.h>

#include <set>

namespace chitu::byte_level {
namespace {

TEST(ByteLevel, WritesEveryByteAsItsOwnCharacter) {
  std::set<char32_t> characters;
  for (int byte = 0; byte < 256; ++byte) {
    const char32_t c = character(static_cast<uint8_t>(byte));
    EXPECT_GE(c, 0x21u);
    EXPECT_LE(c, 0x143u);
    EXPECT_EQ(byte_of(c), byte);
    characters.insert(c);
  }
  EXPECT_EQ(characters.size(), 256u);
  EXPECT_EQ(character('a'), U'a');
  EXPECT_EQ(character(' '), U'Ġ');
  EXPECT_EQ(character('\n'), U'Ċ');
  EXPECT_EQ(byte_of(U' '), -1);
  EXPECT_EQ(byte_of(U'你'), -1);
}

TEST(ByteLevel, ReadsBackWhatItWrites) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  std::string text;
  append_encoded(bytes, text);
  std::string back = "kept ";
  ASSERT_TRUE(append_decoded(text, back));
  EXPECT_EQ(back, std::string("kept ").append(bytes));
  EXPECT_FALSE(append_decoded("ab c", back));
  EXPECT_EQ(back, std::string("kept ").append(bytes));
}

}  // namespace
}  // namespace chitu::byte_level
