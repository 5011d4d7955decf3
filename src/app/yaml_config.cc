#include "app/yaml_config.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>

namespace chitu::app {
namespace {

// Listens to the parser instead of building a tree: an alias is refused when it comes, before it
// could multiply anything.
class Flattener : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    scalar(mark, anchor, "null");
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                const std::string& value) override {
    scalar(mark, anchor, value);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "aliases are not supported");
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    if (!frames_.empty() && frames_.back().is_list) refuse(mark, "a list inside a list");
    open(mark, anchor, true);
  }
  void OnSequenceEnd() override {
    const Frame frame = frames_.back();
    frames_.pop_back();
    if (!frame.items.empty()) {
      add(frame.mark, frame.key, fmt::format("[{}]", fmt::join(frame.items, ",")));
    }
    end_value();
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, anchor, false);
  }
  void OnMapEnd() override {
    frames_.pop_back();
    end_value();
  }

  std::vector<ConfigEntry> take() { return std::move(entries_); }

 private:
  struct Frame {
    bool is_list = false;
    std::string key;  // of the whole map or list, from the root
    YAML::Mark mark;
    bool expects_key = true;         // in a map: whether the next scalar is a key
    std::string next_key;            // in a map: of the value that comes next
    std::vector<std::string> items;  // of a list: its scalars
  };

  [[noreturn]] static void refuse(const YAML::Mark& mark, const std::string& what) {
    throw YAML::ParserException(mark, what);
  }

  // The key of the value that begins here.
  std::string value_key() const {
    if (frames_.empty()) return "";
    const Frame& frame = frames_.back();
    if (frame.is_list) return frame.key;
    return frame.key.empty() ? frame.next_key : frame.key + "." + frame.next_key;
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, bool is_list) {
    if (anchor != YAML::NullAnchor) refuse(mark, "anchors are not supported");
    if (frames_.size() >= kMaxConfigDepth) refuse(mark, "nested too deeply");
    if (frames_.empty() && is_list) refuse(mark, "expected `key: value` lines, found a list");
    if (!frames_.empty() && !frames_.back().is_list && frames_.back().expects_key) {
      refuse(mark, "a key must be a plain word");
    }
    frames_.push_back({.is_list = is_list, .key = value_key(), .mark = mark});
  }

  void end_value() {
    if (!frames_.empty()) frames_.back().expects_key = true;
  }

  void scalar(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& value) {
    if (anchor != YAML::NullAnchor) refuse(mark, "anchors are not supported");
    if (frames_.empty()) {
      if (value != "null") refuse(mark, "expected `key: value` lines, found a single value");
      return;
    }
    Frame& frame = frames_.back();
    if (frame.is_list) {
      frame.items.push_back(value);
    } else if (frame.expects_key) {
      frame.next_key = value;
      frame.expects_key = false;
    } else {
      add(mark, value_key(), value == "~" ? "null" : value);
      frame.expects_key = true;
    }
  }

  void add(const YAML::Mark& mark, const std::string& key, std::string value) {
    const bool known = std::any_of(entries_.begin(), entries_.end(),
                                   [&](const ConfigEntry& entry) { return entry.key == key; });
    if (known) refuse(mark, fmt::format("{} is given twice", key));
    entries_.push_back({key, std::move(value), mark.line + 1});
  }

  std::vector<Frame> frames_;
  std::vector<ConfigEntry> entries_;
};

}  // namespace

Result<std::vector<ConfigEntry>> read_yaml_config(std::string_view text, std::string_view name) {
  if (text.size() > kMaxConfigBytes) {
    return make_error(ErrorCode::kInvalidArgument, "{}: {} bytes are too many for a configuration",
                      name, text.size());
  }
  // Flow style nests without indentation, and the parser recurses: count before it does.
  std::size_t depth = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (depth > kMaxConfigDepth) {
      return make_error(ErrorCode::kInvalidArgument, "{}: nested too deeply", name);
    }
  }
  std::istringstream stream{std::string(text)};
  Flattener flattener;
  try {
    YAML::Parser parser(stream);
    parser.HandleNextDocument(flattener);
  } catch (const YAML::Exception& e) {
    return make_error(ErrorCode::kInvalidArgument, "{}:{}: {}", name, e.mark.line + 1, e.msg);
  }
  return flattener.take();
}

}  // namespace chitu::app
