#include "chat/core/controller.h"

#include <algorithm>
#include <utility>

#include "chat/core/exchange.h"

namespace pumice_chat {

Controller::Controller(const std::string& database, Post post, ControllerListener* listener)
    : listener_(listener),
      store_(database, post, [this](const OpenReport& report, Loaded loaded) { opened(report, std::move(loaded)); }),
      engine_(post, this) {}

// What runs is stored as far as it has come; the store's thread does it before it ends.
Controller::~Controller() {
  for (auto& [id, running] : running_)
    if (Message* reply = message(running.chat, id)) {
      reply->state = State::kInterrupted;
      store_reply(running.chat, id);
    }
}

void Controller::opened(const OpenReport& report, Loaded loaded) {
  chats_ = std::move(loaded.chats);
  last_chat_ = std::max(last_chat_, loaded.last_chat);
  last_message_ = std::max(last_message_, loaded.last_message);
  ready_ = true;
  listener_->on_store_opened(report);
  listener_->on_chats();
}

const ChatInfo* Controller::chat(Id id) const {
  if (unstored_ && unstored_->id == id) return &*unstored_;
  const auto at = std::find_if(chats_.begin(), chats_.end(), [&](const ChatInfo& chat) { return chat.id == id; });
  return at == chats_.end() ? nullptr : &*at;
}

ChatInfo* Controller::info(Id id) { return const_cast<ChatInfo*>(std::as_const(*this).chat(id)); }

Message* Controller::message(Id chat, Id id) {
  const auto at = trees_.find(chat);
  return at == trees_.end() ? nullptr : at->second.find(id);
}

bool Controller::shown(Id chat, Id id) {
  if (chat != open_) return false;
  const std::vector<Id> path = trees_[chat].path();
  return std::find(path.begin(), path.end(), id) != path.end();
}

bool Controller::needed(Id chat) const {
  return chat == open_ || any_runs(chat) || sending_.contains(chat) ||
         std::any_of(unsaved_.begin(), unsaved_.end(), [&](const auto& entry) { return entry.second == chat; });
}

void Controller::tell(const StoreWorker::Outcome& outcome) {
  if (outcome.ok() && !trouble_) return;
  if (outcome.ok() && !unsaved_.empty()) return;
  trouble_ = !outcome.ok();
  listener_->on_store_trouble(outcome);
}

void Controller::sort_chats() {
  std::stable_sort(chats_.begin(), chats_.end(), [](const ChatInfo& a, const ChatInfo& b) {
    return a.pinned != b.pinned ? a.pinned : a.updated_ms > b.updated_ms;
  });
}

void Controller::touch(Id chat) {
  if (ChatInfo* at = info(chat)) at->updated_ms = now_ms();
  sort_chats();
  listener_->on_chats();
}

void Controller::keep_chat(const ChatInfo& chat) {
  store_.change([chat](ChatStore& store) { store.put_chat(chat); },
                [this](const StoreWorker::Outcome& outcome) { tell(outcome); });
}

// ---- Chats ----

void Controller::new_chat(const std::string& folder) {
  ChatInfo chat;
  chat.id = ++last_chat_;
  chat.folder = folder;
  chat.created_ms = chat.updated_ms = now_ms();
  if (const ChatInfo* before = this->chat(open_)) chat.settings = before->settings;
  chat.settings.system.clear();
  chat.settings.schema.clear();
  unstored_ = chat;
  open_ = wanted_ = chat.id;
  trees_[chat.id] = ChatTree();
  listener_->on_shown();
}

void Controller::open(Id chat, Id message) {
  if (!this->chat(chat)) return;
  wanted_ = chat;
  const auto show = [this, chat, message] {
    open_ = chat;
    for (const Id id : trees_[chat].path_to(message)) trees_[chat].activate(id);
    listener_->on_shown();
  };
  // Trees of other chats are dropped where nothing runs: they are read anew.
  std::erase_if(trees_, [&](const auto& entry) { return entry.first != chat && !needed(entry.first); });
  if (trees_.contains(chat)) return show();
  store_.read(chat, [this, chat, show](std::vector<Message> messages, const StoreWorker::Outcome& outcome) {
    tell(outcome);
    if (wanted_ != chat || trees_.contains(chat)) return;
    trees_[chat] = ChatTree(std::move(messages));
    show();
  });
}

void Controller::rename(Id chat, const std::string& title) {
  ChatInfo* at = info(chat);
  if (!at) return;
  at->title = title;
  if (!unstored_ || unstored_->id != chat) keep_chat(*at);
  listener_->on_chats();
}

void Controller::set_folder(Id chat, const std::string& folder) {
  ChatInfo* at = info(chat);
  if (!at) return;
  at->folder = folder;
  if (!unstored_ || unstored_->id != chat) keep_chat(*at);
  listener_->on_chats();
}

void Controller::set_pinned(Id chat, bool pinned) {
  ChatInfo* at = info(chat);
  if (!at) return;
  at->pinned = pinned;
  if (!unstored_ || unstored_->id != chat) keep_chat(*at);
  sort_chats();
  listener_->on_chats();
}

void Controller::set_settings(Id chat, const ChatSettings& settings) {
  ChatInfo* at = info(chat);
  if (!at) return;
  at->settings = settings;
  if (!unstored_ || unstored_->id != chat) keep_chat(*at);
}

void Controller::remove_chat(Id chat) {
  for (const auto& [id, running] : running_)
    if (running.chat == chat) engine_.stop(id);
  std::erase_if(running_, [&](const auto& entry) { return entry.second.chat == chat; });
  std::erase_if(waiting_, [&](const ReplyOrder& order) { return order.chat == chat; });
  std::erase_if(unsaved_, [&](const auto& entry) { return entry.second == chat; });
  engine_.forget(chat);
  trees_.erase(chat);
  store_.change([chat](ChatStore& store) { store.delete_chat(chat); },
                [this](const StoreWorker::Outcome& outcome) { tell(outcome); });
  std::erase_if(chats_, [&](const ChatInfo& one) { return one.id == chat; });
  if (unstored_ && unstored_->id == chat) unstored_.reset();
  listener_->on_chats();
  if (open_ != chat) return;
  open_ = 0;
  if (chats_.empty())
    new_chat();
  else
    open(chats_.front().id);
}

void Controller::search(const std::string& text, std::function<void(std::vector<SearchHit>)> then) {
  store_.search(text, std::move(then));
}

std::string Controller::as_markdown(Id chat) {
  const ChatInfo* at = this->chat(chat);
  const auto tree = trees_.find(chat);
  return at && tree != trees_.end() ? to_markdown(*at, tree->second) : std::string();
}

std::string Controller::as_json(Id chat) {
  const ChatInfo* at = this->chat(chat);
  const auto tree = trees_.find(chat);
  return at && tree != trees_.end() ? to_exchange(*at, tree->second) : std::string();
}

bool Controller::import(const std::string& json) {
  std::optional<Exchanged> read = from_exchange(json);
  if (!read) return false;
  insert_copy(std::move(read->chat), std::move(read->messages));
  return true;
}

// With new ids, in the order of the old ones.
void Controller::insert_copy(ChatInfo chat, std::vector<Message> messages) {
  chat.id = ++last_chat_;
  chat.updated_ms = now_ms();
  std::sort(messages.begin(), messages.end(), [](const Message& a, const Message& b) { return a.id < b.id; });
  std::map<Id, Id> renamed;
  for (Message& message : messages) {
    const Id old = message.id;
    message.id = ++last_message_;
    message.chat = chat.id;
    const auto parent = renamed.find(message.parent);
    message.parent = parent == renamed.end() ? 0 : parent->second;
    if (message.state == State::kStreaming) message.state = State::kInterrupted;
    renamed[old] = message.id;
  }
  store_.change([chat, messages](ChatStore& store) { store.import_chat(chat, messages); },
                [this, chat](const StoreWorker::Outcome& outcome) {
                  tell(outcome);
                  if (!outcome.ok()) return;
                  chats_.push_back(chat);
                  sort_chats();
                  listener_->on_chats();
                  open(chat.id);
                });
}

// ---- Model ----

void Controller::load(const LoadOrder& order) {
  model_state_ = ModelState::kLoading;
  model_.path = order.path;
  load_fraction_ = 0;
  model_problem_.clear();
  engine_.load(order);
  listener_->on_model();
}

void Controller::on_devices(const std::vector<DeviceFacts>& devices) {
  devices_ = devices;
  listener_->on_devices();
}

void Controller::on_load_progress(double fraction, bool warming) {
  load_fraction_ = warming ? 0.5 + fraction / 2 : fraction / 2;
  listener_->on_model();
}

void Controller::on_loaded(const ModelFacts& facts) {
  model_ = facts;
  model_state_ = ModelState::kLoaded;
  listener_->on_model();
  for (ReplyOrder& order : std::exchange(waiting_, {})) {
    if (Message* reply = message(order.chat, order.ticket)) reply->model = facts.name;
    engine_.reply(std::move(order));
  }
}

void Controller::on_load_failed(const std::string&, bool cancelled, const std::string& reason) {
  model_state_ = cancelled ? ModelState::kNone : ModelState::kFailed;
  model_problem_ = reason;
  listener_->on_model();
  for (const ReplyOrder& order : std::exchange(waiting_, {})) {
    ReplyEnd end;
    end.ticket = order.ticket;
    end.state = State::kFailed;
    end.problem = reason;
    on_end(end);
  }
}

}  // namespace pumice_chat
