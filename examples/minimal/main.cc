// Names the architecture of a checkpoint: minimal path/to/checkpoint
#include <cstdio>
#include <filesystem>

#include "io/json.h"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const auto config = chitu::json::parse_file(std::filesystem::path(argv[1]) / "config.json");
  if (!config.ok()) return std::fprintf(stderr, "%s\n", config.error().message.c_str()), 1;
  std::puts(boost::json::serialize(config->at("model_type")).c_str());
}
