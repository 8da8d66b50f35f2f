#include "common/model_files.h"

#include <algorithm>
#include <cctype>
#include <cstdio>

namespace pumice_apps {

namespace {

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }
char upper(char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "Q4_K_M", "IQ2_XXS", "TQ1_0", "MXFP4_MOE", "BF16"
bool is_quantisation(std::string_view word) {
  const auto fits = [](char c) { return is_digit(c) || c == '_' || (c >= 'A' && c <= 'Z'); };
  if (!std::all_of(word.begin(), word.end(), fits)) return false;
  if (word == "BF16" || word == "F16" || word == "F32" || word.starts_with("MXFP4")) return true;
  if (word.starts_with("IQ") || word.starts_with("TQ")) word.remove_prefix(1);
  return word.size() > 1 && word[0] == 'Q' && is_digit(word[1]);
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

std::optional<SplitName> split_name(std::string_view file) {
  constexpr std::string_view kEnding = ".gguf";
  if (!lower_case(file).ends_with(kEnding)) return {};
  const std::string_view stem = file.substr(0, file.size() - kEnding.size());
  constexpr std::size_t kSuffix = sizeof("-00001-of-00003") - 1;
  SplitName name;
  name.base = stem;
  if (stem.size() <= kSuffix) return name;
  const std::string suffix(stem.substr(stem.size() - kSuffix));
  unsigned part = 0, parts = 0;
  int end = 0;
  if (std::sscanf(suffix.c_str(), "-%5u-of-%5u%n", &part, &parts, &end) != 2 || end != static_cast<int>(kSuffix))
    return name;
  if (part < 1 || part > parts) return name;
  return SplitName{.base = std::string(stem.substr(0, stem.size() - kSuffix)), .part = part, .parts = parts};
}

std::string quantisation_of(std::string_view base) {
  std::string all(base);
  std::transform(all.begin(), all.end(), all.begin(), upper);
  for (std::size_t at = 0; at < all.size(); ++at) {
    const bool begins = at == 0 || all[at - 1] == '-' || all[at - 1] == '.' || all[at - 1] == '_';
    if (begins && is_quantisation(std::string_view(all).substr(at))) return all.substr(at);
  }
  return {};
}

bool is_projector_name(std::string_view file) { return lower_case(file).find("mmproj") != std::string::npos; }

}  // namespace pumice_apps
