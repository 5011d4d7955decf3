// What tests of the engine share: the tiny model of models/tiny-random, and requests to it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "backend/reference/reference_ops.h"
#include "engine/engine.h"
#include "io/checkpoint.h"

namespace chitu::test {

inline std::vector<int32_t> prompt(int64_t length, int32_t first) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < length; ++i) {
    tokens.push_back(3 + static_cast<int32_t>((first + 37 * i) % 500));
  }
  return tokens;
}

inline Request request(std::vector<int32_t> tokens, int64_t max_new_tokens) {
  return {.prompt = std::move(tokens), .max_new_tokens = max_new_tokens, .ignore_eos = true};
}

inline std::vector<int32_t> answer(Engine& engine, Request r) {
  std::vector<int32_t> tokens;
  const auto finish = generate(engine, std::move(r), [&](int32_t token) {
    tokens.push_back(token);
    return true;
  });
  EXPECT_TRUE(finish.ok());
  return tokens;
}

class TinyModelTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<Checkpoint> opened = Checkpoint::open(CHITU_SOURCE_DIR "/models/tiny-random");
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    checkpoint_ = std::make_unique<Checkpoint>(*std::move(opened));
    ops_ = make_reference_ops();
  }

  std::unique_ptr<Engine> load(const EngineOptions& options) { return load(options, *ops_); }
  std::unique_ptr<Engine> load(const EngineOptions& options, Ops& ops) {
    Result<std::unique_ptr<Engine>> engine = Engine::load(*checkpoint_, ops, options);
    EXPECT_TRUE(engine.ok()) << engine.error().message;
    return *std::move(engine);
  }

  std::unique_ptr<Checkpoint> checkpoint_;
  std::unique_ptr<Ops> ops_;
};

}  // namespace chitu::test
