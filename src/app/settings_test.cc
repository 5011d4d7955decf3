#include "app/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "app/load_settings.h"
#include "app/yaml_config.h"

namespace chitu::app {
namespace {

using testing::HasSubstr;

std::string error_of(const Status& status) { return status.ok() ? "" : status.error().message; }

TEST(SettingTable, HasValidDefaultsAndDistinctKeys) {
  std::set<std::string_view> keys;
  for (const Setting& setting : setting_table()) {
    EXPECT_TRUE(keys.insert(setting.key).second) << setting.key;
    EXPECT_FALSE(setting.help.empty()) << setting.key;
    Settings settings;
    EXPECT_EQ(error_of(settings.set(setting.key, setting.default_value)), "");
  }
}

TEST(Settings, SuggestsTheNearestKey) {
  Settings settings;
  EXPECT_EQ(error_of(settings.set("infer.max_sequence_len", "1")),
            "unknown setting 'infer.max_sequence_len' (did you mean infer.max_seq_len?)");
  EXPECT_EQ(error_of(settings.set("temperature", "1")),
            "unknown setting 'temperature' (did you mean request.temperature?)");
  EXPECT_EQ(error_of(settings.set("quite.something.else", "1")),
            "unknown setting 'quite.something.else'; `chitu settings` lists them");
}

TEST(Settings, NamesKeyValueAndRange) {
  Settings settings;
  EXPECT_EQ(error_of(settings.set("infer.max_seq_len", "0")),
            "infer.max_seq_len=0: expected integer in [1, 16777216], or auto");
  EXPECT_EQ(error_of(settings.set("request.top_p", "1.5")),
            "request.top_p=1.5: expected number in [1e-06, 1], or auto");
  EXPECT_EQ(error_of(settings.set("infer.cache_type", "flat")),
            "infer.cache_type=flat: expected one of paged, skew");
  EXPECT_THAT(error_of(settings.set("request.temperature", "nan")), HasSubstr("expected number"));
  EXPECT_THAT(error_of(settings.set("infer.max_reqs", "99999999999999999999")),
              HasSubstr("expected integer"));
  EXPECT_THAT(error_of(settings.set("infer.seed", "auto")), HasSubstr("expected integer"));
  EXPECT_THAT(error_of(settings.set("infer.stop_with_eos", "2")), HasSubstr("true or false"));
}

TEST(Settings, SaysWhatThisVersionCannotDo) {
  Settings settings;
  EXPECT_EQ(error_of(settings.set("infer.tp_size", "8")),
            "infer.tp_size=8: not available in this version, only 1 is");
  EXPECT_EQ(error_of(settings.set("infer.tp_size", "1")), "");
  EXPECT_EQ(error_of(settings.set("infer.pp_layer_partition", "[10, 12]")),
            "infer.pp_layer_partition=[10, 12]: not available in this version, only null is");
  EXPECT_THAT(error_of(settings.set("infer.pp_layer_partition", "[10, x]")),
              HasSubstr("expected integers"));
}

TEST(Settings, KeepsTypedValues) {
  Settings settings;
  ASSERT_TRUE(settings.set("infer.stop_with_eos", "False").ok());
  ASSERT_TRUE(settings.set("infer.max_seq_len", "640").ok());
  ASSERT_TRUE(settings.set("request.temperature", "0.25").ok());
  EXPECT_FALSE(settings.boolean("infer.stop_with_eos"));
  EXPECT_EQ(settings.integer("infer.max_seq_len"), 640);
  EXPECT_EQ(settings.number("request.temperature"), 0.25);
  EXPECT_EQ(settings.text("models.ckpt_dir"), "");
  EXPECT_TRUE(settings.is_auto("infer.max_reqs"));
  EXPECT_EQ(settings.integer("infer.max_reqs"), 0);
}

std::string yaml_error(std::string_view text) {
  const auto result = read_yaml_config(text, "f.yaml");
  return result.ok() ? "" : result.error().message;
}

TEST(YamlConfig, FlattensMapsAndLists) {
  const auto entries = read_yaml_config(
      "defaults:\n  - models: X\n  - _self_\na:\n  b: {c: 1, d: ~}\n  e: [1, 2]\nf:\n", "f");
  ASSERT_TRUE(entries.ok()) << entries.error().message;
  std::vector<std::string> words;
  for (const ConfigEntry& e : *entries) words.push_back(e.key + "=" + e.value);
  EXPECT_THAT(words, testing::ElementsAre("defaults.models=X", "defaults=[_self_]", "a.b.c=1",
                                          "a.b.d=null", "a.e=[1,2]", "f=null"));
  EXPECT_EQ((*entries)[2].line, 5);
  EXPECT_TRUE(read_yaml_config("", "f").ok());
  EXPECT_TRUE(read_yaml_config("# nothing\n", "f").ok());
}

TEST(YamlConfig, RefusesWhatCouldExplodeOrIsNoConfiguration) {
  EXPECT_THAT(yaml_error("a: &x [1]\nb: *x\n"), HasSubstr("f.yaml:1: anchors"));
  EXPECT_THAT(yaml_error(std::string(100000, '[')), HasSubstr("nested too deeply"));
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_THAT(yaml_error(deep), HasSubstr("nested too deeply"));
  EXPECT_THAT(yaml_error(std::string(kMaxConfigBytes + 1, ' ')), HasSubstr("too many"));
  EXPECT_THAT(yaml_error("a: 1\na: 2\n"), HasSubstr("f.yaml:2: a is given twice"));
  EXPECT_THAT(yaml_error("- a\n"), HasSubstr("found a list"));
  EXPECT_THAT(yaml_error("text"), HasSubstr("single value"));
  EXPECT_THAT(yaml_error("[a, b]: 1"), HasSubstr("f.yaml:1"));
  EXPECT_THAT(yaml_error("a: 'unterminated"), HasSubstr("f.yaml:1"));
  EXPECT_THAT(yaml_error("a: [1, [2]]"), HasSubstr("list inside a list"));
}

class LoadSettings : public testing::Test {
 protected:
  void SetUp() override {
    environment_.config_path = std::filesystem::path(testing::TempDir()) /
                               testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(environment_.config_path / "models");
  }
  void TearDown() override { std::filesystem::remove_all(environment_.config_path); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(environment_.config_path / name) << text;
  }
  Result<Settings> load(std::vector<std::string> overrides) {
    return load_settings(environment_, overrides);
  }

  Environment environment_;
};

TEST_F(LoadSettings, LaterSourcesOverrideEarlierOnes) {
  environment_.config_name = "mine";
  write("mine.yaml", "defaults:\n  - models: A\ninfer:\n  seed: 5\n  max_reqs: 2\n");
  write("models/A.yaml", "name: A\nckpt_dir: /a\ndim: 64\n");
  write("models/B.yaml", "name: B\nckpt_dir: /b\n");
  auto settings = load({"infer.max_reqs=3"});
  ASSERT_TRUE(settings.ok()) << settings.error().message;
  EXPECT_EQ(settings->text("models.ckpt_dir"), "/a");
  EXPECT_EQ(settings->integer("infer.seed"), 5);
  EXPECT_EQ(settings->integer("infer.max_reqs"), 3);
  settings = load({"models=B", "models.dim=7"});
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->text("models.name"), "B");
  EXPECT_EQ(settings->text("models.ckpt_dir"), "/b");
  EXPECT_EQ(settings->integer("models.dim"), 7);
}

TEST_F(LoadSettings, NamesTheFileAndLineOfAMistake) {
  environment_.config_name = "mine";
  write("mine.yaml", "infer:\n  seed: 1\n  max_req: 2\n");
  EXPECT_THAT(
      load({}).error().message,
      HasSubstr("mine.yaml:3: unknown setting 'infer.max_req' (did you mean infer.max_reqs?)"));
  environment_.config_name = "absent";
  EXPECT_EQ(load({}).error().code, ErrorCode::kNotFound);
}

TEST(EmbeddedConfiguration, IsValid) {
  const Environment environment;
  EXPECT_TRUE(load_settings(environment, {}).ok());
  EXPECT_GE(presets(environment).size(), 8U);
  for (const auto& [name, file] : presets(environment)) {
    const std::vector<std::string> overrides{"models=" + name};
    const auto settings = load_settings(environment, overrides);
    ASSERT_TRUE(settings.ok()) << settings.error().message;
    EXPECT_EQ(settings->text("models.name"), name);
    EXPECT_GT(settings->integer("models.dim"), 0);
  }
}

}  // namespace
}  // namespace chitu::app
