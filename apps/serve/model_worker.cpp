#include "serve/model_worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "serve/active_reply.h"
#include "serve/plain_tools.h"

namespace pumice_serve {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int32_t kLookMs = 10;  // how long a new job may wait for a step that brings nothing

bool begins_with_system(const Json& messages) {
  const std::string role = messages.empty() ? "" : messages[0].value("role", "");
  return role == "system" || role == "developer";
}

}  // namespace

ModelWorker::ModelWorker(WorkerOptions options, Metrics& metrics)
    : options_(std::move(options)), metrics_(metrics), thread_([this] { run(); }) {}

ModelWorker::~ModelWorker() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ModelWorker::submit(std::shared_ptr<Job> job) {
  if (job->replies() > options_.context.max_sequences)
    throw ApiError(400, fmt::format("'n' is at most {} here", options_.context.max_sequences), "n");
  const std::lock_guard lock(mutex_);
  ++jobs_;
  ++metrics_.waiting;
  std::deque<std::shared_ptr<Job>>& queue = waiting_[job->group()];
  const auto before = [](std::int64_t priority, const auto& other) { return priority < other->priority(); };
  queue.insert(std::upper_bound(queue.begin(), queue.end(), job->priority(), before), job);
  changed_.notify_all();
}

std::optional<PumiceCacheStats> ModelWorker::cache_stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void ModelWorker::publish_stats() {
  constexpr std::chrono::milliseconds kEvery(250);
  if (!context_ || (!active_.empty() && Clock::now() - published_ < kEvery)) return;
  published_ = Clock::now();
  const PumiceCacheStats stats = context_->cache_stats();
  const std::lock_guard lock(mutex_);
  stats_ = stats;
}

void ModelWorker::load() {
  options_.leaving.clear();
  PumiceModelOptions load = pumice_model_options_init();
  load.path = options_.path.c_str();
  load.projector = options_.projector.empty() ? nullptr : options_.projector.c_str();
  model_.emplace(*options_.instance, *options_.device, load);
  for (const ServedAdapter& adapter : options_.adapters) adapters_.emplace_back(*model_, adapter.path);
  if (!options_.draft.empty()) {
    load = pumice_model_options_init();
    load.path = options_.draft.c_str();
    draft_.emplace(*options_.instance, *options_.device, load);
  }
  recommended_.temperature = 0.8f;
  recommended_.top_p = 0.95f;
  recommended_.min_p = 0.05f;
  model_->check(pumice_model_get_sampling(model_->get(), &recommended_));
  try {
    chat_.emplace(*options_.instance, &*model_);
  } catch (const pumice::Error& error) {
    chat_problem_ = error.what();
    return;
  }
  static constexpr std::string_view kAny =
      R"([{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}])";
  PumiceChatGrammarOptions any = pumice_chat_grammar_options_init();
  any.tools = {kAny.data(), kAny.size()};
  try {
    chat_->grammar(any);
  } catch (const pumice::Error&) {
    spells_calls_ = false;
  }
}

void ModelWorker::run() {
  std::optional<ApiError> broken;
  try {
    load();
  } catch (const pumice::Error& error) {
    broken.emplace(503, fmt::format("the model {} could not be loaded: {}", options_.name, error.what()));
  } catch (const std::bad_alloc&) {
    broken.emplace(503, fmt::format("no memory to load the model {}", options_.name));
  }
  if (broken) failed_ = true;
  while (wait_for_work()) {
    if (broken) {
      fail_all(*broken);
      continue;
    }
    try {
      admit();
      step();
      publish_stats();
    } catch (const pumice::Error& error) {  // of the context: the device is lost, or has no memory
      fail_all(api_error(error));
      if (error.code() != PUMICE_DEVICE_LOST) continue;
      broken.emplace(503, fmt::format("{}; the server ends", error.what()));
      failed_ = lost_ = true;
    } catch (const std::bad_alloc&) {
      fail_all({503, "out of memory"});
    } catch (const std::exception& error) {
      fail_all({500, error.what()});
    }
  }
  fail_all({503, "the server is stopping"});
}

bool ModelWorker::wait_for_work() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stop_ || !waiting_.empty() || !active_.empty(); });
  return !stop_;
}

std::shared_ptr<Job> ModelWorker::next_job(std::size_t most_replies) {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return nullptr;
  auto queue = waiting_.upper_bound(last_group_);
  if (queue == waiting_.end()) queue = waiting_.begin();
  if (queue->second.front()->replies() > most_replies) return nullptr;
  last_group_ = queue->first;
  std::shared_ptr<Job> job = std::move(queue->second.front());
  queue->second.pop_front();
  if (queue->second.empty()) waiting_.erase(queue);
  --metrics_.waiting;
  return job;
}

void ModelWorker::fail_late() {
  std::vector<std::shared_ptr<Job>> late;
  {
    const std::lock_guard lock(mutex_);
    for (auto queue = waiting_.begin(); queue != waiting_.end();) {
      std::erase_if(queue->second, [&](const std::shared_ptr<Job>& job) {
        if (!job->late()) return false;
        late.push_back(job);
        return true;
      });
      queue = queue->second.empty() ? waiting_.erase(queue) : std::next(queue);
    }
  }
  for (const std::shared_ptr<Job>& job : late) say_failed(*job, kLate);
  metrics_.waiting -= late.size();
  jobs_ -= late.size();
}

void ModelWorker::admit() {
  fail_late();
  while (active_.size() < options_.context.max_sequences) {
    const std::size_t room = options_.context.max_sequences - active_.size();
    const std::shared_ptr<Job> job = next_job(room);
    if (!job) return;
    const std::size_t before = active_.size();
    try {
      if (!job->cancelled) start(job);
    } catch (const ApiError& error) {
      say_failed(*job, error);
    } catch (const pumice::Error& error) {
      say_failed(*job, api_error(error));
    } catch (const std::exception& error) {
      say_failed(*job, {500, error.what()});
    }
    jobs_ += active_.size() - before;
    --jobs_;
  }
}

void ModelWorker::start(const std::shared_ptr<Job>& job) {
  if (const auto* embedding = std::get_if<Embedding>(&job->task)) return embed(*job, *embedding);
  if (const auto* transcription = std::get_if<Transcription>(&job->task)) return transcribe(*job, *transcription);
  Generation task = std::get<Generation>(job->task);
  if (!options_.system.empty() && task.chat() && !begins_with_system(task.messages))
    task.messages.insert(task.messages.begin(), Json{{"role", "system"}, {"content", options_.system}});
  if (spells_calls_ || task.tools.empty() || task.tool_choice == PUMICE_TOOLS_NONE)
    start_generation(job, task, {});
  else
    start_generation(job, with_plain_tools(task), task.tools);
}

void ModelWorker::make_context() {
  std::vector<const PumiceAdapter*> adapters;
  for (const pumice::Adapter& adapter : adapters_) adapters.push_back(adapter.get());
  PumiceContextOptions options = options_.context;
  options.adapters = adapters.data();
  options.adapter_count = adapters.size();
  options.draft = draft_ ? draft_->get() : nullptr;
  context_.emplace(*model_, options);
  for (const auto& [group, tokens] : options_.quotas) context_->set_group_quota(group, tokens);
}

void ModelWorker::start_generation(const std::shared_ptr<Job>& job, const Generation& task,
                                   const std::string& plain_tools) {
  if (!context_) make_context();
  const pumice::ChatPrompt prompt = prompt_of(task);
  const std::uint32_t room = context_->stats().context_tokens;
  if (prompt.ids.empty()) throw ApiError(400, "the prompt is empty");
  if (prompt.ids.size() >= room)
    throw ApiError(400,
                   fmt::format("the prompt has {} tokens, and the context {}; start the server with a larger --ctx",
                               prompt.ids.size(), room),
                   {}, "context_length_exceeded");
  if (!task.pictures.files.empty() && model_->image_placeholder().empty())
    throw ApiError(400, fmt::format("{} sees no pictures; start the server with its projector (--mmproj)",
                                    options_.name), "messages");
  const std::shared_ptr<pumice::Grammar> grammar = grammar_of(task);
  const std::vector<float> scales = scales_of(task);
  for (std::uint32_t i = 0; i < task.n; ++i) {
    PumiceRequestOptions options = options_of(task, i);
    options.grammar = grammar ? grammar->get() : nullptr;
    pumice::Sequence sequence(*context_, task.group);
    sequence.set_adapters(scales);
    const std::vector<std::int32_t> rest = append_pictures(sequence, prompt, task);
    const std::size_t prompt_tokens = sequence.info().tokens + rest.size();
    pumice::Request request = sequence.submit(rest, options);
    std::optional<pumice::ChatReply> parser;
    if (task.chat()) {
      PumiceChatReplyOptions parse = pumice_chat_reply_options_init();
      parse.prompt = {prompt.text.data(), prompt.text.size()};
      parse.tools = {task.tools.data(), task.tools.size()};
      parser.emplace(*chat_, parse);
    }
    say(*job, {.kind = Event::Kind::kStarted, .reply = i, .prompt_tokens = prompt_tokens});
    active_.push_back(std::make_unique<ActiveReply>(ActiveReply{.job = job,
                                                                .index = i,
                                                                .model = &*model_,
                                                                .prompt_tokens = prompt_tokens,
                                                                .sequence = std::move(sequence),
                                                                .request = std::move(request),
                                                                .parser = std::move(parser),
                                                                .filter = StopFilter(task.stop),
                                                                .plain_tools = plain_tools}));
    ++metrics_.running;
  }
}

void ModelWorker::embed(const Job& job, const Embedding& task) {
  if (!encoder_) encoder_.emplace(*model_);
  std::vector<std::vector<std::int32_t>> ids = task.ids;
  for (const std::string& text : task.texts) ids.push_back(model_->tokenize(text, PUMICE_TOKENIZE_ADD_SPECIAL));
  Event event{.kind = Event::Kind::kEmbedded};
  for (const auto& text : ids) event.embedded.tokens += text.size();
  event.embedded.vectors.resize(ids.size());
  encoder_->embed(ids, [&](std::size_t text, const float* vectors, std::size_t, std::size_t width) {
    event.embedded.vectors[text].assign(vectors, vectors + width);
    return !job.cancelled;
  });
  metrics_.prompt_tokens += event.embedded.tokens;
  say(job, std::move(event));
}

void ModelWorker::transcribe(const Job& job, const Transcription& task) {
  if (!transcriber_) transcriber_.emplace(*model_);
  const PumiceSound sound{.data = task.sound.data(), .data_size = task.sound.size()};
  PumiceTranscribeOptions options = pumice_transcribe_options_init();
  options.sounds = &sound;
  options.count = 1;
  options.language = task.language.empty() ? nullptr : task.language.c_str();
  options.prompt = task.prompt.empty() ? nullptr : task.prompt.c_str();
  options.translate = task.translate ? 1 : 0;
  options.word_times = task.words ? 1 : 0;
  options.group = task.group.c_str();
  Event event{.kind = Event::Kind::kTranscribed};
  Transcribed& made = event.transcribed;
  pumice::Transcriber::Events events;
  events.progress = [&](const PumiceTranscript&) { return !job.cancelled; };
  events.segment = [&](const PumiceSegment& segment) {
    made.segments.push_back({segment.from_ms, segment.to_ms, std::string(segment.text, segment.length),
                             segment.log_probability, segment.no_speech});
    for (std::size_t i = 0; i < segment.word_count; ++i) {
      const PumiceWord& word = segment.words[i];
      made.words.push_back({word.from_ms, word.to_ms, std::string(word.text, word.length)});
    }
    return !job.cancelled;
  };
  events.end = [&](const PumiceTranscript& transcript) {
    made.language = transcript.language ? transcript.language : "";
    made.seconds = transcript.seconds;
    return true;
  };
  transcriber_->transcribe(options, events);
  say(job, std::move(event));
}

void ModelWorker::step() {
  if (active_.empty()) return;
  active_.front()->request.wait(kLookMs);
  for (auto it = active_.begin(); it != active_.end();) {
    if ((*it)->advance(*context_, metrics_)) {
      ++it;
      continue;
    }
    it = active_.erase(it);
    --metrics_.running;
    --jobs_;
  }
}

void ModelWorker::fail_all(const ApiError& error) {
  for (const auto& reply : active_) say_failed(*reply->job, error);
  jobs_ -= active_.size();
  metrics_.running -= active_.size();
  active_.clear();
  while (const std::shared_ptr<Job> job = next_job(SIZE_MAX)) {
    say_failed(*job, error);
    --jobs_;
  }
}

}  // namespace pumice_serve
