#include "images.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "exit_codes.h"
#include "output.h"
#include "session.h"

namespace pumice_cli {
namespace {

constexpr std::uintmax_t kMostBytes = 32u << 20;  // the library's limit

std::vector<char> read_image_file(const std::string& path) {
  std::ifstream file(std::filesystem::path(path), std::ios::binary | std::ios::ate);
  if (!file) throw Failure(kExitNotFound, fmt::format("cannot read the picture {}", printable(path)));
  const auto size = file.tellg();
  if (size < 0) throw Failure(kExitNotFound, fmt::format("cannot read the picture {}", printable(path)));
  if (static_cast<std::uintmax_t>(size) > kMostBytes)
    throw Failure(kExitBadModel, fmt::format("{}: a picture file may have {} MiB", printable(path), kMostBytes >> 20));
  std::vector<char> bytes(static_cast<std::size_t>(size));
  file.seekg(0);
  if (!file.read(bytes.data(), size))
    throw Failure(kExitNotFound, fmt::format("cannot read the picture {}", printable(path)));
  return bytes;
}

PumiceImageInfo append_image(pumice::Sequence& sequence, const std::string& path, const ImageFlags& flags) {
  const std::vector<char> bytes = read_image_file(path);
  static constexpr char kNothing = 0;
  PumiceImage image = pumice_image_init();
  image.file = bytes.empty() ? &kNothing : bytes.data();
  image.file_size = bytes.size();
  image.min_tokens = flags.min_tokens;
  image.max_tokens = flags.max_tokens;
  try {
    return sequence.append(image);
  } catch (const pumice::Error& error) {
    throw Failure(exit_code_of(error.code()), fmt::format("{}: {}", printable(path), error.what()));
  }
}

// The text before each picture, and behind the last one.
std::vector<std::string> split_at_images(std::string_view text, const std::string& placeholder, std::size_t images) {
  std::vector<std::string> pieces;
  std::size_t at = 0;
  if (!placeholder.empty())
    for (std::size_t next; (next = text.find(placeholder, at)) != std::string_view::npos;
         at = next + placeholder.size())
      pieces.emplace_back(text.substr(at, next - at));
  if (pieces.empty()) pieces.resize(images);  // all before the text
  if (pieces.size() != images)
    throw Failure(kExitUsage, fmt::format("the prompt has {} places for pictures ({}), and --image names {}",
                                          pieces.size(), placeholder, images));
  pieces.emplace_back(text.substr(at));
  return pieces;
}

}  // namespace

void add_image_flags(CLI::App* app, ImageFlags* flags) {
  app->add_option("--mmproj", flags->projector,
                  "the model's projector, with which it sees pictures (default: what lies beside it)")
      ->check(not_empty())
      ->type_name("FILE")
      ->group("Pictures");
  app->add_option("--image", flags->files,
                  "pictures (PNG, JPEG, WebP), in the order of the prompt's placeholders (<image> or what the model "
                  "has), else before the text")
      ->delimiter(',')
      ->check(not_empty())
      ->type_name("FILE")
      ->group("Pictures");
  app->add_option("--image-min-tokens", flags->min_tokens,
                  "enlarge pictures that would take fewer (default: the model's)")
      ->check(CLI::Range(0u, 16384u).description(""))
      ->type_name("N")
      ->group("Pictures");
  app->add_option("--image-max-tokens", flags->max_tokens,
                  "shrink pictures that would take more (default: the model's)")
      ->check(CLI::Range(0u, 16384u).description(""))
      ->type_name("N")
      ->group("Pictures");
}

std::vector<std::int32_t> append_images(const pumice::Model& model, pumice::Sequence& sequence, std::string_view text,
                                        const PromptFlags& prompt, const ImageFlags& flags, bool quiet,
                                        std::vector<ImageUse>* used) {
  const std::string placeholder = model.image_placeholder();
  if (placeholder.empty())
    throw Failure(kExitUsage, "the model sees no pictures without its projector: give --mmproj FILE");
  const std::vector<std::string> pieces = split_at_images(text, placeholder, flags.files.size());
  if (pieces.back().empty())
    throw Failure(kExitUsage,
                  "there must be some text behind the last picture; give it before --image, or with --prompt");
  PromptFlags piece = prompt;
  for (std::size_t i = 0; i < flags.files.size(); ++i) {
    const std::vector<std::int32_t> ids = model.tokenize(pieces[i], piece.tokenize_flags());
    if (!ids.empty()) sequence.append(ids);
    used->push_back({flags.files[i], append_image(sequence, flags.files[i], flags)});
    piece.continues = true;
  }
  return tokenize_prompt(model, pieces.back(), piece, quiet);
}

}  // namespace pumice_cli
