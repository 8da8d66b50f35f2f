#include "chat_app/victim.h"

#include <chrono>
#include <cstdio>
#include <random>
#include <set>

#include "test_paths.h"

namespace pumice::test {

using namespace pumice_chat;

Post Loop::post() {
  return [this](Task task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
  };
}

bool Loop::run_until(const std::function<bool()>& holds, double seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::deque<Task> now;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, std::chrono::milliseconds(20), [&] { return !tasks_.empty(); });
      now.swap(tasks_);
    }
    for (const Task& task : now) task();
  }
  return true;
}

namespace {

long long steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Each line is whole in the pipe before the next thing happens.
class Teller : public QuietListener {
 public:
  Controller* controller = nullptr;
  void on_shown() override { tell(); }
  void on_added(Id) override { tell(); }
  void on_grown(Id id) override {
    const Message* message = controller->tree().find(id);
    if (message) std::printf("grown %lld %zu %lld\n", static_cast<long long>(id), message->content.size(), steady_ms());
    std::fflush(stdout);
  }

 private:
  // Questions that are shown are stored.
  void tell() {
    for (const Id id : controller->tree().path()) {
      const Message& message = *controller->tree().find(id);
      if (message.role != Role::kUser || !told_.insert(id).second) continue;
      std::printf("said %lld %s\n", static_cast<long long>(id), message.content.c_str());
    }
    std::fflush(stdout);
  }
  std::set<Id> told_;
};

void act(Controller& controller, std::mt19937& random, int* count) {
  const std::vector<Id> path = controller.tree().path();
  const auto any = [&] { return path[random() % path.size()]; };
  const std::string words = "Once upon a time " + std::to_string(++*count);
  switch (path.empty() ? 0 : random() % 8) {
    case 0:
    case 1:
      return controller.send(words);
    case 2:
      return controller.regenerate(any());
    case 3:
      return controller.edit(any(), words);
    case 4:
    case 5: {
      const std::vector<Id> all = controller.tree().siblings(any());
      return controller.switch_to(all[random() % all.size()]);
    }
    case 6:
      return controller.stop_all();
    default:
      if (random() % 4 == 0) return controller.new_chat();
      if (random() % 4 == 0) return controller.open(controller.chats()[random() % controller.chats().size()].id);
  }
}

}  // namespace

int be_a_victim(const std::string& database, unsigned seed) {
  Loop loop;
  Teller teller;
  Controller controller(database, loop.post(), &teller);
  teller.controller = &controller;
  if (!loop.run_until([&] { return controller.ready(); })) return 1;
  controller.load({.path = std::string(PUMICE_MODELS_DIR) + "/storyteller-5m-Q4_K_M.gguf",
                   .projector = {},
                   .device = {},
                   .context_tokens = 0});
  if (!loop.run_until([&] { return controller.model_state() != ModelState::kLoading; })) return 1;
  if (controller.model_state() != ModelState::kLoaded) return 77;
  if (controller.chats().empty())
    controller.new_chat();
  else
    controller.open(controller.chats().front().id);
  std::puts("ready");
  std::fflush(stdout);
  std::mt19937 random(seed);
  for (int count = static_cast<int>(seed) * 1000; true;) {
    act(controller, random, &count);
    loop.run_until([] { return false; }, 0.02 + 0.001 * static_cast<double>(random() % 700));
  }
}

}  // namespace pumice::test
