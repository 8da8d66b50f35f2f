#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/report/compare.h"
#include "bench/report/render.h"

namespace pumice_bench {

namespace {

using Json = nlohmann::ordered_json;

std::string base_name(const std::string& path) { return path.substr(path.find_last_of("/\\") + 1); }

std::vector<double> read_samples(const Json& samples, const std::string& place) {
  std::vector<double> values;
  for (const Json& sample : samples.is_array() ? samples : Json::array()) {
    const double value = sample.is_number() ? sample.get<double>() : 0;
    if (!(value > 0) || !std::isfinite(value))
      throw MalformedResults(place + ": a sample is not a number of tokens per second above 0");
    values.push_back(value);
  }
  if (values.empty()) throw MalformedResults(place + ": there are no samples");
  return values;
}

template <typename T>
T member(const Json& object, const char* key, const std::string& place) {
  try {
    return object.at(key).get<T>();
  } catch (const Json::exception&) {
    throw MalformedResults(fmt::format("{}: \"{}\" is missing or of a wrong type", place, key));
  }
}

std::uint32_t count_of(const Json& object, const char* key, const std::string& place) {
  const auto value = member<double>(object, key, place);
  if (!(value >= 0) || value > 4e9) throw MalformedResults(fmt::format("{}: \"{}\" is not a count", place, key));
  return static_cast<std::uint32_t>(value);
}

// Of each a test without the cache and one with it.
void add_tasks(const Json& json, const std::string& model, const std::string& label, Results* results) {
  for (const Json& task : member<std::vector<Json>>(json, "tasks", label)) {
    const std::string place = fmt::format("{}: task {}", label, results->tests.size() + 1);
    for (const bool found : {false, true}) {
      Measurement test{
          .model = model,
          .task = member<std::string>(task, "task", place),
          .tokens = count_of(task, "size", place),
          .kv_cache = found,
          .samples = read_samples(member<Json>(task, found ? "found_samples" : "computed_samples", place), place)};
      for (double& seconds : test.samples) seconds = 1 / seconds;
      results->tests.push_back(std::move(test));
    }
  }
}

Results read_own(const Json& json, const std::string& label) {
  Results results{.label = label, .standing = {}, .device = {}, .tests = {}};
  const auto verification = member<Json>(json, "verification", label);
  results.standing = member<std::string>(verification, "state", label);
  const auto status = member<std::string>(json, "status", label);
  if (status != "complete") results.standing += ", " + status;
  results.device = member<std::string>(member<Json>(json, "device", label), "name", label);
  const auto model = member<std::string>(member<Json>(json, "model", label), "file", label);
  for (const Json& test : member<std::vector<Json>>(json, "tests", label)) {
    const std::string place = fmt::format("{}: test {}", label, results.tests.size() + 1);
    results.tests.push_back({.model = model,
                             .task = member<std::string>(test, "test", place),
                             .tokens = count_of(test, "tokens", place),
                             .depth = count_of(test, "depth", place),
                             .batch = count_of(test, "batch", place),
                             .kv_cache = member<bool>(test, "kv_cache", place),
                             .samples = read_samples(member<Json>(test, "samples", place), place)});
  }
  if (json.contains("tasks")) add_tasks(json, model, label, &results);
  return results;
}

// One object of llama-bench.
void add_peer_test(const Json& test, const std::string& place, Results* results) {
  const std::uint32_t prompt = count_of(test, "n_prompt", place), generated = count_of(test, "n_gen", place);
  if ((prompt > 0) == (generated > 0)) {
    ++results->skipped;
    return;
  }
  const bool sampled = test.contains("samples_ts") && test["samples_ts"].is_array() && !test["samples_ts"].empty();
  const Json samples = sampled ? test["samples_ts"] : Json::array({member<double>(test, "avg_ts", place)});
  results->tests.push_back({.model = base_name(member<std::string>(test, "model_filename", place)),
                            .task = prompt > 0 ? "prefill" : "decode",
                            .tokens = prompt > 0 ? prompt : generated,
                            .depth = test.contains("n_depth") ? count_of(test, "n_depth", place) : 0,
                            .samples = read_samples(samples, place)});
  results->device = test.value("gpu_info", test.value("cpu_info", ""));
  results->standing = "llama.cpp build " + (test.contains("build_number") ? test["build_number"].dump() : "unknown");
}

Results read_peer(const std::vector<Json>& objects, const std::string& label) {
  Results results{.label = label, .standing = {}, .device = {}, .tests = {}};
  for (std::size_t i = 0; i < objects.size(); ++i)
    add_peer_test(objects[i], fmt::format("{}: test {}", label, i + 1), &results);
  return results;
}

std::vector<Json> read_lines(const std::string& text, const std::string& label) {
  std::vector<Json> objects;
  std::istringstream in(text);
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    objects.push_back(Json::parse(line, nullptr, false));
    if (!objects.back().is_object()) throw MalformedResults(fmt::format("{}: line {} is not JSON", label, number));
  }
  return objects;
}

}  // namespace

Results read_results(const std::string& text, const std::string& name) {
  const std::string label = clean_text(name);
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_object() && json.contains("format")) {
    if (json["format"] != "pumice-bench/1")
      throw MalformedResults(label + ": its format is not pumice-bench/1; use a program of the same version");
    return read_own(json, label);
  }
  std::vector<Json> objects;
  if (json.is_discarded()) {
    objects = read_lines(text, label);
  } else if (json.is_array()) {
    objects.assign(json.begin(), json.end());
  } else {
    objects.push_back(json);
  }
  const bool known = !objects.empty() && objects[0].is_object() && objects[0].contains("model_filename");
  if (!known)
    throw MalformedResults(label + ": neither output of 'pumice bench --json' nor of llama-bench -o json or jsonl");
  return read_peer(objects, label);
}

}  // namespace pumice_bench
