// Folders laid out as Hugging Face, Ollama and LM Studio lay them out, with small models in them.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "support/synthetic_model.h"
#include "support/temporary_folder.h"

namespace pumice::test {

class ModelStores {
 public:
  std::filesystem::path root() const { return folder_.file(""); }
  std::string hub() const { return folder_.file("hub"); }
  std::string ollama() const { return folder_.file("ollama"); }
  std::string lm_studio() const { return folder_.file("home/.lmstudio/models"); }
  std::string home() const { return folder_.file("home"); }

  static std::string small_model(uint64_t seed) {
    const std::vector<std::byte> bytes = make_synthetic_model({.layers = 1, .width = 32, .heads = 2, .seed = seed});
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  static void write(const std::filesystem::path& path, const std::string& bytes) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
  }
  // A blob, a link to it, and the commit that `main` is. An empty blob's name: a link to nothing.
  void add_hugging_face(const std::string& repository, const std::string& commit, const std::string& file,
                        const std::string& bytes, bool main = true) {
    const std::filesystem::path folder = std::filesystem::path(hub()) / ("models--" + repository);
    const std::string blob = "blob-" + commit + "-" + std::to_string(++count_);
    if (!bytes.empty()) write(folder / "blobs" / blob, bytes);
    const std::filesystem::path link = folder / "snapshots" / commit / file;
    std::filesystem::create_directories(link.parent_path());
    std::filesystem::create_symlink(std::filesystem::relative(folder / "blobs" / blob, link.parent_path()), link);
    if (main) write(folder / "refs" / "main", commit);
  }
  void add_ollama(const std::string& name, const std::string& digest, const std::string& bytes) {
    write(ollama() + "/manifests/" + name,
          R"({"schemaVersion":2,"layers":[{"mediaType":"application/vnd.ollama.image.template","digest":"sha256:0"},)"
          R"({"mediaType":"application/vnd.ollama.image.model","digest":"sha256:)" +
              digest + R"(","size":1}]})");
    if (!bytes.empty()) write(ollama() + "/blobs/sha256-" + digest, bytes);
  }
  // What lies where, with its bytes and time: whether anything was written.
  std::map<std::string, std::string> content() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root())) {
      std::string& value = all[entry.path().string()];
      std::error_code dangling;
      const auto time = std::filesystem::last_write_time(entry.path(), dangling);
      value = dangling ? "" : std::to_string(time.time_since_epoch().count());
      if (!entry.is_regular_file(dangling)) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      value += std::string(std::istreambuf_iterator<char>(in), {});
    }
    return all;
  }

 private:
  TemporaryFolder folder_;
  int count_ = 0;
};

}  // namespace pumice::test
