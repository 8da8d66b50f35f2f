#include "faults/scenario.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace pumice::faults {
namespace {

constexpr uint32_t kPageTokens = 32;
constexpr uint8_t kSecret[32] = {7};

// Each piece of text that a request is given begins elsewhere, so that nothing is found again by accident.
std::vector<int32_t> long_text() {
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < 2000; ++i) ids.push_back(3 + (i * 37 + i * i % 11) % 290);
  return ids;
}

template <typename Object>
std::string copied(size_t (*copy)(const Object*, char*, size_t), const Object* from) {
  char text[512] = "";
  if (from) copy(from, text, sizeof text);
  return text;
}

}  // namespace

Scenario::Scenario(Setup setup, Golden& golden) : setup_(std::move(setup)), golden_(golden), text_(long_text()) {}
Scenario::~Scenario() = default;

// The error of the object that a call is made on: of the youngest that there is.
std::string Scenario::error() const {
  for (const std::string& text : {tool_ ? tool_->error() : std::string(), copied(pumice_context_error, context_.get()),
                                  copied(pumice_model_error, model_.get()), copied(pumice_device_error, device_.get()),
                                  copied(pumice_instance_error, instance_.get())})
    if (!text.empty()) return text;
  return {};
}

bool Scenario::ok(PumiceResult result, const char* where) {
  if (outcome_.failed()) return false;
  if (result == PUMICE_OK) return true;
  outcome_.result = result, outcome_.where = where, outcome_.message = error();
  return false;
}

bool Scenario::same(const std::string& what, std::vector<int32_t> tokens) {
  if (outcome_.failed()) return false;
  const auto& expected = golden_.try_emplace(what, tokens).first->second;
  if (tokens == expected) return true;
  outcome_.wrong = what + ":";
  for (const int32_t token : tokens) outcome_.wrong += " " + std::to_string(token);
  return false;
}

void Scenario::start() {
  if (outcome_.failed()) return;
  PumiceInstance* instance = nullptr;
  if (!ok(pumice_instance_create(nullptr, &instance), "instance_create")) return;
  instance_.reset(instance);
  PumiceDeviceOptions device_options = pumice_device_options_init();
  const std::string cache = setup_.folder + "/pipelines";
  device_options.pipeline_cache_path = cache.c_str();
  device_options.disable_autotune = 1;
  PumiceDevice* device = nullptr;
  if (!ok(pumice_device_create_auto(instance, &device_options, &device), "device_create_auto")) return;
  device_.reset(device);
  PumiceModelOptions model_options = pumice_model_options_init();
  model_options.path = setup_.model.c_str();
  const std::string projector = setup_.model + ".mmproj";
  if (std::filesystem::exists(projector)) model_options.projector = projector.c_str();
  PumiceModel* model = nullptr;
  if (!ok(pumice_model_load(instance, device, &model_options, &model), "model_load")) return;
  model_.reset(model);
  PumiceModelInfo info = pumice_model_info_init();
  if (!ok(pumice_model_get_info(model, &info), "model_get_info")) return;
  const std::string architecture = architecture_ = info.architecture;
  // Pages of windows are apart where the context is long enough for that to pay.
  if (architecture == "gpt-oss")
    shape_ = {.context_tokens = 512, .sequences = 3, .slice = kPageTokens, .slide_tokens = 512};
  if (architecture == "lfm2") shape_.slide_tokens = 0;
}

void Scenario::warm_up() {
  if (outcome_.failed()) return;
  PumiceWarmUpOptions options = pumice_warm_up_options_init();
  options.autotune_seconds = -1;
  ok(pumice_model_warm_up(model_.get(), &options, nullptr), "model_warm_up");
}

void Scenario::open() {
  if (outcome_.failed()) return;
  const std::string folder = setup_.folder + "/cache";
  PumiceCacheOptions cache = pumice_cache_options_init();
  cache.secret = kSecret;
  cache.ram_bytes = 48 << 10;
  cache.disk_folder = folder.c_str();
  cache.disk_bytes = 1 << 20;
  cache.redis_url = setup_.redis.empty() ? nullptr : setup_.redis.c_str();
  cache.redis_timeout_ms = 50;
  cache.epoch = setup_.epoch;
  cache.admit_at_use = 1;
  cache.compress = 1;
  cache.encrypt = 1;
  if ((tool_ = tool_for(architecture_))) {
    const std::string where = std::string(tool_->name()) + " (create)";
    if (!ok(tool_->create(model_.get(), &cache), where.c_str())) tool_.reset();
    return;
  }
  PumiceContextOptions options = pumice_context_options_init();
  options.context_tokens = shape_.context_tokens;
  options.max_sequences = shape_.sequences;
  options.prefill_slice = shape_.slice;
  options.cache = &cache;
  PumiceContext* context = nullptr;
  if (ok(pumice_context_create(model_.get(), &options, &context), "context_create")) context_.reset(context);
}

Sequence Scenario::sequence() {
  PumiceSequence* made = nullptr;
  if (!outcome_.failed()) ok(pumice_sequence_create(context_.get(), &made), "sequence_create");
  return Sequence(made);
}

Request Scenario::submit(PumiceSequence* on, size_t first, size_t count, uint32_t tokens, float temperature) {
  if (outcome_.failed()) return {};
  PumiceRequestOptions options = pumice_request_options_init();
  options.ids = text_.data() + first;
  options.count = count;
  options.max_tokens = tokens;
  options.ignore_eos = 1;
  options.temperature = temperature;
  options.top_k = 40;
  options.repeat_penalty = temperature > 0 ? 1.1f : 1.0f;
  options.seed = 3;
  PumiceRequest* made = nullptr;
  ok(pumice_request_submit(on, &options, &made), "request_submit");
  return Request(made);
}

std::vector<int32_t> Scenario::finish(PumiceRequest* request) {
  std::vector<int32_t> ids;
  while (!outcome_.failed()) {
    const PumiceResult waited = pumice_request_wait(request, 1000);
    if (waited == PUMICE_TIMEOUT) continue;  // for how long is the watchdog's affair
    PumicePoll poll = pumice_poll_init();
    const PumiceResult polled = pumice_poll(request, &poll);
    if (polled == PUMICE_OK) ids.insert(ids.end(), poll.ids, poll.ids + poll.count);
    if (polled == PUMICE_OK && poll.status == PUMICE_REQUEST_FAILED) return ok(poll.result, "request"), ids;
    if (!ok(waited, "request_wait") || !ok(polled, "poll")) return ids;
    if (poll.status != PUMICE_REQUEST_RUNNING) return ids;
  }
  return ids;
}

std::vector<int32_t> Scenario::generate(PumiceSequence* on, size_t first, size_t count, uint32_t tokens) {
  const Request request = submit(on, first, count, tokens);
  return finish(request.get());
}

std::vector<int32_t> Scenario::answer(Tool& tool, uint32_t input) {
  std::vector<int32_t> numbers;
  if (!outcome_.failed()) ok(tool.run(input, &numbers), tool.name());
  return numbers;
}

void Scenario::use_short() {
  if (tool_) {
    same("input 0", answer(*tool_, 0));
    return;
  }
  const Sequence alone = sequence();
  same("first", generate(alone.get(), 0, 70, 4));
}

void Scenario::use() {
  if (tool_) {  // more than there is room for, and the first one again
    for (const uint32_t input : {0u, 1u, 2u, 3u, 0u, 0u}) same("input " + std::to_string(input), answer(*tool_, input));
    return;
  }
  picture();
  Sequence trunk = sequence();
  same("first", generate(trunk.get(), 0, 70, 4));
  branch(trunk.get());
  sessions(trunk.get(), "text");
  trunk.reset();
  crowd();
  // The first text again: from the tiers, as far as it is worth it.
  const Sequence again = sequence();
  same("first", generate(again.get(), 0, 70, 4));
  if (!outcome_.failed()) ok(pumice_context_clear_cache(context_.get(), 1), "clear_cache");
}

// Twice the same, then another one; saved and loaded.
void Scenario::picture() {
  if (outcome_.failed() || !std::filesystem::exists(setup_.model + ".mmproj")) return;
  for (const uint8_t shade : {uint8_t{90}, uint8_t{90}, uint8_t{170}}) {
    const Sequence seen = sequence();
    std::vector<uint8_t> pixels(size_t{3} * 16 * 16);
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(shade + i * 7);
    PumiceImage image = pumice_image_init();
    image.pixels = pixels.data();
    image.width = image.height = 16;
    if (!outcome_.failed()) ok(pumice_append_image(seen.get(), &image, nullptr), "append_image");
    same("picture " + std::to_string(shade), generate(seen.get(), 600, 40, 3));
    if (!outcome_.failed() && shade == 170) sessions(seen.get(), "picture");
  }
}

// Two at a time, one of them drawn at random; then logits and scores.
void Scenario::branch(PumiceSequence* trunk) {
  if (outcome_.failed()) return;
  PumiceSequence* copy = nullptr;
  if (!ok(pumice_sequence_fork(trunk, 65, &copy), "sequence_fork")) return;
  const Sequence twig(copy);
  {
    const Request drawn = submit(copy, 100, 5, 4, 0.9f), greedy = submit(trunk, 110, 7, 4);
    same("drawn", finish(drawn.get()));
    same("greedy", finish(greedy.get()));
  }
  judge(copy);
}

void Scenario::judge(PumiceSequence* on) {
  if (outcome_.failed()) return;
  std::vector<float> logits(300), scores(20);
  if (!ok(pumice_sequence_evaluate(on, text_.data() + 200, 9, logits.data(), logits.size()), "evaluate")) return;
  same("most likely", {static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin())});
  PumiceScoreOptions options = pumice_score_options_init();
  options.ids = text_.data() + 210, options.targets = text_.data() + 211, options.count = scores.size();
  options.log_probabilities = scores.data();
  if (outcome_.failed() || !ok(pumice_sequence_score(on, &options), "score")) return;
  std::vector<int32_t> rounded;
  for (const float score : scores) rounded.push_back(static_cast<int32_t>(std::lround(score * 8)));
  same("scores", rounded);
}

void Scenario::sessions(PumiceSequence* saved, const std::string& name) {
  if (outcome_.failed()) return;
  const std::string path = setup_.folder + "/session";
  PumiceSessionOptions options = pumice_session_options_init();
  options.path = path.c_str();
  if (!ok(pumice_sequence_save(saved, &options), "save")) return;
  options.kv = PUMICE_SESSION_Q8;
  options.path = nullptr;
  options.write_user = nullptr;
  options.write = [](void*, const void*, size_t) { return int32_t{0}; };
  if (!ok(pumice_sequence_save(saved, &options), "save Q8")) return;
  PumiceSessionSource source = pumice_session_source_init();
  source.path = path.c_str();
  PumiceSequence* loaded = nullptr;
  if (!ok(pumice_sequence_load(context_.get(), &source, &loaded), "load")) return;
  const Sequence restored(loaded);
  same("restored " + name, generate(loaded, 300, 3, 4));
  PumiceSequenceInfo info = pumice_sequence_info_init();
  ok(pumice_sequence_get_info(loaded, &info), "sequence_get_info");
  ok(pumice_sequence_truncate(loaded, 40), "truncate");
  ok(pumice_sequence_pin(loaded), "pin");
  ok(pumice_sequence_unpin(loaded), "unpin");
}

// More texts than there is room for: pages go to the tiers.
void Scenario::crowd() {
  for (size_t i = 0; i < 2; ++i) {
    const Sequence other = sequence();
    same("crowd " + std::to_string(i), generate(other.get(), 400 + 300 * i, 6 * kPageTokens + 5, 1));
    if (!outcome_.failed()) (void)pumice_context_flush_cache(context_.get(), 50);  // tiers may be slow or gone
  }
}

void Scenario::slide() {
  if (outcome_.failed() || shape_.slide_tokens == 0 || tool_) return;
  PumiceContextOptions options = pumice_context_options_init();
  options.context_tokens = shape_.slide_tokens;
  options.prefill_slice = shape_.slice;
  options.when_full = PUMICE_FULL_SLIDE;
  PumiceContext* context = nullptr;
  if (!ok(pumice_context_create(model_.get(), &options, &context), "context_create (slide)")) return;
  context_.reset(context);
  const Sequence sliding = sequence();
  same("slid", generate(sliding.get(), 1100, shape_.slide_tokens - 6, 10));
}

void Scenario::stop(bool context_alone) {
  if (device_) (void)pumice_device_set_budget(device_.get(), 0);
  context_.reset();
  tool_.reset();
  if (context_alone) return;
  bystander_.reset();
  bystander_tool_.reset();
  model_.reset();
  device_.reset();
  instance_.reset();
}

std::string Scenario::check(PumiceContext* context) {
  Scenario other(setup_, golden_);
  other.context_.reset(context);
  {
    const Sequence fresh = other.sequence();
    other.same("first", other.generate(fresh.get(), 0, 70, 4));
  }
  (void)other.context_.release();
  const Outcome& outcome = other.outcome();
  if (outcome.result != PUMICE_OK)
    return outcome.where + ": " + pumice_result_name(outcome.result) + ": " + copied(pumice_context_error, context);
  return outcome.wrong;
}

std::string Scenario::check(Tool& tool) {
  std::vector<int32_t> numbers;
  if (const PumiceResult result = tool.run(0, &numbers); result != PUMICE_OK)
    return std::string(tool.name()) + ": " + pumice_result_name(result) + ": " + tool.error();
  Scenario other(setup_, golden_);
  other.same("input 0", numbers);
  return other.outcome().wrong;
}

std::string Scenario::check_context() {
  if (tool_) return check(*tool_);
  return context_ ? check(context_.get()) : std::string();
}

std::string Scenario::check_model() {
  if (!bystander_tool_ && tool_for(architecture_)) {
    bystander_tool_ = tool_for(architecture_);
    if (const PumiceResult result = bystander_tool_->create(model_.get(), nullptr); result != PUMICE_OK) {
      bystander_tool_.reset();
      return std::string("create: ") + pumice_result_name(result) + ": " + copied(pumice_model_error, model_.get());
    }
  }
  if (bystander_tool_) return check(*bystander_tool_);
  if (!bystander_) {
    PumiceContextOptions options = pumice_context_options_init();
    options.context_tokens = 4 * kPageTokens;
    PumiceContext* context = nullptr;
    if (const PumiceResult result = pumice_context_create(model_.get(), &options, &context); result != PUMICE_OK)
      return std::string("context_create: ") + pumice_result_name(result) + ": " +
             copied(pumice_model_error, model_.get());
    bystander_.reset(context);
  }
  return check(bystander_.get());
}

}  // namespace pumice::faults
