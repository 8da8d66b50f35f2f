// Known answers of image models, where the optional data folder has them and the tool that writes those models.
// Thread rule: one thread at a time.
#pragma once

#include <cstdlib>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "support/temporary_folder.h"
#include "test_paths.h"

namespace pumice::test {

inline constexpr const char* kVisionModels[] = {"gemma3",  "idefics3", "mlp",           "qwen2vl", "qwen2.5vl",
                                                "qwen3vl", "pixtral",  "pixtral-merge", "gemma4v"};

class VisionGoldens {
 public:
  // nullopt: there are none.
  static std::optional<VisionGoldens> open(const std::string& name) {
    VisionGoldens goldens(name);
    std::ifstream file(folder() + name + ".json");
    goldens.json_ = nlohmann::json::parse(file, nullptr, false);
    const std::string tool = std::string(PUMICE_SHARED_DIR) + "/tools/vision_models.py";
    if (!goldens.json_.is_object() || !std::ifstream(tool)) return std::nullopt;
    const std::string command = "PYTHONDONTWRITEBYTECODE=1 python3 '" + tool + "' " + name + " '" +
                                goldens.models_->file("") + "' 1 2>/dev/null";
    if (std::system(command.c_str()) != 0 || !std::ifstream(goldens.tower_path())) return std::nullopt;
    return goldens;
  }

  const nlohmann::json& json() const { return json_; }
  std::string tower_path() const { return models_->file(name_ + "-mmproj.gguf"); }
  std::string text_path() const { return models_->file(name_ + "-text.gguf"); }
  // What the peer sees: JPEG files as it decodes them.
  static std::string picture_path(const std::string& image) {
    const size_t dot = image.rfind('.');
    return folder() + (image.substr(dot) == ".jpg" ? image.substr(0, dot) + ".peer.png" : image);
  }

 private:
  explicit VisionGoldens(std::string name) : name_(std::move(name)) {}
  static std::string folder() { return std::string(PUMICE_SHARED_DIR) + "/models/golden/vision/"; }

  std::string name_;
  std::unique_ptr<TemporaryFolder> models_ = std::make_unique<TemporaryFolder>();
  nlohmann::json json_;
};

}  // namespace pumice::test
