#include "chat/core/chat_store.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "chat/core/recovery.h"
#include "chat/core/schema.h"

namespace pumice_chat {

namespace fs = std::filesystem;

namespace {

// FULL: a commit waits until the disk has it.
constexpr const char* kPragmas =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 500; PRAGMA cache_size = -8000;";
constexpr std::uintmax_t kQuickCheckBytes = 64u << 20;  // what is read within a fraction of a second

std::unique_ptr<Database> open_file(const std::string& path) {
  auto database = std::make_unique<Database>(path, Database::Mode::kWrite);
  database->run(kPragmas);
  bring_up_to_date(*database);
  database->run("BEGIN IMMEDIATE; ROLLBACK;");  // may it be written?
  std::error_code failed;
  const std::uintmax_t bytes = fs::file_size(path, failed);
  if (!failed && bytes < kQuickCheckBytes) {
    Statement check = database->prepare("PRAGMA quick_check(1)");
    if (check.step() && check.text(0) != "ok") throw StoreError(StoreTrouble::kDamaged, check.text(0));
  }
  return database;
}

std::unique_ptr<Database> open_memory() {
  auto database = std::make_unique<Database>("", Database::Mode::kMemory);
  bring_up_to_date(*database);
  return database;
}

// A copy in memory, which may be changed and is kept nowhere.
std::unique_ptr<Database> open_read_only(const std::string& path, OpenReport* report) {
  auto copy = open_memory();
  copy_readable(path, *copy, report);
  return copy;
}

ChatInfo chat_of(const Statement& row) {
  ChatInfo chat;
  chat.id = row.integer(0);
  chat.title = row.text(1);
  chat.folder = row.text(2);
  chat.pinned = row.integer(3) != 0;
  chat.created_ms = row.integer(4);
  chat.updated_ms = row.integer(5);
  chat.settings = settings_of(Json::parse(row.text(6), nullptr, false));
  return chat;
}

std::string escaped_like(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return "%" + escaped + "%";
}

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

ChatStore::ChatStore(std::string path, std::unique_ptr<Database> database)
    : path_(std::move(path)), database_(std::move(database)) {}

std::unique_ptr<ChatStore> ChatStore::open(const std::string& path, OpenReport* report) {
  *report = OpenReport();
  report->path = path;
  std::error_code ignored;
  if (fs::path(path).has_parent_path()) fs::create_directories(fs::path(path).parent_path(), ignored);
  // A restoration that was cut off between its two last steps.
  if (!fs::exists(path, ignored) && fs::exists(path + kRestoredEnding, ignored))
    fs::rename(path + kRestoredEnding, path, ignored);
  const bool there = fs::exists(path, ignored);
  report->kind = there ? OpenReport::Kind::kOpened : OpenReport::Kind::kNew;
  std::unique_ptr<Database> database;
  try {
    database = open_file(path);
  } catch (const StoreError& error) {
    report->trouble = error.trouble();
    report->reason = error.what();
  }
  if (!database && report->trouble == StoreTrouble::kDamaged) {
    try {
      database = restore(path, open_file, report);
      report->kind = OpenReport::Kind::kRestored;
    } catch (const StoreError& error) {
      report->trouble = error.trouble();
      report->reason = error.what();
    }
  }
  if (!database) {
    report->kind = there ? OpenReport::Kind::kReadOnly : OpenReport::Kind::kMemory;
    database = there && report->trouble != StoreTrouble::kNewer ? open_read_only(path, report) : open_memory();
  }
  std::unique_ptr<ChatStore> store(new ChatStore(path, std::move(database)));
  store->mark_interrupted();
  return store;
}

// Replies that were being written when the program ended.
void ChatStore::mark_interrupted() {
  try {
    database_->prepare("UPDATE messages SET state = ?1 WHERE state = 1")
        .bind(1, static_cast<std::int64_t>(State::kInterrupted))
        .run();
  } catch (const StoreError&) {  // they are shown as they are
  }
}

std::vector<ChatInfo> ChatStore::chats() {
  std::vector<ChatInfo> list;
  Statement rows = database_->prepare(
      "SELECT id, title, folder, pinned, created, updated, settings FROM chats ORDER BY pinned DESC, updated DESC, "
      "id DESC");
  while (rows.step()) list.push_back(chat_of(rows));
  return list;
}

std::vector<Message> ChatStore::messages(Id chat) {
  std::vector<Message> list;
  Statement rows = database_->prepare(
      "SELECT id, parent, role, state, active, created, content, reasoning, extra FROM messages WHERE chat = ?1 "
      "ORDER BY id");
  rows.bind(1, chat);
  while (rows.step()) {
    Message message;
    message.id = rows.integer(0);
    message.chat = chat;
    message.parent = rows.integer(1);
    message.role = static_cast<Role>(rows.integer(2));
    message.state = static_cast<State>(rows.integer(3));
    message.active = rows.integer(4) != 0;
    message.created_ms = rows.integer(5);
    message.content = rows.text(6);
    message.reasoning = rows.text(7);
    set_extra(Json::parse(rows.text(8), nullptr, false), &message);
    list.push_back(std::move(message));
  }
  return list;
}

Id ChatStore::last_chat() { return database_->number("SELECT max(id) FROM chats"); }
Id ChatStore::last_message() { return database_->number("SELECT max(id) FROM messages"); }

void ChatStore::put_chat(const ChatInfo& chat) {
  database_
      ->prepare(
          "INSERT INTO chats (id, title, folder, pinned, created, updated, settings) VALUES (?1, ?2, ?3, ?4, ?5, ?6, "
          "?7) ON CONFLICT (id) DO UPDATE SET title = ?2, folder = ?3, pinned = ?4, updated = ?6, settings = ?7")
      .bind(1, chat.id)
      .bind(2, chat.title)
      .bind(3, chat.folder)
      .bind(4, chat.pinned ? 1 : 0)
      .bind(5, chat.created_ms)
      .bind(6, chat.updated_ms)
      .bind(7, dump(to_json(chat.settings)))
      .run();
}

void ChatStore::delete_chat(Id chat) {
  Transaction transaction(*database_);
  database_->prepare("DELETE FROM messages WHERE chat = ?1").bind(1, chat).run();
  database_->prepare("DELETE FROM chats WHERE id = ?1").bind(1, chat).run();
  transaction.commit();
}

void ChatStore::insert(const Message& message) {
  database_
      ->prepare(
          "INSERT INTO messages (id, chat, parent, role, state, active, created, content, reasoning, extra) "
          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")
      .bind(1, message.id)
      .bind(2, message.chat)
      .bind(3, message.parent)
      .bind(4, static_cast<std::int64_t>(message.role))
      .bind(5, static_cast<std::int64_t>(message.state))
      .bind(6, message.active ? 1 : 0)
      .bind(7, message.created_ms)
      .bind(8, message.content)
      .bind(9, message.reasoning)
      .bind(10, dump(extra_of(message)))
      .run();
}

void ChatStore::add_message(const Message& message) {
  Transaction transaction(*database_);
  database_->prepare("UPDATE messages SET active = 0 WHERE chat = ?1 AND parent = ?2 AND active")
      .bind(1, message.chat)
      .bind(2, message.parent)
      .run();
  insert(message);
  database_->prepare("UPDATE chats SET updated = ?2 WHERE id = ?1")
      .bind(1, message.chat)
      .bind(2, message.created_ms)
      .run();
  transaction.commit();
}

void ChatStore::update_message(const Message& message) {
  database_->prepare("UPDATE messages SET state = ?2, content = ?3, reasoning = ?4, extra = ?5 WHERE id = ?1")
      .bind(1, message.id)
      .bind(2, static_cast<std::int64_t>(message.state))
      .bind(3, message.content)
      .bind(4, message.reasoning)
      .bind(5, dump(extra_of(message)))
      .run();
}

void ChatStore::put_message(const Message& message) {
  update_message(message);
  if (database_->changes() == 0) add_message(message);
}

void ChatStore::activate(const Message& message) {
  database_->prepare("UPDATE messages SET active = (id = ?3) WHERE chat = ?1 AND parent = ?2")
      .bind(1, message.chat)
      .bind(2, message.parent)
      .bind(3, message.id)
      .run();
}

void ChatStore::delete_message(Id chat, Id message, Id shown) {
  Transaction transaction(*database_);
  database_
      ->prepare(
          "WITH RECURSIVE gone (id) AS (VALUES (?2) UNION SELECT m.id FROM messages m JOIN gone ON m.parent = gone.id "
          "AND m.chat = ?1) DELETE FROM messages WHERE id IN (SELECT id FROM gone)")
      .bind(1, chat)
      .bind(2, message)
      .run();
  if (shown != 0) database_->prepare("UPDATE messages SET active = 1 WHERE id = ?1").bind(1, shown).run();
  transaction.commit();
}

void ChatStore::import_chat(const ChatInfo& chat, const std::vector<Message>& messages) {
  Transaction transaction(*database_);
  put_chat(chat);
  for (const Message& message : messages) insert(message);
  transaction.commit();
}

std::vector<SearchHit> ChatStore::search(const std::string& text, std::size_t most) {
  std::vector<SearchHit> hits;
  if (text.empty()) return hits;
  const auto take = [&](Statement& rows) {
    while (hits.size() < most && rows.step())
      hits.push_back({rows.integer(0), rows.integer(1), rows.text(2), rows.text(3)});
  };
  Statement titles = database_->prepare(
      "SELECT id, 0, title, '' FROM chats WHERE title LIKE ?1 ESCAPE '\\' ORDER BY updated DESC LIMIT ?2");
  titles.bind(1, escaped_like(text)).bind(2, static_cast<std::int64_t>(most));
  take(titles);
  // The index knows nothing shorter than three characters; those are looked for in all that was said.
  const bool indexed = characters(text) >= 3;
  Statement said = database_->prepare(
      indexed ? "SELECT m.chat, m.id, c.title, snippet(messages_text, 0, '', '', '…', 12) FROM messages_text JOIN "
                "messages m ON m.id = messages_text.rowid JOIN chats c ON c.id = m.chat WHERE messages_text MATCH ?1 "
                "ORDER BY messages_text.rowid DESC LIMIT ?2"
              : "SELECT m.chat, m.id, c.title, substr(m.content, max(1, instr(m.content, ?3) - 20), 60) FROM messages "
                "m JOIN chats c ON c.id = m.chat WHERE m.content LIKE ?1 ESCAPE '\\' ORDER BY m.id DESC LIMIT ?2");
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  said.bind(1, indexed ? quoted + "\"" : escaped_like(text)).bind(2, static_cast<std::int64_t>(most));
  if (!indexed) said.bind(3, text);
  take(said);
  return hits;
}

}  // namespace pumice_chat
