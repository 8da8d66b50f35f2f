// What the engine's thread is asked, and what it tells. Plain data.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chat/core/held_messages.h"
#include "chat/core/types.h"
#include "pumice/pumice.hpp"

namespace pumice_chat {

struct DeviceFacts {
  std::string name, driver, selector;
  bool cpu = false, usable = false, is_default = false;
  std::uint64_t memory_bytes = 0;
};

struct LoadOrder {
  std::string path, projector;
  std::string device;                // a selector; empty: the best
  std::uint32_t context_tokens = 0;  // room for the keys and values of all chats; 0: the library's choice
};

struct ModelFacts {
  std::string path, projector, name, architecture, weight_types, device, driver;
  bool cpu = false;                 // a software driver
  bool plain = false;               // not taught to converse: it goes on with a text
  bool sees = false;                // pictures
  std::uint32_t window_tokens = 0;  // most of a chat that it sees
  std::uint32_t context_tokens = 0;
  std::uint64_t parameters = 0, weights_bytes = 0, kv_bytes = 0;
  ChatSettings recommended;  // its file's sampling
};

struct ReplyOrder {
  Id ticket = 0, chat = 0;  // ticket: of the message that is to be written
  std::vector<Message> messages;
  ChatSettings settings;
};

struct ReplyNews {
  Id ticket = 0;
  std::string content, reasoning;  // that are new
  std::uint32_t tokens = 0;        // so far
  std::uint32_t prompt_done = 0, prompt_total = 0;
  bool queued = false;  // others have the room
  bool paused = false;  // the device's memory is short, or the device is lost
};

struct ReplyEnd {
  Id ticket = 0;
  State state = State::kDone;
  std::string problem;
  ReplyFigures figures;
};

// What a reply would cost before it is asked for.
struct Plan {
  bool known = false;
  std::uint32_t prompt_tokens = 0, held_tokens = 0, window_tokens = 0;
  std::uint32_t left_out = 0;  // messages that would be dropped
};

struct CacheView {
  bool known = false;
  PumiceCacheStats stats = pumice_cache_stats_init();
  PumiceContextStats context = pumice_context_stats_init();
  PumiceDeviceMemory memory = pumice_device_memory_init();
  std::vector<PumiceKvPage> pages;
  struct Held {
    Id chat = 0;
    std::uint32_t tokens = 0;
    bool running = false;
    std::vector<HeldMessage> messages;  // with beginnings of their texts
    std::vector<std::uint32_t> pages;   // places in the pool, by position
  };
  std::vector<Held> held;
};

// All are called on the thread to which results are posted.
class EngineListener {
 public:
  virtual ~EngineListener() = default;
  virtual void on_devices(const std::vector<DeviceFacts>& devices) = 0;
  virtual void on_load_progress(double fraction, bool warming) = 0;
  virtual void on_loaded(const ModelFacts& facts) = 0;
  virtual void on_load_failed(const std::string& path, bool cancelled, const std::string& reason) = 0;
  virtual void on_news(const ReplyNews& news) = 0;
  virtual void on_end(const ReplyEnd& end) = 0;
};

}  // namespace pumice_chat
