#include "text/decoder.h"

#include <algorithm>

#include "text/byte_level.h"

namespace chitu {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte of "<0x0A>", or -1.
int byte_of_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
  const int high = hex_digit(token[3]);
  const int low = hex_digit(token[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

std::string replace_all(std::string_view text, std::string_view pattern, std::string_view content) {
  std::string out;
  size_t done = 0;
  for (size_t i = text.find(pattern); i != std::string_view::npos; i = text.find(pattern, done)) {
    out.append(text.substr(done, i - done)).append(content);
    done = i + pattern.size();
  }
  return out.append(text.substr(done));
}

bool is_one_character(std::string_view text) {
  return !text.empty() && utf8::length(text[0]) == text.size();
}

// Each replacement may multiply a token's length, and the next one that of its result. Those of
// real files shorten it.
constexpr double kMaxGrowth = 64;

double growth_of(const ReplaceDecode& step) {
  const auto ratio =
      static_cast<double>(step.content.size()) / static_cast<double>(step.pattern.size());
  return std::max(1.0, ratio);
}

}  // namespace

// Carries a token through the steps from one on.
struct Decoder::Sink {
  const Decoder& decoder;
  State& state;
  bool added;
  std::string& out;
  bool in_parts = false;  // parts of characters do not wait for the rest

  void feed(size_t step, std::string_view token) {
    if (step == decoder.steps_.size()) {
      out += token;
      return;
    }
    std::visit([&](const auto& s) { run(s, step, token); }, decoder.steps_[step]);
  }

  State::Step& at(size_t step) { return state.steps_[step]; }

  void assemble(size_t step, std::string_view bytes, std::string& text) {
    if (in_parts) {
      text += bytes;
    } else {
      at(step).assembler.push(bytes, text);
    }
  }

  void run(const ReplaceDecode& s, size_t step, std::string_view token) {
    feed(step + 1, replace_all(token, s.pattern, s.content));
  }

  void run(const ByteFallbackDecode&, size_t step, std::string_view token) {
    std::string text;
    const int byte = byte_of_token(token);
    if (byte < 0) {
      at(step).assembler.flush(text);
    } else {
      const char c = static_cast<char>(byte);
      assemble(step, {&c, 1}, text);
    }
    if (!text.empty()) feed(step + 1, text);
    if (byte < 0) feed(step + 1, token);
  }

  void run(const FuseDecode&, size_t step, std::string_view token) { feed(step + 1, token); }

  void run(const StripDecode& s, size_t step, std::string_view token) {
    std::string content;
    utf8::append(s.content, content);
    State::Step& mine = at(step);
    if (!decoder.fused_[step]) mine = {};
    while (!mine.begun && mine.seen < s.start && token.starts_with(content)) {
      token.remove_prefix(content.size());
      ++mine.seen;
    }
    if (!token.empty()) mine.begun = true;
    size_t kept = token.size();
    size_t trailing = 0;  // characters of the token that may be stripped
    while (trailing < s.stop && token.substr(0, kept).ends_with(content)) {
      kept -= content.size();
      ++trailing;
    }
    // What was held comes before the token: all of it where the token has other text, else what is
    // too much together.
    const size_t released =
        kept > 0 ? mine.held : mine.held + trailing - std::min(mine.held + trailing, s.stop);
    mine.held = mine.held + trailing - released;
    std::string text;
    for (size_t i = 0; i < released; ++i) text += content;
    feed(step + 1, text.append(token.substr(0, kept)));
  }

  void run(const ByteLevelDecode& s, size_t step, std::string_view token) {
    std::string bytes;
    const bool is_text = added && s.added_are_text;
    if (is_text || !byte_level::append_decoded(token, bytes)) bytes = token;
    std::string text;
    assemble(step, bytes, text);
    if (!text.empty()) feed(step + 1, text);
  }

  void run(const MetaspaceDecode& s, size_t step, std::string_view token) {
    const bool first = at(step).seen++ == 0;
    feed(step + 1, replace_all(token, s.replacement, first && s.drop_first ? "" : " "));
  }

  void run(const JoinDecode&, size_t step, std::string_view token) {
    if (at(step).seen++ > 0) feed(step + 1, " ");
    feed(step + 1, token);
  }
};

Result<Decoder> Decoder::create(std::vector<DecoderStep> steps) {
  Decoder decoder;
  bool fused = false;
  double growth = 1;
  for (const DecoderStep& step : steps) {
    decoder.fused_.push_back(fused);
    const auto* replace = std::get_if<ReplaceDecode>(&step);
    if (replace != nullptr) growth *= growth_of(*replace);
    if (growth > kMaxGrowth) {
      return make_error(ErrorCode::kUnsupported,
                        "decoder: the Replace steps may make a token more than {} times longer",
                        kMaxGrowth);
    }
    const bool streams = std::holds_alternative<StripDecode>(step) ||
                         std::holds_alternative<FuseDecode>(step) ||
                         (replace != nullptr && is_one_character(replace->pattern));
    if (fused && !streams) {
      return make_error(ErrorCode::kUnsupported,
                        "decoder: this step is not supported after Fuse or ByteLevel");
    }
    fused = fused || std::holds_alternative<FuseDecode>(step) ||
            std::holds_alternative<ByteLevelDecode>(step);
  }
  decoder.steps_ = std::move(steps);
  return decoder;
}

Decoder::State Decoder::begin() const {
  State state;
  state.steps_.resize(steps_.size());
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (std::holds_alternative<ByteFallbackDecode>(steps_[i])) {
      state.steps_[i].assembler = utf8::Assembler(utf8::Assembler::Invalid::kPerByte);
    }
  }
  return state;
}

void Decoder::push(State& state, std::string_view token, bool added, std::string& out) const {
  Sink{*this, state, added, out}.feed(0, token);
}

std::string Decoder::bytes(std::string_view token, bool added) const {
  State state = begin();
  for (State::Step& step : state.steps_) {
    step.seen = 1;
    step.begun = true;
  }
  std::string out;
  Sink{*this, state, added, out, true}.feed(0, token);
  return out;
}

void Decoder::flush(State& state, std::string& out) const {
  Sink sink{*this, state, false, out};
  for (size_t i = 0; i < steps_.size(); ++i) {
    std::string text;
    state.steps_[i].assembler.flush(text);
    if (!text.empty()) sink.feed(i + 1, text);
  }
}

}  // namespace chitu
