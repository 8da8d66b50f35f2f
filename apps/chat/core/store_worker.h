// The store on a thread of its own. What a call has come to is posted back. Thread rule: one thread, to which `post`
// posts; its callbacks come there.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chat/core/chat_store.h"
#include "chat/core/task_thread.h"

namespace pumice_chat {

struct Loaded {
  std::vector<ChatInfo> chats;
  Id last_chat = 0, last_message = 0;
};

class StoreWorker {
 public:
  // What has become of a change.
  struct Outcome {
    StoreTrouble trouble = StoreTrouble::kNone;
    std::string reason;
    bool ok() const { return trouble == StoreTrouble::kNone; }
  };
  using Then = std::function<void(const Outcome&)>;
  // Opened, and whenever a damaged file was restored while the program ran: all is to be read anew.
  using OnOpen = std::function<void(const OpenReport&, Loaded)>;

  StoreWorker(std::string path, Post post, OnOpen on_open);

  void read(Id chat, std::function<void(std::vector<Message>, const Outcome&)> then);
  void search(std::string text, std::function<void(std::vector<SearchHit>)> then);
  // In the order of the calls.
  void change(std::function<void(ChatStore&)> change, Then then);

 private:
  void open();
  Outcome attempt(const std::function<void(ChatStore&)>& change);

  std::string path_;
  Post post_;
  OnOpen on_open_;
  std::unique_ptr<ChatStore> store_;  // the thread's
  TaskThread thread_;
};

}  // namespace pumice_chat
