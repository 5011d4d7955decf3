#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/quote.h"
#include "text/utf8.h"

namespace chitu {
namespace {

constexpr uint32_t kOptions = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;

// Steps of one match: backtracking through one run of spaces costs a step per space, so the limit
// must grow with the text.
constexpr size_t kMatchSteps = 1'000'000;
constexpr size_t kMatchStepsPerByte = 8;
constexpr uint32_t kHeapLimitKiB = 64 << 10;  // for the interpreter, where there is no JIT
constexpr size_t kSmallStack = 32 << 10;
constexpr size_t kLargeStack = 16 << 20;

constexpr size_t kMaxPatternBytes = 64 << 10;

constexpr std::chrono::seconds kTimeBudget{5};
constexpr std::chrono::microseconds kTimeBudgetPerByte{1};
constexpr size_t kWalkSteps = size_t{1} << 26;  // some tenths of a second
constexpr size_t kWalkStepsPerByte = 64;
constexpr unsigned kMatchesPerClockReading = 64;

// What Oniguruma may know and PCRE2 does not: an escape, a property, a POSIX class.
bool is_unknown_name(int code) {
  return code == PCRE2_ERROR_UNKNOWN_ESCAPE || code == PCRE2_ERROR_UNKNOWN_UNICODE_PROPERTY ||
         code == PCRE2_ERROR_UNKNOWN_POSIX_CLASS;
}

struct CompileContextDeleter {
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
};

std::string message_of(int code) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

}  // namespace

MatchScratch::MatchScratch(size_t text_bytes)
    : data_(pcre2_match_data_create(1, nullptr)),
      context_(pcre2_match_context_create(nullptr)),
      text_bytes_(text_bytes),
      steps_left_(kWalkSteps + kWalkStepsPerByte * text_bytes),
      start_(std::chrono::steady_clock::now()) {
  CHECK(data_ != nullptr && context_ != nullptr);
  const size_t steps = std::max(kMatchSteps, kMatchStepsPerByte * text_bytes);
  pcre2_set_match_limit(context_, static_cast<uint32_t>(std::min<size_t>(steps, UINT32_MAX)));
  pcre2_set_heap_limit(context_, kHeapLimitKiB);
}

MatchScratch::~MatchScratch() {
  pcre2_match_data_free(data_);
  pcre2_match_context_free(context_);
  if (stack_ != nullptr) pcre2_jit_stack_free(stack_);
}

Status MatchScratch::check() const {
  if (!exhausted()) return {};
  return make_error(ErrorCode::kResourceExhausted,
                    "too many tokens of the tokenizer almost match this text");
}

bool MatchScratch::out_of_time() {
  if (++matches_ % kMatchesPerClockReading != 0) return false;
  const auto budget = kTimeBudget + kTimeBudgetPerByte * static_cast<int64_t>(text_bytes_);
  return std::chrono::steady_clock::now() - start_ > budget;
}

void MatchScratch::use_large_stack() {
  stack_ = pcre2_jit_stack_create(kSmallStack, kLargeStack, nullptr);
  CHECK(stack_ != nullptr);
  pcre2_jit_stack_assign(context_, nullptr, stack_);
}

void Regex::CodeDeleter::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }

Result<Regex> Regex::compile(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    return make_error(ErrorCode::kUnsupported,
                      "a regular expression has {} bytes; at most {} are allowed", pattern.size(),
                      kMaxPatternBytes);
  }
  TRY(translated, translate_oniguruma(pattern));
  // A line ends at a line feed, however the library was built.
  const std::unique_ptr<pcre2_compile_context, CompileContextDeleter> context(
      pcre2_compile_context_create(nullptr));
  CHECK(context != nullptr && pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF) == 0);
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()),
                                   translated.size(), kOptions, &error, &offset, context.get());
  if (code == nullptr && is_unknown_name(error)) {
    return make_error(ErrorCode::kUnsupported,
                      "the regular expression {} is not supported, at byte {}: {}",
                      quote(translated), offset, message_of(error));
  }
  if (code == nullptr) {
    return make_error(ErrorCode::kCorrupt, "the regular expression {} is wrong at byte {}: {}",
                      quote(translated), offset, message_of(error));
  }
  // Without JIT support pcre2_match() interprets the pattern: slower, the same result.
  const bool jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
  return Regex(code, jit);
}

Result<Regex::Match> Regex::find(std::string_view text, size_t from, MatchScratch& scratch) const {
  if (scratch.out_of_time()) {
    return make_error(ErrorCode::kResourceExhausted,
                      "a regular expression of the tokenizer takes too long on this text");
  }
  const auto match = [&] {
    const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    const auto run = jit_ ? pcre2_jit_match : pcre2_match;
    return run(code_.get(), subject, text.size(), from, PCRE2_NO_UTF_CHECK, scratch.data_,
               scratch.context_);
  };
  int count = match();
  if (count == PCRE2_ERROR_JIT_STACKLIMIT && scratch.stack_ == nullptr) {
    scratch.use_large_stack();
    count = match();
  }
  if (count == PCRE2_ERROR_NOMATCH) return Match{std::string_view::npos, std::string_view::npos};
  if (count < 0) {
    return make_error(ErrorCode::kResourceExhausted,
                      "a regular expression of the tokenizer gave up on this text: {}",
                      message_of(count));
  }
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(scratch.data_);
  return Match{bounds[0], bounds[1]};
}

size_t Regex::next_character(std::string_view text, size_t at) {
  return at < text.size() ? at + utf8::length(text[at]) : at + 1;
}

}  // namespace chitu
