// TemporaryFolder: a folder of its own for one test, removed with all that is in it. Move-only; one thread at a time.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace pumice::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::random_device numbers;
    std::error_code failed;
    for (int tries = 0; path_.empty() && tries < 100; ++tries) {
      const std::string name = "pumice-test-" + std::to_string(numbers());
      const std::filesystem::path place = std::filesystem::temp_directory_path() / name;
      if (std::filesystem::create_directory(place, failed)) path_ = place.string();
    }
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline void write_file(const std::string& path, const std::vector<char>& bytes) {
  std::ofstream(std::filesystem::path(path), std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::vector<char> read_file_bytes(const std::string& path) {
  std::ifstream in(std::filesystem::path(path), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace pumice::test
