#include "chat/core/store_worker.h"

#include <memory>
#include <utility>

namespace pumice_chat {

namespace {
constexpr std::size_t kMostHits = 200;
}

StoreWorker::StoreWorker(std::string path, Post post, OnOpen on_open)
    : path_(std::move(path)), post_(std::move(post)), on_open_(std::move(on_open)) {
  thread_.add([this] { open(); });
}

void StoreWorker::open() {
  OpenReport report;
  store_.reset();
  store_ = ChatStore::open(path_, &report);
  Loaded loaded;
  try {
    loaded = {store_->chats(), store_->last_chat(), store_->last_message()};
  } catch (const StoreError& error) {
    report.trouble = error.trouble();
    report.reason = error.what();
  }
  post_([this, report, loaded = std::move(loaded)]() mutable { on_open_(report, std::move(loaded)); });
}

// What is found to be damaged is restored, and the change made then.
StoreWorker::Outcome StoreWorker::attempt(const std::function<void(ChatStore&)>& change) {
  for (int time = 0;; ++time) {
    try {
      change(*store_);
      return {};
    } catch (const StoreError& error) {
      if (error.trouble() != StoreTrouble::kDamaged || time > 0) return {error.trouble(), error.what()};
    }
    open();
  }
}

void StoreWorker::read(Id chat, std::function<void(std::vector<Message>, const Outcome&)> then) {
  thread_.add([this, chat, then = std::move(then)] {
    auto messages = std::make_shared<std::vector<Message>>();
    const Outcome outcome = attempt([&](ChatStore& store) { *messages = store.messages(chat); });
    post_([messages, outcome, then] { then(std::move(*messages), outcome); });
  });
}

void StoreWorker::search(std::string text, std::function<void(std::vector<SearchHit>)> then) {
  thread_.add([this, text = std::move(text), then = std::move(then)] {
    auto hits = std::make_shared<std::vector<SearchHit>>();
    attempt([&](ChatStore& store) { *hits = store.search(text, kMostHits); });
    post_([hits, then] { then(std::move(*hits)); });
  });
}

void StoreWorker::change(std::function<void(ChatStore&)> change, Then then) {
  thread_.add([this, change = std::move(change), then = std::move(then)] {
    const Outcome outcome = attempt(change);
    if (then) post_([outcome, then] { then(outcome); });
  });
}

}  // namespace pumice_chat
