// Where chats are kept: one SQLite file in WAL mode. What a call has changed is on the disk when it returns.
//
// A file that is damaged is set aside, whole, and what can be read of it is copied into a new one. Where nothing can be
// written, chats are kept in memory alone, and the report says so. Thread rule: one thread at a time; it waits for the
// disk, so not the window's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "chat/core/database.h"
#include "chat/core/types.h"

namespace pumice_chat {

struct OpenReport {
  enum class Kind {
    kNew,
    kOpened,
    kRestored,  // it was damaged: `aside` is where it lies now
    kReadOnly,  // what is there is shown, and nothing is kept
    kMemory,    // nothing is kept
  };
  Kind kind = Kind::kNew;
  StoreTrouble trouble = StoreTrouble::kNone;
  std::string path, aside, reason;
  std::size_t chats = 0, messages = 0;  // that were restored
};

struct SearchHit {
  Id chat = 0, message = 0;
  std::string title, snippet;
};

class ChatStore {
 public:
  // Does not fail: see the report.
  static std::unique_ptr<ChatStore> open(const std::string& path, OpenReport* report);

  const std::string& path() const { return path_; }
  std::vector<ChatInfo> chats();
  std::vector<Message> messages(Id chat);
  // The highest that were ever given.
  Id last_chat();
  Id last_message();

  // All throw StoreError, and change nothing then.
  void put_chat(const ChatInfo& chat);  // new or changed
  void delete_chat(Id chat);
  // The one that is shown of those with its parent; the chat's time becomes the message's.
  void add_message(const Message& message);
  void update_message(const Message& message);  // state, texts and figures
  void put_message(const Message& message);     // the same, whether it is there or not
  void activate(const Message& message);
  void delete_message(Id chat, Id message, Id shown);  // with what follows; shown: in its place, or 0
  // A whole chat at once.
  void import_chat(const ChatInfo& chat, const std::vector<Message>& messages);

  // In titles and in what was said, the newest first.
  std::vector<SearchHit> search(const std::string& text, std::size_t most);

 private:
  ChatStore(std::string path, std::unique_ptr<Database> database);
  void insert(const Message& message);
  void mark_interrupted();

  std::string path_;
  std::unique_ptr<Database> database_;
};

}  // namespace pumice_chat
