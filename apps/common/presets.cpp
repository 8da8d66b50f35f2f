#include "common/presets.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/system.h"

namespace pumice_apps {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kEnding = ".json";
constexpr std::size_t kMostNameBytes = 64;
constexpr std::uintmax_t kMostFileBytes = 1 << 20;

struct Number {
  const char* key;
  std::optional<float> Preset::* member;
  double low, high;
};
constexpr Number kNumbers[] = {
    {"temperature", &Preset::temperature, 0, 100},
    {"top_p", &Preset::top_p, 0, 1},
    {"min_p", &Preset::min_p, 0, 1},
    {"repeat_penalty", &Preset::repeat_penalty, 0.01, 100},
    {"frequency_penalty", &Preset::frequency_penalty, -100, 100},
    {"presence_penalty", &Preset::presence_penalty, -100, 100},
};
struct Count {
  const char* key;
  std::optional<std::uint32_t> Preset::* member;
};
constexpr Count kCounts[] = {
    {"top_k", &Preset::top_k}, {"penalty_window", &Preset::penalty_window}, {"max_tokens", &Preset::max_tokens}};

Preset built_in(const char* name, float temperature, float top_p, float min_p, std::uint32_t top_k,
                float repeat_penalty) {
  Preset preset;
  preset.name = name;
  preset.temperature = temperature;
  preset.top_p = top_p;
  preset.min_p = min_p;
  preset.top_k = top_k;
  preset.repeat_penalty = repeat_penalty;
  preset.built_in = true;
  return preset;
}

// The problem with a member; empty: it is taken.
std::string take(const std::string& key, const Json& value, Preset* preset) {
  if (key == "system") {
    if (!value.is_string()) return "'system' is no text";
    preset->system = value.get<std::string>();
    return {};
  }
  for (const Number& number : kNumbers) {
    if (key != number.key) continue;
    const double given = value.is_number() ? value.get<double>() : number.low - 1;
    if (!(given >= number.low && given <= number.high)) return "'" + key + "' is out of its range";
    preset->*number.member = static_cast<float>(given);
    return {};
  }
  for (const Count& count : kCounts) {
    if (key != count.key) continue;
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > UINT32_MAX) return "'" + key + "' is no count";
    preset->*count.member = value.get<std::uint32_t>();
    return {};
  }
  return "'" + key + "' is not known";
}

// "0.7", not the double next to the float.
double shortest(float value) { return std::strtod(std::to_string(value).c_str(), nullptr); }

Preset read_preset(const fs::path& path) {
  const std::string name = path.stem().string();
  std::error_code failed;
  if (!fs::is_regular_file(path, failed) || fs::file_size(path, failed) > kMostFileBytes)
    return {.name = name, .problem = path.string() + " is no file, or larger than 1 MiB"};
  std::string text;
  if (const int reason = read_all(path.string(), &text); reason != 0)
    return {.name = name, .problem = "cannot read " + path.string() + ": " + reason_text(reason)};
  Preset preset = parse_preset(name, text);
  if (!preset.problem.empty()) preset.problem = path.string() + ": " + preset.problem;
  return preset;
}

}  // namespace

std::string preset_folder() {
  const auto folder = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value ? value : "");
  };
  fs::path config = folder("XDG_CONFIG_HOME");
  if (!config.is_absolute()) {
    const fs::path home = folder("HOME");
    if (!home.is_absolute()) return {};
    config = home / ".config";
  }
  return (config / "pumice" / "presets").string();
}

bool is_preset_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
           c == ' ' || static_cast<unsigned char>(c) >= 0x80;
  };
  return !name.empty() && name.size() <= kMostNameBytes && name.front() != ' ' && name.back() != ' ' &&
         std::all_of(name.begin(), name.end(), fits);
}

Preset parse_preset(std::string_view name, const std::string& text) {
  Preset preset{.name = std::string(name)};
  const Json json = Json::parse(text, nullptr, false);
  std::string problem = json.is_object() ? "" : "it is no JSON object";
  for (auto at = json.begin(); problem.empty() && at != json.end(); ++at) problem = take(at.key(), *at, &preset);
  if (problem.empty()) return preset;
  return {.name = std::string(name), .problem = problem};
}

std::vector<Preset> presets_in(const std::string& folder) {
  std::map<std::string, Preset> all;
  for (const Preset& preset : {built_in("balanced", 0.7f, 0.95f, 0.05f, 40, 1), built_in("exact", 0, 1, 0, 0, 1),
                               built_in("lively", 1.1f, 1, 0.05f, 0, 1.05f)})
    all[preset.name] = preset;
  std::error_code failed;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
    const std::string name = it->path().stem().string();
    if (it->path().extension() == kEnding && is_preset_name(name)) all[name] = read_preset(it->path());
  }
  std::vector<Preset> list;
  for (auto& [name, preset] : all) list.push_back(std::move(preset));
  return list;
}

int save_preset(const std::string& folder, const Preset& preset) {
  if (folder.empty()) return ENOENT;
  if (!is_preset_name(preset.name)) return EINVAL;
  Json json = Json::object();
  if (!preset.system.empty()) json["system"] = preset.system;
  for (const Number& number : kNumbers)
    if (const auto& value = preset.*number.member) json[number.key] = shortest(*value);
  for (const Count& count : kCounts)
    if (const auto& value = preset.*count.member) json[count.key] = *value;
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) return failed.value();
  return write_durably((fs::path(folder) / (preset.name + std::string(kEnding))).string(),
                       json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace pumice_apps
