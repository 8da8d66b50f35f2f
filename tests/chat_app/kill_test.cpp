// Killed at any moment, the program has lost nothing that was sent, and of a reply at most what came last.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "chat/core/chat_store.h"
#include "chat_app/long_run.h"
#include "support/temporary_folder.h"

namespace pumice::test::chat_kill {

using namespace pumice_chat;

struct Growth {
  std::size_t bytes = 0;
  long long at = 0;
};

struct Life {
  std::map<Id, std::string> said;
  std::map<Id, std::vector<Growth>> grown;
  long long killed = 0;
  int code = -1;  // where it ended by itself
};

long long now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void hear(const std::string& line, Life* life) {
  std::istringstream words(line);
  std::string what;
  Id id = 0;
  words >> what >> id;
  if (what == "said") {
    std::string text;
    std::getline(words >> std::ws, text);
    life->said[id] = text;
  } else if (what == "grown") {
    Growth growth;
    if (words >> growth.bytes >> growth.at) life->grown[id].push_back(growth);
  }
}

// Lives for some milliseconds from its first word on.
Life live(const std::string& database, unsigned seed, unsigned ms) {
  Life life;
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    const std::string number = std::to_string(seed);
    execl("/proc/self/exe", "pumice_chat_tests", "--victim", database.c_str(), number.c_str(), nullptr);
    _exit(127);
  }
  close(ends[1]);
  FILE* said = fdopen(ends[0], "r");
  char line[4096];
  bool begun = false;
  pid_t killer = -1;
  while (std::fgets(line, sizeof line, said)) {
    if (std::string(line).find('\n') == std::string::npos) break;  // cut off
    if (!begun && std::string(line) == "ready\n") {
      begun = true;
      killer = fork();
      if (killer == 0) {
        usleep(ms * 1000);
        kill(child, SIGKILL);
        _exit(0);
      }
    }
    hear(line, &life);
  }
  life.killed = now();
  std::fclose(said);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status)) life.code = WEXITSTATUS(status);
  if (killer > 0) waitpid(killer, &status, 0);
  return life;
}

TEST(Killed, NothingThatWasSaidIsLost) {
  const TemporaryFolder folder;
  const std::string database = folder.file("chats.db");
  std::mt19937 random(20261201);
  std::map<Id, std::string> said;
  long long worst = 0;
  std::size_t grown = 0;
  const unsigned times = long_run() ? 200 : 4;
  for (unsigned time = 0; time < times; ++time) {
    const Life life = live(database, time + 1, 50 + static_cast<unsigned>(random() % 2500));
    if (life.code == 77) GTEST_SKIP() << "no device";
    ASSERT_EQ(life.code, -1) << "it ended by itself";
    said.insert(life.said.begin(), life.said.end());
    OpenReport report;
    const auto store = ChatStore::open(database, &report);
    ASSERT_TRUE(report.kind == OpenReport::Kind::kOpened || report.kind == OpenReport::Kind::kNew) << report.reason;
    std::map<Id, Message> there;
    for (const ChatInfo& chat : store->chats())
      for (Message& message : store->messages(chat.id)) there.emplace(message.id, std::move(message));
    for (const auto& [id, text] : said) {
      ASSERT_TRUE(there.contains(id)) << "message " << id << " is lost: " << text;
      EXPECT_EQ(there[id].content, text);
    }
    for (const auto& [id, list] : life.grown) {
      ++grown;
      const std::size_t kept = there.contains(id) ? there[id].content.size() : 0;
      // The oldest growth that is not there: it had so long to be stored.
      for (const Growth& growth : list)
        if (growth.bytes > kept) {
          worst = std::max(worst, life.killed - growth.at);
          break;
        }
    }
  }
  std::printf("killed %u times: %zu messages kept, %zu replies, the oldest loss was %lld ms old\n", times, said.size(),
              grown, worst);
  EXPECT_GT(said.size(), 0u);
}

}  // namespace pumice::test::chat_kill
