#include "text/stream_decoder.h"

#include "text/tokenizer_parts.h"

namespace chitu {

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special)
    : parts_(tokenizer.parts_.get()),
      skip_special_(skip_special),
      state_(parts_->decoder.begin()) {}

std::string StreamDecoder::push(int32_t id) {
  std::string out;
  const TokenizerParts::Found found = parts_->find(id);
  if (found.exists && !(found.special && skip_special_)) {
    parts_->decoder.push(state_, found.text, found.added, out);
  }
  return out;
}

std::string StreamDecoder::flush() {
  std::string out;
  parts_->decoder.flush(state_, out);
  state_ = parts_->decoder.begin();
  return out;
}

}  // namespace chitu
