// The engine on a thread of its own: device, model, context and sequences live there, and nobody else waits for them.
// What it tells is posted. Thread rule: all functions from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "chat/core/engine_types.h"
#include "chat/core/loaded_model.h"
#include "chat/core/running_reply.h"
#include "chat/core/task_thread.h"

namespace pumice_chat {

class EngineWorker {
 public:
  EngineWorker(Post post, EngineListener* listener);
  // Cancels what runs.
  ~EngineWorker();
  EngineWorker(const EngineWorker&) = delete;
  EngineWorker& operator=(const EngineWorker&) = delete;

  // Replies that run end first. The model before it is gone, whatever becomes of this one.
  void load(LoadOrder order);
  void cancel_load() { cancel_load_ = true; }
  void unload();
  void reply(ReplyOrder order);
  void stop(Id ticket);
  void forget(Id chat);
  void plan(ReplyOrder order, std::function<void(Plan)> then);
  void view(std::function<void(CacheView)> then);
  void clear_cache();
  // Microseconds of the device's time in each sixtieth of a second that is left to others; 0: all of it is used.
  void set_frame(double gpu_us) { frame_us_ = gpu_us; }

 private:
  using Clock = std::chrono::steady_clock;
  void add(Task task);
  void run();
  bool take_tasks(std::deque<Task>* tasks);
  void step();
  void look_at_replies();
  void begin_reply(const ReplyOrder& order);
  void load_now(const LoadOrder& order);
  void end_all();
  void fail_reply(Id ticket, const std::string& reason);

  Post post_;
  EngineListener* listener_;
  std::atomic<bool> cancel_load_ = false, ended_ = false;
  std::atomic<double> frame_us_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;

  // The thread's.
  std::optional<pumice::Instance> instance_;
  std::unique_ptr<LoadedModel> model_;
  std::vector<std::unique_ptr<RunningReply>> replies_;
  Clock::time_point next_news_ = Clock::now();

  std::thread thread_;
};

}  // namespace pumice_chat
