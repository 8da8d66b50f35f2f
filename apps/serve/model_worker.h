// ModelWorker: one model on the device, with the thread that runs it.
//
// Jobs wait in a queue for each group, by their priority, then in the order of their coming; groups take turns, so that
// one client's many requests do not hold up another's. The replies that run share the context's steps (continuous
// batching); prompts are computed in slices between them.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pumice/pumice.hpp"
#include "serve/generation.h"
#include "serve/metrics.h"

namespace pumice_serve {

class ModelWorker;

struct ServedAdapter {
  std::string path;
  float scale = 1;  // of requests that say nothing of adapters
};

struct WorkerOptions {
  const pumice::Instance* instance = nullptr;  // these outlive the worker
  const pumice::Device* device = nullptr;
  std::string name, path;
  std::string projector;  // what it sees pictures with; empty: nothing
  PumiceContextOptions context = pumice_context_options_init();  // what it points to outlives the worker
  std::vector<ServedAdapter> adapters;
  std::string draft;  // a model that guesses; empty: none
  Sampling defaults;
  std::string system;                                 // what the model is told where the messages do not say it
  std::map<std::string, std::uint32_t> quotas;        // tokens of groups
  std::vector<std::shared_ptr<ModelWorker>> leaving;  // let go before anything is loaded
};

struct ActiveReply;

class ModelWorker {
 public:
  ModelWorker(WorkerOptions options, Metrics& metrics);
  ~ModelWorker();  // cancels what runs, fails what waits

  // Any thread. What cannot be run fails through its sink.
  void submit(std::shared_ptr<Job> job);
  // Nothing runs and nothing waits.
  bool idle() const { return jobs_ == 0; }
  bool failed() const { return failed_; }  // it could not be loaded, or its device is lost
  bool device_lost() const { return lost_; }
  std::optional<PumiceCacheStats> cache_stats() const;  // of some moment ago; empty: it has no context yet

 private:
  void run();
  void load();
  // The next one that has at most so many replies; empty: none waits, or the next has more.
  std::shared_ptr<Job> next_job(std::size_t most_replies);
  void fail_late();  // of those that wait
  bool wait_for_work();  // false: stop
  void admit();
  void start(const std::shared_ptr<Job>& job);
  // plain_tools: that the task was given in another form.
  void start_generation(const std::shared_ptr<Job>& job, const Generation& task, const std::string& plain_tools);
  void embed(const Job& job, const Embedding& task);
  void transcribe(const Job& job, const Transcription& task);
  void step();
  void fail_all(const ApiError& error);
  void publish_stats();
  pumice::ChatPrompt prompt_of(const Generation& task) const;
  PumiceRequestOptions options_of(const Generation& task, std::uint32_t reply) const;
  std::shared_ptr<pumice::Grammar> grammar_of(const Generation& task);
  void make_context();
  std::vector<float> scales_of(const Generation& task) const;
  // Appends pictures with what stands before them; the ids behind the last one.
  std::vector<std::int32_t> append_pictures(pumice::Sequence& sequence, const pumice::ChatPrompt& prompt,
                                            const Generation& task) const;

  WorkerOptions options_;
  Metrics& metrics_;
  std::optional<pumice::Model> model_;
  std::optional<pumice::Chat> chat_;
  std::string chat_problem_;  // why there is none
  bool spells_calls_ = true;  // the template has a form for calls of tools
  std::deque<pumice::Adapter> adapters_;
  std::optional<pumice::Model> draft_;
  std::optional<pumice::Context> context_;
  std::optional<pumice::Encoder> encoder_;
  std::optional<pumice::Transcriber> transcriber_;
  PumiceRequestOptions recommended_ = pumice_request_options_init();
  std::list<std::pair<std::string, std::shared_ptr<pumice::Grammar>>> grammars_;  // used last first
  std::list<std::unique_ptr<ActiveReply>> active_;
  std::chrono::steady_clock::time_point published_;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::map<std::string, std::deque<std::shared_ptr<Job>>> waiting_;  // by group
  std::string last_group_;
  std::optional<PumiceCacheStats> stats_;
  bool stop_ = false;
  std::atomic<std::size_t> jobs_{0};
  std::atomic<bool> failed_{false}, lost_{false};
  std::thread thread_;  // the last member
};

}  // namespace pumice_serve
