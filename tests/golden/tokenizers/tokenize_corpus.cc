// Tokenizes a corpus for compare.py: one run per tokenizer.
//
//   tokenize_corpus TOKENIZER CORPUS OUT [--plain]
//
// TOKENIZER is a GGUF file or a directory. CORPUS is a sequence of documents, each a little-endian
// uint32 length and its bytes. OUT gets for each document the number of ids, the ids, the length of
// the decoded text and the text, in 32-bit numbers. --plain adds and parses no special tokens. Each
// document is also decoded as a stream, which must give the same text. Prints processor time.
#include <cstdint>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>

#include "io/checkpoint.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"

namespace {

using chitu::Result;
using chitu::Tokenizer;

Result<Tokenizer> load(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) return Tokenizer::from_directory(path);
  TRY(checkpoint, chitu::Checkpoint::open(path));
  return Tokenizer::load(checkpoint);
}

std::string read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Of one core: others may keep the machine busy.
double processor_seconds() {
  return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

void append_u32(std::string& out, size_t value) {
  const auto number = static_cast<uint32_t>(value);
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

std::string decode_stream(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  chitu::StreamDecoder decoder(tokenizer, false);
  std::string text;
  for (const int32_t id : ids) text += decoder.push(id);
  return text + decoder.flush();
}

chitu::Status run(const Tokenizer& tokenizer, std::string_view corpus, bool plain,
                  std::string& out) {
  double spent = 0;
  const size_t bytes = corpus.size();
  for (uint32_t length; corpus.size() >= sizeof length; corpus.remove_prefix(length)) {
    std::memcpy(&length, corpus.data(), sizeof length);
    corpus.remove_prefix(sizeof length);
    const double start = processor_seconds();
    TRY(ids, tokenizer.encode(corpus.substr(0, length),
                              {.add_special_tokens = !plain, .parse_special = !plain}));
    spent += processor_seconds() - start;
    const std::string text = tokenizer.decode(ids, false);
    if (decode_stream(tokenizer, ids) != text) {
      return chitu::make_error(chitu::ErrorCode::kInternal, "the stream decoder differs");
    }
    append_u32(out, ids.size());
    out.append(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(int32_t));
    append_u32(out, text.size());
    out += text;
  }
  std::cout << fmt::format("{:.1f} MB/s\n", static_cast<double>(bytes) * 1e-6 / spent);
  return {};
}

int fail(const chitu::Error& error) {
  std::cerr << error.message << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return fail({chitu::ErrorCode::kInvalidArgument, "TOKENIZER CORPUS OUT [--plain]"});
  const double start = processor_seconds();
  auto tokenizer = load(argv[1]);
  if (!tokenizer) return fail(tokenizer.error());
  std::cout << fmt::format("loaded in {:.1f} ms, ", (processor_seconds() - start) * 1e3);
  std::string out;
  auto status = run(*tokenizer, read_file(argv[2]), argc > 4, out);
  if (!status) return fail(status.error());
  std::ofstream(argv[3], std::ios::binary) << out;
  return 0;
}
