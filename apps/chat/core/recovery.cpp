#include "chat/core/recovery.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <vector>

#include "chat/core/types.h"

namespace pumice_chat {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kMostProbes = 2'000'000;

struct Table {
  const char* read;   // with "?1" for an id, and a condition and an order behind it
  const char* write;  // with the columns' values
  int columns;        // the first one is the id
  int integers;       // bits: which are numbers
};

constexpr Table kChats = {
    .read = "SELECT id, title, folder, pinned, created, updated, settings FROM chats NOT INDEXED",
    .write =
        "INSERT OR IGNORE INTO chats (id, title, folder, pinned, created, updated, settings) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    .columns = 7,
    .integers = 0b0111001,
};
constexpr Table kMessages = {
    .read =
        "SELECT id, chat, parent, role, state, active, created, content, reasoning, extra FROM messages "
        "NOT INDEXED",
    .write =
        "INSERT OR IGNORE INTO messages (id, chat, parent, role, state, active, created, content, reasoning, "
        "extra) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    .columns = 10,
    .integers = 0b0001111111,
};

class Copier {
 public:
  Copier(const Database& from, Database& to, const Table& table)
      : from_(from), table_(table), write_(to.prepare(table.write)) {}

  std::size_t copy() {
    const std::int64_t up = read_on(" WHERE id > ?1 ORDER BY id", INT64_MIN, true);
    if (!damaged_) return count_;
    const std::int64_t down = read_on(" WHERE id < ?1 ORDER BY id DESC", INT64_MAX, false);
    // Between the two each one by itself.
    for (std::int64_t id = std::max<std::int64_t>(up, 0) + 1, probes = 0; id < down && probes < kMostProbes;
         ++id, ++probes)
      read_one(id);
    return count_;
  }

 private:
  // The last id that was read before an error or the end.
  std::int64_t read_on(const char* condition, std::int64_t from, bool) {
    std::int64_t last = from;
    try {
      Statement rows = from_.prepare(std::string(table_.read) + condition);
      rows.bind(1, from);
      while (rows.step()) {
        last = rows.integer(0);
        keep(rows);
      }
    } catch (const StoreError& error) {
      if (error.trouble() == StoreTrouble::kFull || error.trouble() == StoreTrouble::kReadOnly) throw;
      damaged_ = true;
    }
    return last;
  }

  void read_one(std::int64_t id) {
    try {
      Statement row = from_.prepare(std::string(table_.read) + " WHERE id = ?1");
      row.bind(1, id);
      if (row.step()) keep(row);
    } catch (const StoreError& error) {
      if (error.trouble() == StoreTrouble::kFull || error.trouble() == StoreTrouble::kReadOnly) throw;
    }
  }

  void keep(const Statement& row) {
    for (int i = 0; i < table_.columns; ++i) {
      if ((table_.integers >> i & 1) != 0)
        write_.bind(i + 1, row.integer(i));
      else
        write_.bind(i + 1, row.text(i));
    }
    write_.run();
    ++count_;
  }

  const Database& from_;
  const Table& table_;
  Statement write_;
  std::size_t count_ = 0;
  bool damaged_ = false;
};

// Messages whose chat is lost get one, so that they are seen.
void adopt_orphans(Database& to) {
  to.run(
      "INSERT INTO chats (id, title, created, updated) SELECT chat, 'Restored chat', min(created), max(created) FROM "
      "messages WHERE chat NOT IN (SELECT id FROM chats) GROUP BY chat");
}

std::string free_name(const std::string& path) {
  std::error_code ignored;
  for (int i = 1;; ++i) {
    const std::string name = path + ".damaged-" + std::to_string(i);
    if (!fs::exists(name, ignored)) return name;
  }
}

}  // namespace

void copy_readable(const std::string& path, Database& to, OpenReport* report) {
  std::optional<Database> from;
  // Of a folder that cannot be written in, SQLite reads no file with a journal unless it is told that nobody writes.
  for (const std::string& name : {path, "file:" + path + "?immutable=1"}) {
    try {
      from.emplace(name, Database::Mode::kRead);
      from->run("PRAGMA writable_schema = ON");  // without it SQLite reads nothing of a file that was cut
      from->number("SELECT count(*) FROM sqlite_schema");
      break;
    } catch (const StoreError&) {
      from.reset();
    }
  }
  if (!from) return;
  Transaction transaction(to);
  report->chats = Copier(*from, to, kChats).copy();
  report->messages = Copier(*from, to, kMessages).copy();
  adopt_orphans(to);
  transaction.commit();
}

std::unique_ptr<Database> restore(const std::string& path,
                                  const std::function<std::unique_ptr<Database>(const std::string&)>& open_file,
                                  OpenReport* report) {
  const std::string aside = free_name(path), fresh = path + kRestoredEnding;
  std::error_code failed;
  for (const char* ending : {"", "-wal", "-shm"}) fs::remove(fresh + ending, failed);
  {
    const std::unique_ptr<Database> to = open_file(fresh);
    copy_readable(path, *to, report);
    to->run("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;");
  }
  // The new one is whole on the disk before the old one loses its name.
  for (const char* ending : {"", "-wal", "-shm"}) {
    if (!fs::exists(path + ending, failed)) continue;
    fs::rename(path + ending, aside + ending, failed);
    if (failed) throw StoreError(StoreTrouble::kReadOnly, failed.message());
  }
  fs::rename(fresh, path, failed);
  if (failed) throw StoreError(StoreTrouble::kReadOnly, failed.message());
  report->aside = aside;
  return open_file(path);
}

}  // namespace pumice_chat
