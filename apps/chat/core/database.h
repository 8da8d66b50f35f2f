// SQLite: a file, its statements, and what goes wrong with it as an exception that says what kind it is.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace pumice_chat {

enum class StoreTrouble {
  kNone = 0,
  kFull,      // the disk
  kReadOnly,  // the file or its folder, or it cannot be opened
  kDamaged,   // the file is no database, or not whole
  kNewer,     // a later version of the program has written it
  kBusy,      // another program has it
  kOther,
};

class StoreError : public std::runtime_error {
 public:
  StoreError(StoreTrouble trouble, const std::string& what) : std::runtime_error(what), trouble_(trouble) {}
  StoreTrouble trouble() const { return trouble_; }

 private:
  StoreTrouble trouble_;
};

class Statement {
 public:
  Statement(sqlite3* database, std::string_view sql);
  // From 1.
  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::string_view text);
  // False: there are no more rows.
  bool step();
  void run();  // to its end; it may be bound and run anew
  std::int64_t integer(int column) const;
  std::string text(int column) const;

 private:
  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> handle_;
};

class Database {
 public:
  enum class Mode { kWrite, kRead, kMemory };
  Database(const std::string& path, Mode mode);

  void run(std::string_view sql);  // one or more statements without values
  Statement prepare(std::string_view sql) const { return {handle_.get(), sql}; }
  std::int64_t number(std::string_view sql) const;  // of a statement with one value
  int changes() const;

 private:
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> handle_;
};

// Until commit() its changes are undone at its end.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) { database_.run("BEGIN IMMEDIATE"); }
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() {
    database_.run("COMMIT");
    done_ = true;
  }

 private:
  Database& database_;
  bool done_ = false;
};

}  // namespace pumice_chat
