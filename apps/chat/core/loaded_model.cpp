#include "chat/core/loaded_model.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>

namespace pumice_chat {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBranches = 16;  // the others are for replies that run
constexpr std::uint64_t kRamBytes = 512u << 20;
// Room for several branches where a model sees little.
constexpr std::uint32_t kLeastContext = 4096;

ChatSettings recommended_by(const pumice::Model& model) {
  PumiceRequestOptions options = pumice_request_options_init();
  const ChatSettings usual;
  options.temperature = static_cast<float>(usual.temperature);
  options.top_p = static_cast<float>(usual.top_p);
  options.min_p = static_cast<float>(usual.min_p);
  options = model.sampling(options);
  ChatSettings settings;
  settings.temperature = static_cast<double>(options.temperature);
  settings.top_p = static_cast<double>(options.top_p);
  settings.min_p = static_cast<double>(options.min_p);
  settings.top_k = options.top_k;
  settings.repeat_penalty = static_cast<double>(options.repeat_penalty);
  return settings;
}

struct Progress {
  const LoadedModel::KeepOn& keep_on;
  bool warming;
  static std::int32_t call(void* user, float fraction) {
    const Progress& progress = *static_cast<const Progress*>(user);
    return progress.keep_on(static_cast<double>(fraction), progress.warming) ? 0 : 1;
  }
};

}  // namespace

std::string pipeline_cache_file(const std::string& key) {
  fs::path base;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && fs::path(cache).is_absolute())
    base = cache;
  else if (const char* home = std::getenv("HOME"); home && fs::path(home).is_absolute())
    base = fs::path(home) / ".cache";
  else
    return {};
  std::string name = key;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-') c = '_';
  std::error_code failed;
  fs::create_directories(base / "pumice", failed);
  return failed ? std::string() : (base / "pumice" / ("pipelines-" + name + ".bin")).string();
}

std::uint32_t usual_room(std::uint32_t asked, std::uint32_t context_length) {
  return asked == 0 && context_length < kLeastContext ? kLeastContext : asked;
}

std::vector<DeviceFacts> device_facts(const pumice::Instance& instance) {
  std::vector<DeviceFacts> list;
  for (const PumiceDeviceInfo& info : instance.devices())
    list.push_back({info.name, info.driver, info.uuid, info.type == PUMICE_DEVICE_CPU, info.usable != 0,
                    info.is_default != 0, info.budget_bytes});
  return list;
}

LoadedModel::LoadedModel(const pumice::Instance& instance, const LoadOrder& order, const KeepOn& keep_on)
    : branches_(kBranches) {
  std::string key = order.device;
  for (const DeviceFacts& device : device_facts(instance))
    if (key.empty() && device.is_default) key = device.selector;
  const std::string cache = pipeline_cache_file(key);
  PumiceDeviceOptions device_options = pumice_device_options_init();
  device_options.selector = order.device.empty() ? nullptr : order.device.c_str();
  device_options.pipeline_cache_path = cache.empty() ? nullptr : cache.c_str();
  device_.emplace(instance, device_options);
  Progress loading{keep_on, false};
  PumiceModelOptions options = pumice_model_options_init();
  options.path = order.path.c_str();
  options.projector = order.projector.empty() ? nullptr : order.projector.c_str();
  options.progress = Progress::call;
  options.progress_user = &loading;
  model_.emplace(instance, *device_, options);
  prompts_.emplace(instance, *model_);
  const PumiceDeviceInfo device = device_->info();
  facts_.cpu = device.type == PUMICE_DEVICE_CPU;
  // A software driver compiles on the cores that are to compute, and has nothing to choose from.
  if (!facts_.cpu) {
    Progress warming{keep_on, true};
    PumiceWarmUpOptions warm = pumice_warm_up_options_init();
    warm.progress = Progress::call;
    warm.progress_user = &warming;
    model_->warm_up(warm);
  }
  make_context(order.context_tokens);
  const PumiceModelInfo info = model_->info();
  const PumiceContextStats stats = context_->stats();
  facts_.path = order.path;
  facts_.projector = order.projector;
  facts_.name = info.name[0] != '\0' ? info.name : fs::path(order.path).stem().string();
  facts_.architecture = info.architecture;
  facts_.weight_types = info.weight_types;
  facts_.device = device.name;
  facts_.driver = device.driver;
  facts_.plain = prompts_->plain();
  facts_.sees = !model_->image_placeholder().empty();
  facts_.context_tokens = stats.context_tokens;
  facts_.window_tokens = std::min(info.context_length, stats.context_tokens);
  facts_.parameters = info.parameters;
  facts_.weights_bytes = info.device_bytes + info.host_bytes;
  facts_.kv_bytes = stats.kv_bytes;
  facts_.recommended = recommended_by(*model_);
}

void LoadedModel::make_context(std::uint32_t tokens) {
  // What has no room on the device any more is read back sooner than it is computed again.
  PumiceCacheOptions cache = pumice_cache_options_init();
  cache.ram_bytes = kRamBytes;
  PumiceContextOptions options = pumice_context_options_init();
  options.cache = &cache;
  options.max_sequences = kSequences;
  options.context_tokens = usual_room(tokens, model_->info().context_length);
  if (options.context_tokens != tokens) {
    try {
      context_.emplace(*model_, options);
      return;
    } catch (const pumice::Error&) {  // learned positions; or there is not so much memory
      options.context_tokens = tokens;
    }
  }
  context_.emplace(*model_, options);
}

CacheView::Held LoadedModel::view_of(Branches::Branch& branch) const {
  const std::vector<std::int32_t> ids = branch.sequence.tokens();
  const std::size_t prompt = std::min(branch.prompt_tokens, ids.size());
  if (!branch.placed) {
    std::vector<std::string> tokens;
    for (std::size_t i = 0; i < prompt; ++i) tokens.push_back(model_->token_text(ids[i]));
    place_messages(tokens, &branch.messages);
    branch.placed = prompt == branch.prompt_tokens;
  }
  CacheView::Held held{.chat = branch.chat,
                       .tokens = static_cast<std::uint32_t>(ids.size()),
                       .running = branch.running,
                       .messages = branch.messages,
                       .pages = branch.sequence.pages()};
  for (HeldMessage& message : held.messages) message.text = title_from(message.text);
  if (ids.size() > prompt)
    held.messages.push_back({.message = branch.reply,
                             .role = Role::kAssistant,
                             .first = static_cast<std::uint32_t>(prompt),
                             .end = held.tokens});
  return held;
}

CacheView LoadedModel::view() {
  CacheView view;
  view.known = true;
  view.stats = context_->cache_stats();
  view.context = context_->stats();
  view.memory = device_->memory();
  const auto keep = [](void* user, const PumiceKvPage* page) -> std::int32_t {
    static_cast<std::vector<PumiceKvPage>*>(user)->push_back(*page);
    return 0;
  };
  context_->check(pumice_kv_pages(context_->get(), nullptr, keep, &view.pages));
  for (Branches::Branch& branch : branches_.all()) view.held.push_back(view_of(branch));
  return view;
}

}  // namespace pumice_chat
