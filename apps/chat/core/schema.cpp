#include "chat/core/schema.h"

#include <array>
#include <string>

namespace pumice_chat {

namespace {

constexpr const char* kFirst = R"(
CREATE TABLE chats (
  id INTEGER PRIMARY KEY, title TEXT NOT NULL, folder TEXT NOT NULL DEFAULT '', pinned INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, settings TEXT NOT NULL DEFAULT '{}');
CREATE TABLE messages (
  id INTEGER PRIMARY KEY, chat INTEGER NOT NULL, parent INTEGER NOT NULL, role INTEGER NOT NULL,
  state INTEGER NOT NULL, active INTEGER NOT NULL, created INTEGER NOT NULL,
  content TEXT NOT NULL, reasoning TEXT NOT NULL DEFAULT '', extra TEXT NOT NULL DEFAULT '{}');
CREATE INDEX messages_of_chat ON messages (chat, parent);
)";

// Three characters in a row are the words of this index, so that it finds parts of words, and words of scripts that do
// not part them. A reply is in it once it is whole (state 1: it is being written).
constexpr const char* kSearch = R"(
CREATE VIRTUAL TABLE messages_text USING fts5 (content, content = 'messages', content_rowid = 'id',
                                               tokenize = 'trigram');
CREATE TRIGGER text_new AFTER INSERT ON messages WHEN new.state <> 1 BEGIN
  INSERT INTO messages_text (rowid, content) VALUES (new.id, new.content);
END;
CREATE TRIGGER text_gone AFTER DELETE ON messages WHEN old.state <> 1 BEGIN
  INSERT INTO messages_text (messages_text, rowid, content) VALUES ('delete', old.id, old.content);
END;
CREATE TRIGGER text_before AFTER UPDATE OF content, state ON messages WHEN old.state <> 1 BEGIN
  INSERT INTO messages_text (messages_text, rowid, content) VALUES ('delete', old.id, old.content);
END;
CREATE TRIGGER text_after AFTER UPDATE OF content, state ON messages WHEN new.state <> 1 BEGIN
  INSERT INTO messages_text (rowid, content) VALUES (new.id, new.content);
END;
INSERT INTO messages_text (rowid, content) SELECT id, content FROM messages WHERE state <> 1;
)";

constexpr std::array<const char*, kSchemaVersion> kSteps = {kFirst, kSearch};

}  // namespace

void bring_up_to(Database& database, std::int64_t version) {
  const std::int64_t has = database.number("PRAGMA user_version");
  if (has > kSchemaVersion)
    throw StoreError(StoreTrouble::kNewer, "a later version of the program has written this file");
  for (std::int64_t step = has; step < version; ++step) {
    Transaction transaction(database);
    database.run(kSteps[static_cast<std::size_t>(step)]);
    database.run("PRAGMA user_version = " + std::to_string(step + 1));
    transaction.commit();
  }
}

void bring_up_to_date(Database& database) { bring_up_to(database, kSchemaVersion); }

}  // namespace pumice_chat
