// Service: the models that a server has, loaded when somebody asks for them. Any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "serve/metrics.h"
#include "serve/model_worker.h"

namespace pumice_serve {

struct ServedModel {
  std::string name, path;
  std::string projector = {};  // empty: it sees no pictures
};

struct ServiceOptions {
  std::vector<ServedModel> models;  // the first is what a request without a name means
  bool stores = false;              // also what the folders of Hugging Face, Ollama and LM Studio have
  std::size_t most_loaded = 1;      // the model unused for the longest time goes when another one is loaded
  WorkerOptions worker;             // but for name and path; adapters are the first model's
};

// The tokenizer and the chat template of a model, without its weights.
class Vocabulary {
 public:
  Vocabulary(const pumice::Instance& instance, const std::string& path);
  std::vector<std::int32_t> tokenize(const std::string& text, bool special) const;
  std::string detokenize(const std::vector<std::int32_t>& ids) const { return model_.detokenize(ids); }
  std::size_t prompt_tokens(const Json& messages, const std::string& tools);
  PumiceModelInfo info() const { return model_.info(); }

 private:
  pumice::Model model_;
  std::mutex mutex_;  // of the chat
  std::unique_ptr<pumice::Chat> chat_;
};

class Service {
 public:
  Service(ServiceOptions options, Metrics& metrics) : options_(std::move(options)), metrics_(metrics) {}

  // Throws ApiError(404) where there is no such model; everything else goes through the job's sink.
  void submit(const std::shared_ptr<Job>& job);
  std::vector<ServedModel> models() const;
  ServedModel find(const std::string& name) const;  // throws ApiError(404)
  std::vector<std::string> loaded() const;
  const std::vector<ServedAdapter>& adapters() const { return options_.worker.adapters; }
  std::shared_ptr<Vocabulary> vocabulary(const std::string& name);
  Metrics& metrics() { return metrics_; }
  std::string cache_metrics() const;  // Prometheus
  bool healthy() const;
  bool device_lost() const;
  void stop();  // cancels what runs

 private:
  ServiceOptions options_;
  Metrics& metrics_;
  mutable std::mutex mutex_;
  struct Loaded {
    std::shared_ptr<ModelWorker> worker;
    std::uint64_t used = 0;
  };
  std::map<std::string, Loaded> loaded_;  // by path
  std::map<std::string, std::shared_ptr<Vocabulary>> vocabularies_;
  std::uint64_t uses_ = 0;
  bool stopping_ = false;
};

}  // namespace pumice_serve
