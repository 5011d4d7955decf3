// What the fuzzers of tokenizer files do with a tokenizer that loaded.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "text/stream_decoder.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace chitu {

inline void require(bool condition) {
  if (!condition) std::abort();
}

inline void check_decoding(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  const std::string text = tokenizer.decode(ids, false);
  require(utf8::valid_prefix(text) == text.size());
  StreamDecoder decoder(tokenizer, false);
  std::string streamed;
  for (const int32_t id : ids) {
    const std::string piece = decoder.push(id);
    require(utf8::valid_prefix(piece) == piece.size());
    streamed += piece;
  }
  require(streamed + decoder.flush() == text);
}

inline void use_tokenizer(const Tokenizer& tokenizer) {
  for (const std::string_view text :
       {"Hello, World 123\n", " a  b\t", "naïve e\u0301 你好 🎉", "<s>aaaaaaaaaaaaaaaaaaaaaaaa</s>",
        "\xFF\xE4\xBD", "\u3000▁ﬁĠ"}) {
    auto ids = tokenizer.encode(text);
    if (!ids.ok()) continue;
    check_decoding(tokenizer, *ids);
    auto plain = tokenizer.encode(text, {.add_special_tokens = false, .parse_special = false});
    if (plain.ok()) check_decoding(tokenizer, *plain);
  }
  std::vector<int32_t> any;
  for (int32_t id = -1; id < 40; ++id) any.push_back(id);
  check_decoding(tokenizer, any);
}

}  // namespace chitu
