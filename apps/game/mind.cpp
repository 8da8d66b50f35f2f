#include "game/mind.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>

namespace pumice_game {

namespace {

constexpr std::uint32_t kContextTokens = 1024;  // of a character at most
constexpr float kLoadShare = 0.3f;              // of the progress bar; compiling takes longer

// Where compiled pipelines are kept from one start to the next; empty: nowhere.
std::string pipeline_cache() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  std::filesystem::path folder;
  if (cache && std::filesystem::path(cache).is_absolute())
    folder = cache;
  else if (home && std::filesystem::path(home).is_absolute())
    folder = std::filesystem::path(home) / ".cache";
  else
    return {};
  std::error_code failed;
  std::filesystem::create_directories(folder / "pumice", failed);
  return failed ? std::string() : (folder / "pumice" / "game.pipelines").string();
}

}  // namespace

Mind::Mind(const pumice::Instance* instance, MindPlan plan) : instance_(instance), plan_(std::move(plan)) {
  thread_ = std::thread([this] {
    load();
    if (naive() && state_ == State::kReady) work();
  });
}

Mind::~Mind() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::int32_t Mind::on_progress(void* self, float fraction) {
  Mind& mind = *static_cast<Mind*>(self);
  mind.progress_ = mind.progress_from_ + mind.progress_share_ * fraction;
  return mind.stop_ ? 1 : 0;
}

void Mind::load() {
  attempt([this] {
    open_device();
    load_model();
    make_context();
  });
}

// Sequences and replies under way are the context's, which goes on with the model on the other device.
void Mind::load_again() {
  const auto former_device = std::make_unique<pumice::Device>(std::move(*device_));
  const auto former_model = std::make_unique<pumice::Model>(std::move(*model_));
  attempt([this] {
    chat_.reset();
    grammars_.clear();
    open_device();
    load_model();
    rebind();
  });
  if (state_ == State::kFailed) context_.reset();  // with what it has on the former device
}

void Mind::rebind() {
  PumiceJob* made = nullptr;
  context_->check(pumice_context_rebind_begin(context_->get(), model_->get(), nullptr, &made));
  const std::unique_ptr<PumiceJob, decltype(&pumice_job_destroy)> job(made, &pumice_job_destroy);
  PumiceJobPoll poll = pumice_job_poll_init();
  while (pumice_job_poll(job.get(), &poll) == PUMICE_OK && !poll.done)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  if (poll.result == PUMICE_OK) return;
  std::string text(pumice_job_error(job.get(), nullptr, 0), '\0');
  pumice_job_error(job.get(), text.data(), text.size() + 1);
  throw pumice::Error(poll.result, text);
}

void Mind::move(const PumiceVkImport& import) {
  thread_.join();  // has loaded
  plan_.import = import;
  progress_ = progress_from_ = 0;
  state_ = State::kLoading;
  thread_ = std::thread([this] { load_again(); });
}

void Mind::attempt(const std::function<void()>& work) {
  try {
    work();
    state_ = State::kReady;
  } catch (const pumice::Error& error) {
    problem_ = error.what();
    problem_code_ = error.code();
    state_ = State::kFailed;
  } catch (const std::exception& error) {
    problem_ = error.what();
    problem_code_ = PUMICE_INTERNAL;
    state_ = State::kFailed;
  }
}

void Mind::open_device() {
  const std::string cache = pipeline_cache();
  PumiceDeviceOptions options = pumice_device_options_init();
  options.pipeline_cache_path = cache.empty() ? nullptr : cache.c_str();
  if (naive()) {
    options.selector = plan_.device.empty() ? nullptr : plan_.device.c_str();
    device_.emplace(*instance_, options);
    return;
  }
  PumiceDevice* device = nullptr;
  instance_->check(pumice_device_import(instance_->get(), &*plan_.import, &options, &device));
  device_.emplace(device);
}

void Mind::load_model() {
  PumiceModelOptions options = pumice_model_options_init();
  options.path = plan_.model.c_str();
  options.progress = on_progress;
  options.progress_user = this;
  progress_share_ = kLoadShare;
  model_.emplace(*instance_, *device_, options);
  try {
    chat_.emplace(*instance_, &*model_);
  } catch (const pumice::Error& error) {
    if (error.code() != PUMICE_NOT_FOUND) throw;  // no template: a story
  }
  for (std::size_t who = 0; who < kCharacters; ++who)
    grammars_.emplace_back(*model_, PUMICE_GRAMMAR_JSON_SCHEMA, plan_.schema(who), false);
  PumiceWarmUpOptions warm_up = pumice_warm_up_options_init();
  warm_up.progress = on_progress;
  warm_up.progress_user = this;
  progress_from_ = kLoadShare;
  progress_share_ = 1 - kLoadShare;
  if (device_->info().type == PUMICE_DEVICE_CPU) warm_up.autotune_seconds = -1;  // a software driver has no choice
  model_->warm_up(warm_up);
}

void Mind::make_context() {
  const std::uint32_t each = std::min(model_->info().context_length, kContextTokens);
  PumiceContextOptions options = pumice_context_options_init();
  options.context_tokens = kCharacters * each;
  options.max_sequences = kCharacters;
  context_.emplace(*model_, options);
  for (Turn& turn : turns_) turn.sequence.emplace(*context_);
  room_ = std::min(turns_[0].sequence->info().capacity, each);
  if (room_ < 3 * kMostReplyTokens)
    throw pumice::Error(PUMICE_UNSUPPORTED, "the model's context is too short for a conversation");
}

void Mind::begin(Turn* turn, std::size_t who, const std::vector<std::int32_t>& prompt, std::uint64_t seed) {
  const std::size_t held = std::min<std::size_t>(turn->tokens.size(), turn->sequence->info().tokens);
  const std::size_t most = std::min(held, prompt.size() - 1);  // at least one is appended
  std::size_t same = 0;
  while (same < most && turn->tokens[same] == prompt[same]) ++same;
  turn->sequence->truncate(static_cast<std::uint32_t>(same));
  PumiceRequestOptions options = model_->sampling();
  if (options.temperature <= 0) options.temperature = 0.8f, options.top_p = 0.95f;
  options.max_tokens = kMostReplyTokens;
  options.seed = seed;
  options.grammar = grammars_[who].get();
  const std::vector<std::int32_t> rest(prompt.begin() + static_cast<std::ptrdiff_t>(same), prompt.end());
  turn->tokens.resize(same);
  turn->request.emplace(turn->sequence->submit(rest, options));
  turn->tokens = prompt;
}

void Mind::ask(std::size_t who, const std::vector<std::int32_t>& prompt, std::uint64_t seed) {
  const std::lock_guard lock(mutex_);
  Turn& turn = turns_[who];
  turn.answer = {};
  turn.active = true;
  if (naive()) {
    turn.prompt = prompt;
    turn.seed = seed;
    wake_.notify_all();
  } else {
    begin(&turn, who, prompt, seed);
  }
}

void Mind::collect(Turn* turn) {
  const PumicePoll poll = turn->request->poll();
  turn->answer.text.append(poll.text ? poll.text : "", poll.text_length);
  turn->answer.ids.insert(turn->answer.ids.end(), poll.ids, poll.ids + poll.count);
  turn->tokens.insert(turn->tokens.end(), poll.ids, poll.ids + poll.count);
  if (poll.status != PUMICE_REQUEST_RUNNING) finish(turn, poll);
}

void Mind::finish(Turn* turn, const PumicePoll& poll) {
  if (poll.status == PUMICE_REQUEST_FAILED) {
    std::string text(pumice_context_error(context_->get(), nullptr, 0), '\0');
    pumice_context_error(context_->get(), text.data(), text.size() + 1);
    if (poll.result == PUMICE_DEVICE_LOST) throw pumice::Error(poll.result, text);
    turn->answer.problem = text;
  } else if (poll.status != PUMICE_REQUEST_FINISHED_EOS) {
    turn->answer.problem = "it was cut";
  }
  turn->request.reset();
  turn->answer.ended = true;
}

PumiceFrame Mind::advance(double gpu_us) {
  PumiceFrame frame = pumice_frame_init();
  if (naive()) return frame;
  frame = context_->step_within(gpu_us);
  for (Turn& turn : turns_)
    if (turn.request) collect(&turn);
  return frame;
}

bool Mind::device_idle() const {
  VkSemaphore timeline = VK_NULL_HANDLE;
  std::uint64_t submitted = 0, done = 0;
  return pumice_vk_timeline(device_->get(), &timeline, &submitted) == PUMICE_OK &&
         vkGetSemaphoreCounterValue(plan_.import->device, timeline, &done) == VK_SUCCESS && done >= submitted;
}

Answer Mind::answer(std::size_t who) {
  const std::lock_guard lock(mutex_);
  Turn& turn = turns_[who];
  if (turn.answer.ended) turn.active = false;
  return turn.answer;
}

void Mind::give_up() {
  std::unique_lock lock(mutex_);
  for (Turn& turn : turns_)
    if (turn.request) turn.request->cancel();
  if (naive()) {
    wake_.wait(lock, [&] {
      return std::none_of(turns_.begin(), turns_.end(), [](const Turn& t) { return t.active && !t.answer.ended; });
    });
  }
  for (Turn& turn : turns_) {
    if (!turn.active && !turn.request) continue;
    turn.request.reset();
    turn.answer.ended = true;
    turn.answer.problem = "given up";
    turn.tokens.resize(std::min<std::size_t>(turn.tokens.size(), turn.sequence->info().tokens));
    turn.sequence->truncate(static_cast<std::uint32_t>(turn.tokens.size()));
  }
}

// The naive way: one request after the other, with waiting, on a thread that knows nothing of frames.
void Mind::work() {
  std::unique_lock lock(mutex_);
  const auto next = [&] {
    return std::find_if(turns_.begin(), turns_.end(), [](const Turn& t) { return t.active && !t.answer.ended; });
  };
  while (!stop_) {
    const auto turn = next();
    if (turn == turns_.end()) {
      wake_.wait(lock);
      continue;
    }
    try {
      if (!turn->request) begin(turn, static_cast<std::size_t>(turn - turns_.begin()), turn->prompt, turn->seed);
      pumice::Request& request = *turn->request;
      lock.unlock();
      request.wait(50);
      lock.lock();
      collect(turn);
    } catch (const pumice::Error& error) {
      if (!lock.owns_lock()) lock.lock();
      turn->request.reset();
      turn->answer.problem = error.what();
      turn->answer.ended = true;
    }
    wake_.notify_all();
  }
}

std::string Mind::save_session(std::size_t who) {
  std::string session;
  PumiceSessionOptions options = pumice_session_options_init();
  options.write_user = &session;
  options.write = [](void* to, const void* data, std::size_t size) -> std::int32_t {
    try {
      static_cast<std::string*>(to)->append(static_cast<const char*>(data), size);
      return 0;
    } catch (const std::bad_alloc&) {
      return 1;
    }
  };
  context_->check(pumice_sequence_save(turns_[who].sequence->get(), &options));
  return session;
}

void Mind::load_session(std::size_t who, const std::string& session, std::vector<std::int32_t> tokens) {
  PumiceSessionSource source = pumice_session_source_init();
  source.data = session.data();
  source.data_size = session.size();
  Turn& turn = turns_[who];
  turn.sequence.reset();  // so that there is room
  turn.tokens.clear();
  try {
    turn.sequence.emplace(pumice::Sequence::load(*context_, source));
    turn.tokens = std::move(tokens);
  } catch (const pumice::Error&) {
    turn.sequence.emplace(*context_);
    throw;
  }
}

}  // namespace pumice_game
