// A program without a window that converses at random until it is killed, and says what must be there then.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>

#include "chat/core/controller.h"

namespace pumice::test {

// A thread that tasks are posted to, without Qt.
class Loop {
 public:
  pumice_chat::Post post();
  // Until it holds; false: so many seconds have passed.
  bool run_until(const std::function<bool()>& holds, double seconds = 120);

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<pumice_chat::Task> tasks_;
};

class QuietListener : public pumice_chat::ControllerListener {
 public:
  void on_store_opened(const pumice_chat::OpenReport& report) override { opened = report; }
  void on_store_trouble(const pumice_chat::StoreWorker::Outcome& outcome) override { trouble = outcome; }
  void on_chats() override {}
  void on_shown() override {}
  void on_added(pumice_chat::Id) override {}
  void on_grown(pumice_chat::Id) override {}
  void on_not_sent(const std::string& text, const std::vector<pumice_chat::Attachment>&,
                   const pumice_chat::StoreWorker::Outcome&) override {
    not_sent = text;
  }
  void on_devices() override {}
  void on_model() override {}

  pumice_chat::OpenReport opened;
  pumice_chat::StoreWorker::Outcome trouble;
  std::string not_sent;
};

int be_a_victim(const std::string& database, unsigned seed);

}  // namespace pumice::test
