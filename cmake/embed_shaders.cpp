// Build tool: packs the SPIR-V files of a manifest into one C++ file that defines pumice::embedded_shaders().
//   embed_shaders MANIFEST OUTPUT      each manifest line: NAME PATH
#ifdef PUMICE_HAS_ZSTD
#include <zstd.h>
#endif

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

// What stands before a shader in its frame is decompressed with it: 1 ms or less for so much.
constexpr size_t kMostFrameBytes = 512 * 1024;

// Empty when it is not SPIR-V.
std::string read_spirv(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (bytes.size() % 4 != 0) bytes.clear();
  return bytes;
}

// Empty: it failed.
std::string compress(const std::string& bytes) {
#ifdef PUMICE_HAS_ZSTD
  constexpr int kLevel = 19;
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), kLevel);
  frame.resize(ZSTD_isError(size) ? 0 : size);
  return frame;
#else
  return bytes;
#endif
}

std::string kernel_of(const std::string& name) { return name.substr(0, name.find('.')); }

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
  for (size_t i = 0, frames = 0; i < shaders.size(); ++frames) {
    const std::string kernel = kernel_of(shaders[i].first);
    std::string together;
    std::vector<std::pair<std::string, std::string>> rows;  // name, "words, first"
    for (; i < shaders.size() && kernel_of(shaders[i].first) == kernel; ++i) {
      const std::string spirv = read_spirv(shaders[i].second);
      if (spirv.empty()) {
        std::fprintf(stderr, "embed_shaders: cannot read SPIR-V from %s\n", shaders[i].second.c_str());
        return false;
      }
      if (!together.empty() && together.size() + spirv.size() > kMostFrameBytes) break;
      rows.emplace_back(shaders[i].first,
                        std::to_string(spirv.size() / 4) + ", " + std::to_string(together.size() / 4));
      together += spirv;
    }
    const std::string frame = compress(together);
    if (frame.empty()) return false;
    append_array(text, frames, frame);
    for (const auto& [name, place] : rows)
      table += "    {\"" + name + "\", " + place + ", " + std::to_string(frame.size()) + ", kFrame" +
               std::to_string(frames) + "},\n";
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
