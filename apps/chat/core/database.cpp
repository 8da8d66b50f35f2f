#include "chat/core/database.h"

#include <sqlite3.h>

#include <string>

namespace pumice_chat {

namespace {

StoreTrouble trouble_of(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return StoreTrouble::kFull;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return StoreTrouble::kReadOnly;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return StoreTrouble::kDamaged;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return StoreTrouble::kBusy;
    case SQLITE_IOERR:
      // What a write fails with where a file system has no room for it is not always SQLITE_FULL.
      return code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE || code == SQLITE_IOERR_FSYNC
                 ? StoreTrouble::kFull
                 : StoreTrouble::kOther;
    default:
      return StoreTrouble::kOther;
  }
}

[[noreturn]] void fail(sqlite3* database, int code) {
  const int extended = database ? sqlite3_extended_errcode(database) : code;
  throw StoreError(trouble_of((extended & 0xff) == (code & 0xff) ? extended : code),
                   database ? sqlite3_errmsg(database) : sqlite3_errstr(code));
}

}  // namespace

Statement::Statement(sqlite3* database, std::string_view sql)
    : database_(database), handle_(nullptr, sqlite3_finalize) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  handle_.reset(statement);
  if (code != SQLITE_OK) fail(database, code);
}

Statement& Statement::bind(int index, std::int64_t value) {
  if (const int code = sqlite3_bind_int64(handle_.get(), index, value); code != SQLITE_OK) fail(database_, code);
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  static constexpr char kNothing = 0;
  const int code = sqlite3_bind_text64(handle_.get(), index, text.empty() ? &kNothing : text.data(), text.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) fail(database_, code);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3_reset(handle_.get());
  fail(database_, code);
}

void Statement::run() {
  while (step()) {
  }
  sqlite3_reset(handle_.get());
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
  const int length = sqlite3_column_bytes(handle_.get(), column);
  return bytes ? std::string(bytes, static_cast<std::size_t>(length)) : std::string();
}

Database::Database(const std::string& path, Mode mode) : handle_(nullptr, sqlite3_close_v2) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (path.starts_with("file:")) flags |= SQLITE_OPEN_URI;
  flags |= mode == Mode::kRead ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(mode == Mode::kMemory ? ":memory:" : path.c_str(), &database, flags, nullptr);
  handle_.reset(database);
  if (code != SQLITE_OK) fail(database, code);
  sqlite3_busy_timeout(database, 2000);
}

void Database::run(std::string_view sql) {
  const std::string text(sql);
  const int code = sqlite3_exec(handle_.get(), text.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(handle_.get(), code);
}

std::int64_t Database::number(std::string_view sql) const {
  Statement statement = prepare(sql);
  return statement.step() ? statement.integer(0) : 0;
}

int Database::changes() const { return sqlite3_changes(handle_.get()); }

Transaction::~Transaction() {
  if (done_) return;
  try {
    database_.run("ROLLBACK");
  } catch (const StoreError&) {  // SQLite has done so itself
  }
}

}  // namespace pumice_chat
