#include "loadgen/workload.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "io/json.h"

namespace chitu::loadgen {
namespace {

constexpr std::array<std::string_view, 64> kWords = {
    "the",   "time",   "year",   "people",  "way",    "day",    "man",   "thing",
    "world", "life",   "hand",   "part",    "child",  "eye",    "woman", "place",
    "work",  "week",   "case",   "point",   "number", "group",  "fact",  "water",
    "room",  "money",  "story",  "month",   "right",  "study",  "book",  "word",
    "house", "side",   "kind",   "head",    "power",  "game",   "line",  "end",
    "name",  "city",   "team",   "minute",  "idea",   "body",   "back",  "parent",
    "face",  "level",  "door",   "health",  "person", "art",    "war",   "history",
    "party", "result", "change", "morning", "reason", "moment", "air",   "teacher"};

void append_words(std::string& text, int64_t n, std::mt19937_64& random) {
  for (int64_t i = 0; i < n; ++i) {
    if (!text.empty()) text += ' ';
    text += kWords[random() % kWords.size()];
  }
}

int64_t estimated_tokens(std::string_view text) {
  return static_cast<int64_t>(text.size() + 3) / 4;
}

std::optional<Prompt> prompt_of(const json::Value& conversation) {
  constexpr int64_t kLeast = 4;
  constexpr int64_t kMostInput = 1024;
  constexpr int64_t kMostTogether = 2048;
  const json::Object* object = conversation.if_object();
  const json::Value* turns = object == nullptr ? nullptr : object->if_contains("conversations");
  if (turns == nullptr || !turns->is_array() || turns->get_array().size() < 2) return std::nullopt;
  std::array<std::string, 2> texts;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const json::Object* turn = turns->get_array()[i].if_object();
    if (turn == nullptr) return std::nullopt;
    texts[i] = json::Fields(*turn).string_or("value", "").value_or("");
  }
  const int64_t input = estimated_tokens(texts[0]);
  const int64_t output = estimated_tokens(texts[1]);
  if (input < kLeast || output < kLeast || input > kMostInput || input + output > kMostTogether) {
    return std::nullopt;
  }
  return Prompt{.text = std::move(texts[0]), .max_tokens = output};
}

}  // namespace

int64_t length_near(int64_t length, double ratio, std::mt19937_64& random) {
  const auto spread = static_cast<int64_t>(std::floor(static_cast<double>(length) * ratio));
  std::uniform_int_distribution<int64_t> lengths(length - spread, length + spread);
  return std::max<int64_t>(1, lengths(random));
}

std::vector<Prompt> random_prompts(int64_t n, const RandomPrompts& options, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string prefix;
  append_words(prefix, options.prefix_len, random);
  std::vector<Prompt> prompts(static_cast<std::size_t>(n));
  for (Prompt& prompt : prompts) {
    prompt.text = prefix;
    append_words(prompt.text, length_near(options.input_len, options.range_ratio, random), random);
    prompt.max_tokens = length_near(options.output_len, options.range_ratio, random);
  }
  return prompts;
}

Result<std::vector<Prompt>> read_sharegpt(const std::filesystem::path& path) {
  // The file that most people have is of 640 MiB.
  constexpr json::Limits kLimits{.max_values = 64'000'000, .max_bytes = int64_t{1} << 30};
  TRY(value, json::parse_file(path, kLimits));
  if (!value.is_array()) {
    return make_error(ErrorCode::kCorrupt, "{}: expected an array of conversations, found {}",
                      path.string(), json::kind_name(value));
  }
  std::vector<Prompt> prompts;
  for (const json::Value& conversation : value.get_array()) {
    if (auto prompt = prompt_of(conversation)) prompts.push_back(std::move(*prompt));
  }
  if (prompts.empty()) {
    return make_error(
        ErrorCode::kInvalidArgument,
        "{}: none of its {} entries is a conversation of two turns that is neither "
        "too short nor too long; expected "
        "[{{\"conversations\": [{{\"from\": \"human\", \"value\": \"...\"}}, ...]}}, ...]",
        path.string(), value.get_array().size());
  }
  return prompts;
}

std::vector<Prompt> draw(const std::vector<Prompt>& pool, int64_t first, int64_t n,
                         std::optional<int64_t> output_len, uint64_t seed) {
  std::vector<std::size_t> order(pool.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::mt19937_64 random(seed);
  std::shuffle(order.begin(), order.end(), random);
  std::vector<Prompt> prompts;
  prompts.reserve(static_cast<std::size_t>(n));
  for (int64_t i = first; i < first + n; ++i) {
    prompts.push_back(pool[order[static_cast<std::size_t>(i) % order.size()]]);
    if (output_len) prompts.back().max_tokens = *output_len;
  }
  return prompts;
}

std::vector<double> arrival_times(int64_t n, double rate, double burstiness, uint64_t seed) {
  std::vector<double> times(static_cast<std::size_t>(n), 0.0);
  if (std::isinf(rate)) return times;
  std::mt19937_64 random(seed);
  std::gamma_distribution<double> gap(burstiness, 1 / (rate * burstiness));
  for (std::size_t i = 1; i < times.size(); ++i) times[i] = times[i - 1] + gap(random);
  return times;
}

}  // namespace chitu::loadgen
