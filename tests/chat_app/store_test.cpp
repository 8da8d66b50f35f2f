// The store: what it was given is there, whatever happened to the file meanwhile.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "chat/core/chat_store.h"
#include "chat/core/schema.h"
#include "chat_app/long_run.h"
#include "support/temporary_folder.h"

namespace pumice::test::chat_store {

namespace fs = std::filesystem;
using namespace pumice_chat;

ChatInfo chat(Id id, const std::string& title) {
  ChatInfo made;
  made.id = id;
  made.title = title;
  made.created_ms = made.updated_ms = 1000 * id;
  return made;
}

Message said(Id id, Id of, Id parent, const std::string& text, Role role = Role::kUser) {
  Message made;
  made.id = id;
  made.chat = of;
  made.parent = parent;
  made.role = role;
  made.content = text;
  made.created_ms = id;
  return made;
}

std::string padded(Id id) { return "message " + std::to_string(id) + std::string(400, 'x'); }

// Chats with so many messages each; their texts are long enough for many pages of the file.
void fill(ChatStore& store, Id chats, Id messages, std::string (*text)(Id) = padded) {
  Id id = store.last_message();
  for (Id c = 1; c <= chats; ++c) {
    std::vector<Message> list;
    Id parent = 0;
    for (Id m = 0; m < messages; ++m) {
      ++id;
      list.push_back(said(id, c, parent, text(id)));
      parent = id;
    }
    store.import_chat(chat(c, "chat " + std::to_string(c)), list);
  }
}

std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
}

TEST(ChatStore, KeepsTreesAndSettings) {
  const TemporaryFolder folder;
  const std::string path = folder.file("deep/er/chats.db");
  OpenReport report;
  {
    const auto store = ChatStore::open(path, &report);
    EXPECT_EQ(report.kind, OpenReport::Kind::kNew);
    ChatInfo first = chat(1, "first");
    first.settings.system = "Be brief.";
    first.settings.temperature = 0.25;
    first.settings.seed = 12345678901234ull;
    store->put_chat(first);
    store->add_message(said(1, 1, 0, "q"));
    Message reply = said(2, 1, 1, "a", Role::kAssistant);
    reply.state = State::kStreaming;
    store->add_message(reply);
    store->add_message(said(3, 1, 1, "b", Role::kAssistant));
    reply.content = "a long";
    reply.reasoning = "hm";
    reply.figures.prompt_tokens = 7;
    reply.figures.tokens_per_second = 2.5;
    reply.attachments.push_back({"f.txt", "text", ""});
    store->update_message(reply);
  }
  const auto store = ChatStore::open(path, &report);
  EXPECT_EQ(report.kind, OpenReport::Kind::kOpened);
  ASSERT_EQ(store->chats().size(), 1u);
  EXPECT_EQ(dump(to_json(store->chats()[0].settings)).find("12345678901234") != std::string::npos, true);
  EXPECT_EQ(store->chats()[0].settings.system, "Be brief.");
  const std::vector<Message> list = store->messages(1);
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[1].content, "a long");
  EXPECT_EQ(list[1].reasoning, "hm");
  EXPECT_EQ(list[1].state, State::kInterrupted) << "it was being written when the program ended";
  EXPECT_FALSE(list[1].active);
  EXPECT_TRUE(list[2].active);
  EXPECT_EQ(list[1].figures.tokens_per_second, 2.5);
  ASSERT_EQ(list[1].attachments.size(), 1u);
  EXPECT_EQ(store->search("a long", 9).size(), 1u);
  store->delete_message(1, 2, 0);
  EXPECT_EQ(store->search("a long", 9).size(), 0u);
  store->delete_message(1, 1, 0);
  EXPECT_EQ(store->messages(1).size(), 0u) << "what followed is gone with it";
}

TEST(ChatStore, AFileOfTheFirstVersionBecomesTodays) {
  const TemporaryFolder folder;
  const std::string path = folder.file("chats.db");
  {
    Database old(path, Database::Mode::kWrite);
    bring_up_to(old, 1);
    old.run(
        "INSERT INTO chats (id, title, created, updated) VALUES (1, 't', 1, 1); INSERT INTO messages (id, chat, "
        "parent, role, state, active, created, content) VALUES (1, 1, 0, 0, 0, 1, 1, 'older words')");
  }
  OpenReport report;
  const auto store = ChatStore::open(path, &report);
  EXPECT_EQ(report.kind, OpenReport::Kind::kOpened);
  EXPECT_EQ(store->search("older", 9).size(), 1u);
}

TEST(ChatStore, AFileOfALaterVersionIsLeftAsItIs) {
  const TemporaryFolder folder;
  const std::string path = folder.file("chats.db");
  {
    Database later(path, Database::Mode::kWrite);
    bring_up_to_date(later);
    later.run("PRAGMA user_version = 99");
  }
  const std::string before = read_bytes(path);
  OpenReport report;
  {
    const auto store = ChatStore::open(path, &report);
    store->put_chat(chat(1, "only here"));
  }
  EXPECT_EQ(report.trouble, StoreTrouble::kNewer);
  EXPECT_EQ(read_bytes(path).substr(100), before.substr(100));
}

// What each damage leaves to read.
struct Damage {
  const char* name;
  void (*make)(std::string* bytes);
  std::size_t least_messages;
};

class DamagedStore : public testing::TestWithParam<Damage> {};

TEST_P(DamagedStore, IsKeptAsideAndWhatCanBeReadIsThere) {
  const TemporaryFolder folder;
  const std::string path = folder.file("chats.db");
  OpenReport report;
  fill(*ChatStore::open(path, &report), 10, 100);
  for (const char* ending : {"-wal", "-shm"}) fs::remove(path + ending);
  std::string bytes = read_bytes(path);
  ASSERT_GT(bytes.size(), 400'000u);
  GetParam().make(&bytes);
  write_bytes(path, bytes);
  const auto store = ChatStore::open(path, &report);
  ASSERT_EQ(report.kind, OpenReport::Kind::kRestored) << report.reason;
  EXPECT_EQ(read_bytes(report.aside), bytes) << "it was changed";
  EXPECT_GE(report.messages, GetParam().least_messages);
  std::size_t shown = 0;
  for (const ChatInfo& one : store->chats()) shown += store->messages(one.id).size();
  EXPECT_EQ(shown, report.messages) << "messages without a chat are not seen";
  store->put_chat(chat(77, "new"));
  store->add_message(said(5000, 77, 0, "after"));
  EXPECT_EQ(store->search("after", 9).size(), 1u);
}

void cut_in_half(std::string* bytes) { bytes->resize(bytes->size() / 2); }
void no_database(std::string* bytes) { std::fill(bytes->begin(), bytes->begin() + 4096, 'z'); }
void holes(std::string* bytes) {
  for (std::size_t at = 65'536; at + 4096 < bytes->size(); at += 131'072)
    std::fill_n(bytes->begin() + static_cast<std::ptrdiff_t>(at), 4096, '\xff');
}

INSTANTIATE_TEST_SUITE_P(Ways, DamagedStore,
                         testing::Values(Damage{"Holes", holes, 700}, Damage{"Cut", cut_in_half, 300},
                                         Damage{"NoDatabase", no_database, 0}),
                         [](const auto& way) { return way.param.name; });

TEST(ChatStore, WhatCannotBeWrittenIsSaidAndNothingIsDestroyed) {
  const TemporaryFolder folder;
  const std::string path = folder.file("chats.db");
  OpenReport report;
  fill(*ChatStore::open(path, &report), 2, 10);
  if (getuid() == 0) {
    // Root may write everywhere; a child who is nobody may not.
    chmod(folder.file("").c_str(), 0555);
    chmod(path.c_str(), 0444);
    const pid_t child = fork();
    if (child == 0) {
      if (setuid(65534) != 0) _exit(9);
      const auto store = ChatStore::open(path, &report);
      const bool right = report.kind == OpenReport::Kind::kReadOnly && store->chats().size() == 2 &&
                         store->messages(1).size() == 10 && !report.reason.empty();
      _exit(right ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    chmod(folder.file("").c_str(), 0755);
  }
  const auto nowhere = ChatStore::open("/proc/no/chats.db", &report);
  EXPECT_EQ(report.kind, OpenReport::Kind::kMemory);
  nowhere->put_chat(chat(1, "x"));
  EXPECT_EQ(nowhere->chats().size(), 1u);
}

// The file may not grow, as on a disk without room.
TEST(ChatStore, AFullDiskIsSaidAndWhatWasThereStays) {
  const TemporaryFolder folder;
  const std::string path = folder.file("chats.db");
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    OpenReport report;
    const auto store = ChatStore::open(path, &report);
    fill(*store, 2, 50);
    const rlimit limit = {200'000, 200'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    StoreTrouble trouble = StoreTrouble::kNone;
    Id id = 1000;
    try {
      for (; id < 3000; ++id) store->add_message(said(id, 1, 0, std::string(5000, 'y')));
    } catch (const StoreError& error) {
      trouble = error.trouble();
    }
    std::ofstream(folder.file("said")) << static_cast<int>(trouble) << ' ' << id;
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  int trouble = 0;
  Id failed = 0;
  std::ifstream(folder.file("said")) >> trouble >> failed;
  EXPECT_EQ(static_cast<StoreTrouble>(trouble), StoreTrouble::kFull);
  OpenReport report;
  const auto store = ChatStore::open(path, &report);
  EXPECT_EQ(report.kind, OpenReport::Kind::kOpened);
  EXPECT_EQ(store->messages(1).size(), 50u + static_cast<std::size_t>(failed - 1000));
}

// Words as a tale has them: few are frequent, and each message has some of its own.
std::string prose(Id id) {
  constexpr const char* kWords[] = {"the",   "and",    "of",    "king", "forest", "said",  "to",
                                    "a",     "little", "wolf",  "went", "house",  "night", "golden",
                                    "bread", "away",   "three", "days", "mother", "sword"};
  std::string text = "message " + std::to_string(id);
  std::uint64_t state = static_cast<std::uint64_t>(id) * 2654435761u + 12345;
  for (int i = 0; i < 60; ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    const std::uint64_t a = state >> 40 & 0xff, b = state >> 50 & 0xff;
    text += std::string(" ") + kWords[std::min(a, b) * 20 / 256];
    if (i % 20 == 19) text += " w" + std::to_string(state >> 44);
  }
  return text;
}

double ms_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

TEST(ChatStore, ManyChatsStartAndAreSearched) {
  const TemporaryFolder folder;
  const std::string path = folder.file("chats.db");
  const Id chats = long_run() ? 1000 : 100, messages = 200;
  OpenReport report;
  fill(*ChatStore::open(path, &report), chats, messages, prose);
  const auto start = std::chrono::steady_clock::now();
  const auto store = ChatStore::open(path, &report);
  const std::size_t count = store->chats().size();
  const double opened = ms_since(start);
  EXPECT_EQ(count, static_cast<std::size_t>(chats));
  const auto ask = [&](const char* text) {
    const auto then = std::chrono::steady_clock::now();
    const std::size_t hits = store->search(text, 200).size();
    std::printf("search for \"%s\": %zu hits, %.1f ms\n", text, hits, ms_since(then));
    return hits;
  };
  std::printf("%lld chats of %lld messages: opened in %.1f ms\n", static_cast<long long>(chats),
              static_cast<long long>(messages), opened);
  EXPECT_EQ(ask("message 777"), long_run() ? 111u : 11u);
  EXPECT_EQ(ask("the"), 200u);
  EXPECT_EQ(ask("golden bread"), 200u);
  EXPECT_EQ(ask("zz"), 0u);
  EXPECT_EQ(ask("nothing of this"), 0u);
}

}  // namespace pumice::test::chat_store
