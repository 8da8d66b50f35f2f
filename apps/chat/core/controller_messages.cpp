// Controller: messages and replies.
#include <algorithm>
#include <utility>

#include "chat/core/controller.h"
#include "chat/core/exchange.h"

namespace pumice_chat {

namespace {

constexpr std::chrono::milliseconds kStorePause{250};
}  // namespace

Message Controller::made(Id chat, Id parent, Role role, std::string content) {
  Message message;
  message.id = ++last_message_;
  message.chat = chat;
  message.parent = parent;
  message.role = role;
  message.created_ms = now_ms();
  message.content = std::move(content);
  return message;
}

void Controller::send(const std::string& text, std::vector<Attachment> attachments) {
  if (open_ == 0) new_chat();
  const std::vector<Id> path = tree().path();
  Message question = made(open_, path.empty() ? 0 : path.back(), Role::kUser, text);
  question.attachments = std::move(attachments);
  add_question(std::move(question), unstored_ && unstored_->id == open_);
}

bool Controller::may_send() {
  if (sending_.contains(open_)) return false;
  const std::vector<Id> path = tree().path();
  return path.empty() || !runs(path.back());
}

// The end of what is shown, or a branch beside something.
void Controller::show_new(Id chat, Id id, bool only_child) {
  if (chat != open_) return;
  const std::vector<Id> path = tree().path();
  if (only_child && !path.empty() && path.back() == id)
    listener_->on_added(id);
  else
    listener_->on_shown();
}

// Shown and answered once it is stored.
void Controller::add_question(Message question, bool fresh_chat) {
  std::optional<ChatInfo> fresh;
  if (fresh_chat) {
    if (unstored_->title.empty()) unstored_->title = title_from(question.content);
    fresh = *unstored_;
  }
  sending_.insert(question.chat);
  store_.change(
      [question, fresh](ChatStore& store) {
        if (fresh) store.put_chat(*fresh);
        store.add_message(question);
      },
      [this, question, fresh](const StoreWorker::Outcome& outcome) {
        sending_.erase(sending_.find(question.chat));
        tell(outcome);
        if (!outcome.ok()) return listener_->on_not_sent(question.content, question.attachments, outcome);
        if (fresh && unstored_ && unstored_->id == fresh->id) {
          chats_.push_back(*unstored_);
          unstored_.reset();
        }
        const auto tree = trees_.find(question.chat);
        if (tree == trees_.end() || !chat(question.chat)) return;  // it was deleted meanwhile
        const bool last = question.parent == 0 ? tree->second.empty() : tree->second.children(question.parent).empty();
        tree->second.add(question);
        touch(question.chat);
        show_new(question.chat, question.id, last);
        begin_reply(question.chat, question.id);
      });
}

ReplyOrder Controller::order_for(Id chat, Id last) const {
  ReplyOrder order;
  order.chat = chat;
  if (const ChatInfo* at = this->chat(chat)) order.settings = at->settings;
  const auto tree = trees_.find(chat);
  if (tree == trees_.end()) return order;
  for (const Id id : tree->second.path_to(last)) order.messages.push_back(*tree->second.find(id));
  return order;
}

void Controller::begin_reply(Id chat, Id parent) {
  Message reply = made(chat, parent, Role::kAssistant, {});
  reply.state = State::kStreaming;
  reply.model = model_.name;
  ReplyOrder order = order_for(chat, parent);
  order.ticket = reply.id;
  const bool last = trees_[chat].children(parent).empty();
  trees_[chat].add(reply);
  running_[reply.id].chat = chat;
  store_.change([reply](ChatStore& store) { store.add_message(reply); },
                [this, chat, id = reply.id](const StoreWorker::Outcome& outcome) {
                  if (!outcome.ok()) unsaved_[id] = chat;
                  tell(outcome);
                });
  show_new(chat, reply.id, last);
  start(std::move(order));
}

void Controller::start(ReplyOrder order) {
  if (model_state_ == ModelState::kLoaded)
    engine_.reply(std::move(order));
  else if (model_state_ == ModelState::kLoading)
    waiting_.push_back(std::move(order));
  else
    on_end({.ticket = order.ticket, .state = State::kFailed, .problem = "no model is loaded", .figures = {}});
}

void Controller::regenerate(Id id) {
  const Message* at = message(open_, id);
  if (!at) return;
  if (at->role == Role::kAssistant && runs(id)) stop(id);
  begin_reply(open_, at->role == Role::kUser ? id : at->parent);
}

void Controller::edit(Id id, const std::string& text) {
  const Message* at = message(open_, id);
  if (!at) return;
  Message changed = made(open_, at->parent, at->role, text);
  changed.attachments = at->attachments;
  if (at->role == Role::kUser) return add_question(std::move(changed), false);
  changed.model = at->model;
  store_.change([changed](ChatStore& store) { store.add_message(changed); },
                [this, changed](const StoreWorker::Outcome& outcome) {
                  tell(outcome);
                  if (!outcome.ok() || !trees_.contains(changed.chat)) return;
                  trees_[changed.chat].add(changed);
                  if (changed.chat == open_) listener_->on_shown();
                });
}

void Controller::switch_to(Id id) {
  if (!tree().activate(id)) return;
  const Message shown = *tree().find(id);
  listener_->on_shown();
  store_.change([shown](ChatStore& store) { store.activate(shown); },
                [this](const StoreWorker::Outcome& outcome) { tell(outcome); });
}

void Controller::remove(Id id) {
  if (!message(open_, id)) return;
  for (const auto& [ticket, running] : running_) {
    const std::vector<Id> path = trees_[running.chat].path_to(ticket);
    if (std::find(path.begin(), path.end(), id) != path.end()) engine_.stop(ticket);
  }
  const Id chat = open_, shown = tree().remove(id);
  std::erase_if(running_, [&](const auto& entry) { return !message(entry.second.chat, entry.first); });
  std::erase_if(unsaved_, [&](const auto& entry) { return !message(entry.second, entry.first); });
  listener_->on_shown();
  store_.change([chat, id, shown](ChatStore& store) { store.delete_message(chat, id, shown); },
                [this](const StoreWorker::Outcome& outcome) { tell(outcome); });
}

void Controller::branch_to_new_chat(Id id) {
  const ChatInfo* from = chat(open_);
  if (!from || !message(open_, id)) return;
  ChatInfo copy = *from;
  copy.created_ms = now_ms();
  copy.pinned = false;
  copy.title = from->title + " ⑂";
  std::vector<Message> messages;
  for (const Id one : tree().path_to(id)) {
    messages.push_back(*tree().find(one));
    messages.back().active = true;
  }
  insert_copy(std::move(copy), std::move(messages));
}

void Controller::stop(Id id) {
  engine_.stop(id);
  const auto waits =
      std::find_if(waiting_.begin(), waiting_.end(), [&](const ReplyOrder& order) { return order.ticket == id; });
  if (waits == waiting_.end()) return;
  waiting_.erase(waits);
  on_end({.ticket = id, .state = State::kStopped, .problem = {}, .figures = {}});
}

void Controller::stop_all() {
  std::vector<Id> all;
  for (const auto& [id, running] : running_)
    if (running.chat == open_) all.push_back(id);
  for (const Id id : all) stop(id);
}

bool Controller::any_runs(Id chat) const {
  return std::any_of(running_.begin(), running_.end(), [&](const auto& entry) { return entry.second.chat == chat; });
}

const ReplyNews* Controller::progress(Id id) const {
  const auto at = running_.find(id);
  return at == running_.end() ? nullptr : &at->second.last;
}

void Controller::plan(const std::string& text, Id parent, std::function<void(Plan)> then) {
  if (open_ == 0 || !trees_.contains(open_)) return then({});
  const std::vector<Id> path = tree().path();
  ReplyOrder order = order_for(open_, parent != 0 ? parent : path.empty() ? 0 : path.back());
  Message question;
  question.content = text;
  if (!text.empty()) order.messages.push_back(question);
  if (order.messages.empty()) return then({});
  engine_.plan(std::move(order), std::move(then));
}

// ---- Replies that run ----

void Controller::store_reply(Id chat, Id id) {
  const Message* reply = message(chat, id);
  if (!reply) return;
  store_.change([copy = *reply](ChatStore& store) { store.update_message(copy); },
                [this, chat, id](const StoreWorker::Outcome& outcome) {
                  if (const auto at = running_.find(id); at != running_.end()) at->second.storing = false;
                  if (outcome.ok())
                    unsaved_.erase(id);
                  else if (message(chat, id))
                    unsaved_[id] = chat;
                  tell(outcome);
                });
}

void Controller::retry_unsaved() {
  for (const auto& [id, chat] : unsaved_) {
    const Message* reply = message(chat, id);
    if (!reply) continue;
    store_.change([copy = *reply](ChatStore& store) { store.put_message(copy); },
                  [this, id = id](const StoreWorker::Outcome& outcome) {
                    if (outcome.ok()) unsaved_.erase(id);
                    tell(outcome);
                  });
  }
}

void Controller::on_news(const ReplyNews& news) {
  const auto at = running_.find(news.ticket);
  if (at == running_.end()) return;
  Running& running = at->second;
  running.last = news;
  Message* reply = message(running.chat, news.ticket);
  if (!reply) return;
  const bool grew = !news.content.empty() || !news.reasoning.empty();
  reply->content += news.content;
  reply->reasoning += news.reasoning;
  reply->figures.tokens = news.tokens;
  running.dirty = running.dirty || grew;
  // One at a time: where the disk is slow, the next one takes all that has come meanwhile.
  if (running.dirty && !running.storing && Clock::now() - running.stored >= kStorePause) {
    running.stored = Clock::now();
    running.dirty = false;
    running.storing = true;
    store_reply(running.chat, news.ticket);
  }
  if (shown(running.chat, news.ticket)) listener_->on_grown(news.ticket);
}

void Controller::on_end(const ReplyEnd& end) {
  const auto at = running_.find(end.ticket);
  if (at == running_.end()) return;
  const Id chat = at->second.chat;
  running_.erase(at);
  Message* reply = message(chat, end.ticket);
  if (!reply) return;
  reply->state = end.state;
  reply->problem = end.problem;
  if (end.figures.prompt_tokens > 0) reply->figures = end.figures;
  store_reply(chat, end.ticket);
  touch(chat);
  if (shown(chat, end.ticket)) listener_->on_grown(end.ticket);
}

}  // namespace pumice_chat
