// Build tool: compresses the SPIR-V files of a manifest into one C++ file that defines pumice::embedded_shaders().
//   embed_shaders MANIFEST OUTPUT      each manifest line: NAME PATH
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace {

using Shader = std::pair<std::string, std::string>;  // name, path

constexpr int kLevel = 19;

// The file as a zstd frame; empty when it is not SPIR-V.
std::string compress(const std::string& path, size_t& words) {
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  words = bytes.size() / 4;
  if (bytes.empty() || bytes.size() % 4 != 0) return {};
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), kLevel);
  frame.resize(ZSTD_isError(size) ? 0 : size);
  return frame;
}

// By words: a compiler reads them faster than bytes.
void append_array(std::string& text, size_t index, std::string frame) {
  frame.resize((frame.size() + 3) / 4 * 4);
  text += "constexpr uint32_t kFrame" + std::to_string(index) + "[] = {";
  for (size_t at = 0; at < frame.size(); at += 4) {
    uint32_t word = 0;
    for (size_t byte = 0; byte < 4; ++byte)
      word |= static_cast<uint32_t>(static_cast<unsigned char>(frame[at + byte])) << (8 * byte);
    if (at % 64 == 0) text += '\n';
    text += std::to_string(word) + "u,";
  }
  text += "};\n";
}

bool generate(std::vector<Shader> shaders, std::string& text) {
  std::sort(shaders.begin(), shaders.end());
  text = "// Generated from shaders/.\n#include \"vk/embedded_shaders.h\"\n\nnamespace pumice {\nnamespace {\n";
  std::string table;
  for (size_t i = 0; i < shaders.size(); ++i) {
    size_t words = 0;
    const std::string frame = compress(shaders[i].second, words);
    if (frame.empty()) {
      std::fprintf(stderr, "embed_shaders: cannot read SPIR-V from %s\n", shaders[i].second.c_str());
      return false;
    }
    append_array(text, i, frame);
    table += "    {\"" + shaders[i].first + "\", " + std::to_string(words) + ", " + std::to_string(frame.size()) +
             ", kFrame" + std::to_string(i) + "},\n";
  }
  text += "}  // namespace\n\nstd::span<const EmbeddedShader> embedded_shaders() {\n";
  if (shaders.empty()) {
    text += "  return {};\n";
  } else {
    text += "  static constexpr EmbeddedShader kShaders[] = {\n" + table + "  };\n  return kShaders;\n";
  }
  text += "}\n\n}  // namespace pumice\n";
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: embed_shaders MANIFEST OUTPUT\n");
    return 2;
  }
  std::vector<Shader> shaders;
  std::ifstream manifest(argv[1]);
  std::string name;
  std::string path;
  while (manifest >> name && std::getline(manifest >> std::ws, path)) shaders.emplace_back(name, path);
  std::string text;
  if (!generate(std::move(shaders), text)) return 1;
  std::ofstream out(argv[2], std::ios::binary);
  out << text;
  out.close();
  return out ? 0 : 1;
}
