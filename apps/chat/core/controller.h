// What the window shows and does, without the window: chats, the open one's tree, replies that run, the model.
//
// It waits for nothing: the store and the engine have threads of their own. A message is stored before it is shown as
// sent, a reply that grows at least once a second, and what could not be stored is tried again.
// Thread rule: the thread to which `post` posts.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "chat/core/chat_tree.h"
#include "chat/core/engine_worker.h"
#include "chat/core/store_worker.h"

namespace pumice_chat {

// What changes is told to it. Ids are of messages.
class ControllerListener {
 public:
  virtual ~ControllerListener() = default;
  virtual void on_store_opened(const OpenReport& report) = 0;
  virtual void on_store_trouble(const StoreWorker::Outcome& outcome) = 0;  // of kind kNone: it is over
  virtual void on_chats() = 0;                                             // the list, or something in it
  virtual void on_shown() = 0;                                             // another chat or another branch
  virtual void on_added(Id id) = 0;                                        // at the end of what is shown
  virtual void on_grown(Id id) = 0;  // text, state or figures of a message that is shown
  virtual void on_not_sent(const std::string& text, const std::vector<Attachment>& attachments,
                           const StoreWorker::Outcome& outcome) = 0;
  virtual void on_devices() = 0;
  virtual void on_model() = 0;  // loaded, failed, loading or gone
};

enum class ModelState { kNone, kLoading, kLoaded, kFailed };

class Controller : public EngineListener {
 public:
  Controller(const std::string& database, Post post, ControllerListener* listener);
  ~Controller() override;
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // ---- Chats ----
  const std::vector<ChatInfo>& chats() const { return chats_; }
  const ChatInfo* chat(Id id) const;
  Id open_chat() const { return open_; }
  ChatTree& tree() { return trees_[open_]; }
  void new_chat(const std::string& folder = {});  // it is stored with its first message
  void open(Id chat, Id message = 0);             // message: shown, whatever branch it is on
  void rename(Id chat, const std::string& title);
  void set_folder(Id chat, const std::string& folder);
  void set_pinned(Id chat, bool pinned);
  void set_settings(Id chat, const ChatSettings& settings);
  void remove_chat(Id chat);
  void search(const std::string& text, std::function<void(std::vector<SearchHit>)> then);
  // "" : there is no such chat, or it is not read yet.
  std::string as_markdown(Id chat);
  std::string as_json(Id chat);
  // False: the text is none that as_json() made.
  bool import(const std::string& json);

  // ---- Messages of the open chat ----
  void send(const std::string& text, std::vector<Attachment> attachments = {});
  void regenerate(Id message);  // another reply beside this one, or to this question
  // A question gets a new reply; a reply is changed as it is.
  void edit(Id message, const std::string& text);
  void switch_to(Id message);
  void remove(Id message);
  void branch_to_new_chat(Id message);  // what leads to it, and itself
  void stop(Id message);
  void stop_all();
  // False while a message is on its way to the disk, or the last reply is being written.
  bool may_send();
  bool runs(Id message) const { return running_.contains(message); }
  bool any_runs(Id chat) const;
  const ReplyNews* progress(Id message) const;
  // What a reply to the open chat, with this behind it, would cost. parent: the message before; 0: the last one.
  void plan(const std::string& text, Id parent, std::function<void(Plan)> then);
  void retry_unsaved();

  // ---- Model ----
  ModelState model_state() const { return model_state_; }
  const ModelFacts& model() const { return model_; }
  double load_fraction() const { return load_fraction_; }
  const std::string& model_problem() const { return model_problem_; }
  const std::vector<DeviceFacts>& devices() const { return devices_; }
  void load(const LoadOrder& order);
  EngineWorker& engine() { return engine_; }
  bool ready() const { return ready_; }  // the store has been read

  // EngineListener
  void on_devices(const std::vector<DeviceFacts>& devices) override;
  void on_load_progress(double fraction, bool warming) override;
  void on_loaded(const ModelFacts& facts) override;
  void on_load_failed(const std::string& path, bool cancelled, const std::string& reason) override;
  void on_news(const ReplyNews& news) override;
  void on_end(const ReplyEnd& end) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Running {
    Id chat = 0;
    ReplyNews last;
    Clock::time_point stored = Clock::now();
    bool dirty = false, storing = false;
  };

  void opened(const OpenReport& report, Loaded loaded);
  ChatInfo* info(Id chat);
  Message* message(Id chat, Id id);
  bool shown(Id chat, Id id);
  void show_new(Id chat, Id id, bool only_child);
  bool needed(Id chat) const;  // its tree
  void keep_chat(const ChatInfo& chat);
  void touch(Id chat);
  void sort_chats();
  void add_question(Message question, bool fresh_chat);
  void begin_reply(Id chat, Id parent);
  void start(ReplyOrder order);
  void store_reply(Id chat, Id id);
  void tell(const StoreWorker::Outcome& outcome);
  Message made(Id chat, Id parent, Role role, std::string content);
  ReplyOrder order_for(Id chat, Id last) const;
  void insert_copy(ChatInfo chat, std::vector<Message> messages);

  ControllerListener* listener_;
  std::vector<ChatInfo> chats_;
  std::map<Id, ChatTree> trees_;
  std::optional<ChatInfo> unstored_;  // the new chat that nothing has been said in
  std::map<Id, Running> running_;
  std::map<Id, Id> unsaved_;         // messages whose last state could not be stored, with their chats
  std::multiset<Id> sending_;        // chats of questions that are being stored
  std::vector<ReplyOrder> waiting_;  // for a model
  Id open_ = 0, wanted_ = 0, last_chat_ = 0, last_message_ = 0;
  bool ready_ = false, trouble_ = false;
  ModelState model_state_ = ModelState::kNone;
  ModelFacts model_;
  double load_fraction_ = 0;
  std::string model_problem_;
  std::vector<DeviceFacts> devices_;

  // Last: their threads end first.
  StoreWorker store_;
  EngineWorker engine_;
};

}  // namespace pumice_chat
