#include "chat/core/engine_worker.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace pumice_chat {

namespace {

using std::chrono::milliseconds;

constexpr int kWaitMs = 15;             // for a token, before tasks are looked at again
constexpr milliseconds kNewsPause{33};  // 30 times a second
constexpr std::chrono::microseconds kFrame{16667};

}  // namespace

EngineWorker::EngineWorker(Post post, EngineListener* listener)
    : post_(std::move(post)), listener_(listener), thread_([this] { run(); }) {}

EngineWorker::~EngineWorker() {
  cancel_load_ = ended_ = true;
  wake_.notify_one();
  thread_.join();
}

void EngineWorker::add(Task task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void EngineWorker::load(LoadOrder order) {
  cancel_load_ = false;
  add([this, order = std::move(order)] { load_now(order); });
}

void EngineWorker::unload() {
  add([this] {
    end_all();
    model_.reset();
  });
}

void EngineWorker::reply(ReplyOrder order) {
  add([this, order = std::move(order)] { begin_reply(order); });
}

void EngineWorker::stop(Id ticket) {
  add([this, ticket] {
    for (const auto& reply : replies_)
      if (reply->ticket() == ticket) reply->cancel();
  });
}

void EngineWorker::forget(Id chat) {
  add([this, chat] {
    if (model_) model_->branches().forget(chat);
  });
}

void EngineWorker::plan(ReplyOrder order, std::function<void(Plan)> then) {
  add([this, order = std::move(order), then = std::move(then)] {
    Plan plan;
    try {
      if (model_) {
        plan.window_tokens = model_->facts().window_tokens;
        const PromptMaker::Prompt prompt = model_->prompts().fitting(order, plan.window_tokens);
        plan.prompt_tokens = static_cast<std::uint32_t>(prompt.rendered.ids.size());
        plan.held_tokens = static_cast<std::uint32_t>(model_->branches().held(prompt.rendered.ids));
        plan.left_out = static_cast<std::uint32_t>(prompt.left_out);
        plan.known = true;
      }
    } catch (const std::exception&) {  // the reply itself will say it
    }
    post_([then, plan] { then(plan); });
  });
}

void EngineWorker::view(std::function<void(CacheView)> then) {
  add([this, then = std::move(then)] {
    CacheView view;
    try {
      if (model_) view = model_->view();
    } catch (const std::exception&) {
      view = CacheView();
    }
    post_([then, view = std::move(view)] { then(view); });
  });
}

void EngineWorker::clear_cache() {
  add([this] {
    if (!model_) return;
    try {
      if (replies_.empty()) model_->branches().clear();
      model_->context().clear_cache(true);
    } catch (const std::exception&) {  // it is emptied when there is room
    }
  });
}

void EngineWorker::run() {
  try {
    instance_.emplace();
    post_([this, devices = device_facts(*instance_)] { listener_->on_devices(devices); });
  } catch (const std::exception&) {
    post_([this] { listener_->on_devices({}); });
  }
  std::deque<Task> tasks;
  while (take_tasks(&tasks)) {
    for (const Task& task : tasks) task();
    tasks.clear();
    if (!replies_.empty()) step();
  }
  end_all();
}

// Waits where there is nothing else to do. False: the end.
bool EngineWorker::take_tasks(std::deque<Task>* tasks) {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return ended_ || !tasks_.empty() || !replies_.empty(); });
  tasks->swap(tasks_);
  return !ended_;
}

void EngineWorker::step() {
  try {
    const double frame = frame_us_;
    if (frame > 0) {
      const Clock::time_point next = Clock::now() + kFrame;
      model_->context().step_within(frame);
      std::this_thread::sleep_until(next);
    } else {
      replies_.front()->wait(kWaitMs);
    }
  } catch (const std::exception&) {  // each reply's own look says what it means for it
  }
  look_at_replies();
}

void EngineWorker::look_at_replies() {
  const bool tell = Clock::now() >= next_news_;
  if (tell) next_news_ = Clock::now() + kNewsPause;
  for (auto& reply : replies_) {
    bool ended = false;
    const Id ticket = reply->ticket();
    try {
      ended = reply->look();
    } catch (const std::exception& error) {
      reply.reset();
      fail_reply(ticket, error.what());
      continue;
    }
    if (tell || ended) post_([this, news = reply->take_news()] { listener_->on_news(news); });
    if (!ended) continue;
    const ReplyEnd end = reply->end();
    reply.reset();  // gives its branch back before anybody asks for more
    post_([this, end] { listener_->on_end(end); });
  }
  std::erase_if(replies_, [](const auto& reply) { return !reply; });
}

void EngineWorker::fail_reply(Id ticket, const std::string& reason) {
  ReplyEnd end;
  end.ticket = ticket;
  end.state = State::kFailed;
  end.problem = reason;
  post_([this, end] { listener_->on_end(end); });
}

void EngineWorker::begin_reply(const ReplyOrder& order) {
  if (!model_) return fail_reply(order.ticket, "no model is loaded");
  try {
    replies_.push_back(std::make_unique<RunningReply>(*model_, order));
  } catch (const std::exception& error) {
    fail_reply(order.ticket, error.what());
  }
}

void EngineWorker::end_all() {
  for (const auto& reply : replies_) reply->cancel();
  for (const auto& reply : replies_) {
    ReplyEnd end;
    end.ticket = reply->ticket();
    end.state = State::kStopped;
    post_([this, end] { listener_->on_end(end); });
  }
  replies_.clear();
}

void EngineWorker::load_now(const LoadOrder& order) {
  end_all();
  model_.reset();
  Clock::time_point next = Clock::now();
  const auto keep_on = [&](double fraction, bool warming) {
    if (Clock::now() >= next) {
      next = Clock::now() + kNewsPause;
      post_([this, fraction, warming] { listener_->on_load_progress(fraction, warming); });
    }
    return !cancel_load_;
  };
  try {
    if (!instance_) throw pumice::Error(PUMICE_NOT_FOUND, "Vulkan could not be opened");
    model_ = std::make_unique<LoadedModel>(*instance_, order, keep_on);
    post_([this, facts = model_->facts()] { listener_->on_loaded(facts); });
  } catch (const pumice::Error& error) {
    const bool cancelled = error.code() == PUMICE_CANCELLED;
    post_([this, path = order.path, cancelled, reason = std::string(error.what())] {
      listener_->on_load_failed(path, cancelled, reason);
    });
  } catch (const std::exception& error) {
    post_([this, path = order.path, reason = std::string(error.what())] {
      listener_->on_load_failed(path, false, reason);
    });
  }
}

}  // namespace pumice_chat
