// Continues a text: minimal path/to/checkpoint "The river begins"
#include <cstdio>

#include "backend/cpu/cpu_ops.h"
#include "base/thread_pool.h"
#include "engine/engine.h"
#include "io/checkpoint.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"

namespace {

chitu::Result<chitu::FinishReason> continue_text(const char* path, const char* text) {
  TRY(checkpoint, chitu::Checkpoint::open(path));
  TRY(tokenizer, chitu::Tokenizer::load(checkpoint));
  chitu::ThreadPool threads;
  TRY(ops, chitu::make_cpu_ops(threads));
  TRY(engine, chitu::Engine::load(checkpoint, *ops, chitu::EngineOptions{}));
  TRY(prompt, tokenizer.encode(text));
  chitu::StreamDecoder decoder(tokenizer);
  return generate(*engine, {.prompt = prompt, .max_new_tokens = 16}, [&](int32_t token) {
    return std::fputs(decoder.push(token).c_str(), stdout) >= 0;
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto finish = continue_text(argv[1], argv[2]);
  if (!finish.ok()) return std::fprintf(stderr, "%s\n", finish.error().message.c_str()), 1;
  return std::puts("") < 0;
}
