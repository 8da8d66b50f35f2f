// Build tool: turns the SPIR-V files of a manifest into one C++ file that defines pumice::embedded_shaders().
//   embed_shaders MANIFEST OUTPUT      each manifest line: NAME PATH
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

bool read_words(const std::string& path, std::vector<uint32_t>& words) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (bytes.empty() || bytes.size() % 4 != 0) return false;
  words.assign(bytes.size() / 4, 0);
  for (size_t i = 0; i < bytes.size(); ++i) {
    words[i / 4] |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * (i % 4));
  }
  return true;
}

void append_array(std::string& text, size_t index, const std::vector<uint32_t>& words) {
  text += "constexpr uint32_t kWords" + std::to_string(index) + "[] = {";
  for (size_t i = 0; i < words.size(); ++i) {
    if (i % 16 == 0) text += '\n';
    text += std::to_string(words[i]) + "u,";
  }
  text += "};\n";
}

bool generate(std::vector<Shader> shaders, std::string& text) {
  std::sort(shaders.begin(), shaders.end());
  text = "// Generated from shaders/.\n#include \"vk/embedded_shaders.h\"\n\nnamespace pumice {\nnamespace {\n";
  std::string table;
  for (size_t i = 0; i < shaders.size(); ++i) {
    std::vector<uint32_t> words;
    if (!read_words(shaders[i].second, words)) {
      std::fprintf(stderr, "embed_shaders: cannot read SPIR-V from %s\n", shaders[i].second.c_str());
      return false;
    }
    append_array(text, i, words);
    table += "    {\"" + shaders[i].first + "\", kWords" + std::to_string(i) + "},\n";
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
