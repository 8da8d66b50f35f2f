// The objects behind the C handles, and the guard that every function of the C ABI runs in.
//
// Each object keeps its parents alive. A handle that the caller destroys only drops its reference, so the order of
// destruction does not matter.
#pragma once

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "api/structs.h"
#include "api/turn.h"
#include "engine/context.h"
#include "engine/encoder.h"
#include "engine/transcriber.h"
#include "engine/translator.h"
#include "format/gguf.h"
#include "grammar/grammar.h"
#include "kernels/kernels.h"
#include "model/model.h"
#include "model/tower_weights.h"
#include "pumice/pumice.h"
#include "text/detokenizer.h"
#include "text/source_text.h"
#include "text/tokenizer.h"
#include "vk/instance.h"

namespace pumice {

// The last error of an object; thread-safe. A broken invariant stays: the object is poisoned, and what is reported
// later does not replace it.
class LastError {
 public:
  void set(std::string message) noexcept;
  void set_literal(const char* message) noexcept;  // allocates nothing
  void poison(const BrokenInvariant& broken) noexcept;
  bool poisoned() const noexcept { return poisoned_.load(std::memory_order_acquire); }
  Result<void> check() const;  // an error when poisoned
  size_t copy(char* buffer, size_t capacity) const;

 private:
  mutable std::mutex mutex_;
  std::string message_;
  const char* literal_ = nullptr;  // instead of message_
  std::optional<BrokenInvariant> broken_;
  std::atomic<bool> poisoned_{false};
};

struct InstanceObject {
  std::unique_ptr<vk::Instance> instance;
  LastError last_error;
};

struct DeviceObject {
  std::shared_ptr<InstanceObject> parent;
  std::unique_ptr<vk::Instance> lent;  // a host's, of a device that it has created
  std::unique_ptr<vk::Device> device;
  std::unique_ptr<Kernels> kernels;
  bool autotune = true;
  std::string tuning_path;  // empty: none
  LastError last_error;
};

// Texts of an entry of a model's listing: a key, its type and value, or a tensor's name and type.
using ListingTexts = std::array<std::string, 3>;

// Made when they are asked for, since a file may have millions; where they are handed out to stays. Thread-safe.
class Listing {
 public:
  template <typename Make>
  const ListingTexts& at(uint64_t index, Make&& make) {
    const std::lock_guard lock(mutex_);
    const auto found = texts_.find(index);
    return found != texts_.end() ? found->second : texts_.emplace(index, make()).first->second;
  }

 private:
  std::mutex mutex_;
  std::map<uint64_t, ListingTexts> texts_;
};

struct ModelObject {
  std::shared_ptr<InstanceObject> instance;
  std::shared_ptr<DeviceObject> device;  // null: metadata and tokenizer only
  std::optional<Gguf> file;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::optional<Error> tokenizer_error;  // why there is none
  std::mutex trie_mutex;
  std::shared_ptr<const grammar::TokenTrie> trie;  // of the tokenizer, for grammars; null: not made yet
  std::optional<Model> model;
  std::optional<Tower> tower;
  std::string tower_digest;  // of all that its file holds
  Listing listing;           // of metadata, then of tensors
  std::mutex digest_mutex;
  std::string digest;  // of all that the file holds; empty: not computed yet
  LastError last_error;
};

// Made at the first call. Any thread.
std::shared_ptr<const grammar::TokenTrie> token_trie(ModelObject& model);

struct RequestObject;

struct AdapterObject {
  std::shared_ptr<ModelObject> model;
  std::shared_ptr<const Adapter> adapter;
};

struct ContextObject {
  std::shared_ptr<ModelObject> model;
  std::shared_ptr<ModelObject> draft;  // null: none
  std::unique_ptr<Context> context;
  std::mutex turn;                         // see Turn
  std::vector<RequestObject*> requests;    // that are not retired; in a turn
  std::atomic<Retired*> retired{nullptr};  // to be removed
  LastError last_error;
};

struct GrammarObject {
  std::shared_ptr<ModelObject> model;
  std::shared_ptr<const grammar::Grammar> grammar;
  std::shared_ptr<const grammar::TokenTrie> tokens;
};

struct EncoderObject {
  std::shared_ptr<ModelObject> model;
  std::unique_ptr<Encoder> encoder;
  std::mutex turn;  // of calls that compute
  LastError last_error;
};

struct TranslatorObject {
  std::shared_ptr<ModelObject> model;
  std::optional<SourceText> source;
  std::unique_ptr<Translator> translator;
  uint32_t beam = 1;
  double alpha = 1;
  std::mutex turn;  // of calls that compute
  LastError last_error;
};

struct TranscriberObject {
  std::shared_ptr<ModelObject> model;
  std::unique_ptr<Transcriber> transcriber;
  std::mutex turn;  // of calls that compute
  LastError last_error;
};

struct SequenceObject final : Retired {
  std::shared_ptr<ContextObject> context;
  Sequence* sequence = nullptr;
  std::vector<NodeId> pinned;
  uint64_t pinned_in = 0;  // the context's generation
  bool engaged = false;  // a call on it has paused its turn
  void unpin();          // in a turn
  void release() noexcept override;
};

// What a poll may look at without a turn.
struct RequestNews {
  std::vector<int32_t> ids;  // not yet polled
  std::vector<float> log_probabilities;
  std::vector<PumiceLikelyToken> top;
  RequestStatus status = RequestStatus::kRunning;
  Error error;  // when failed
  Status paused = Status::kOk;
  uint32_t prompt_done = 0, prompt_tokens = 0, queue_place = 0;

  bool any() const { return !ids.empty() || status != RequestStatus::kRunning; }
};

struct RequestObject final : Retired {
  std::shared_ptr<SequenceObject> sequence;
  std::shared_ptr<Request> request;  // to be used in a turn, but for `cancel`
  std::mutex news_mutex;
  RequestNews news;
  std::shared_ptr<const Tokenizer> tokenizer;
  StreamingDetokenizer detokenizer;
  std::vector<int32_t> ids;  // what the last poll handed out
  std::vector<float> log_probabilities;
  std::vector<PumiceLikelyToken> top;
  std::string text;
  bool text_finished = false;
  void publish() noexcept;  // in a turn: moves what is new from `request` to `news`
  void release() noexcept override;
};

size_t copy_text(std::string_view text, char* buffer, size_t capacity);

template <size_t N>
void copy_text(std::string_view text, char (&buffer)[N]) {
  copy_text(text, buffer, N);
}

inline Error invalid(const char* what) { return error(Status::kInvalidArgument, "%s", what); }

// An error in a callback that a call on the context has made from within its turn.
inline Result<void> check_no_turn(const ContextObject& context) {
  if (Turn::mine(context)) return invalid("a callback of a call on this context cannot use the context");
  return {};
}

// Runs body() -> Result<void>; turns its error, and any exception, into a code, and the message into sink's. A broken
// invariant poisons the object whose sink it is: from then on its calls return PUMICE_INTERNAL at once.
template <typename Body>
PumiceResult guarded(LastError* sink, Body&& body) noexcept {
  if (sink && sink->poisoned()) return PUMICE_INTERNAL;
  try {
    Result<void> result = body();
    if (result) return PUMICE_OK;
    const auto code = static_cast<PumiceResult>(result.error().status);
    if (sink) sink->set(std::move(result).error().message);
    return code;
  } catch (const BrokenInvariant& broken) {
    if (sink) sink->poison(broken);
    return PUMICE_INTERNAL;
  } catch (const std::bad_alloc&) {
    if (sink) sink->set_literal("out of host memory");
    return PUMICE_OUT_OF_HOST_MEMORY;
  } catch (const std::length_error&) {
    if (sink) sink->set_literal("out of host memory: a container would be larger than any memory");
    return PUMICE_OUT_OF_HOST_MEMORY;
  } catch (...) {
    if (sink) sink->set_literal("an exception that is not this library's passed through the call");
    return PUMICE_INTERNAL;
  }
}

// The same in a turn on the context.
template <typename Body>
PumiceResult guarded(ContextObject& context, Body&& body) noexcept {
  return guarded(&context.last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_no_turn(context));
    const Turn turn(context);
    PUMICE_TRY(context.last_error.check());  // another thread may have had its turn
    return body();
  });
}

// The same for a call that uses the sequence; `object` may be dropped by a callback of the call.
template <typename Body>
PumiceResult guarded(const std::shared_ptr<SequenceObject>& object, Body&& body) noexcept {
  const std::shared_ptr<SequenceObject> kept = object;
  return guarded(*kept->context, [&]() -> Result<void> {
    if (kept->engaged) return invalid("a callback of a call on this sequence cannot use the sequence");
    return body(*kept);
  });
}

// An object of the context's that its last owner retires.
template <typename T>
std::shared_ptr<T> retiring(const std::shared_ptr<ContextObject>& context) {
  return std::shared_ptr<T>(new T, [context](T* object) { retire(context, object); });
}

// Runs a callback of the caller's while others have their turns. Calls on the sequence are refused meanwhile.
template <typename Callback>
auto outside_turn(SequenceObject& object, Callback&& callback) {
  struct Engaged {
    bool& flag;
    explicit Engaged(bool& to_set) : flag(to_set) { flag = true; }
    ~Engaged() { flag = false; }
  } const engaged(object.engaged);  // set and reset in a turn
  const Turn::Pause pause;
  return callback();
}

// A handle for the sequence, which is closed again if there is no memory for it. In a turn.
PumiceSequence* sequence_handle(const std::shared_ptr<ContextObject>& context, Sequence* sequence);

Result<void> open_device(DeviceObject& object, const vk::Instance& instance, const vk::PhysicalDevice& physical,
                         const PumiceDeviceOptions& options, std::optional<vk::HostDevice> host = std::nullopt);

// A host's frame: to the queue, or into `commands`, with the value that it is to signal then; value may be null.
Result<void> step_frame(ContextObject& owner, PumiceFrame* frame, VkCommandBuffer commands, uint64_t* value);

// One source; as it lies on the caller's side, it is there for the call alone.
Result<Gguf> open_source(const PumiceFileSource& source);

// Whether both are of one file, as far as their headers tell.
Result<void> check_same_file(const ModelObject& a, const ModelObject& b);

// Of the model's file, which is read at the first call.
Result<std::string> digest_of(ModelObject& model);

// Where keys and values, or vectors, of a model are kept; the digest of its file is read where they outlive the
// process.
struct GivenStore {
  TieredStoreOptions options;
  std::optional<Secret> secret;
  std::string digest;
};
Result<GivenStore> translate_store(ModelObject& model, const PumiceCacheOptions& from);
void fill_tiers(const StoreStats& from, PumiceTierStats (&to)[kTierKinds]);

// Reads the model's file for its digest where pages are to outlive the context.
Result<KvCacheOptions> translate_cache(ModelObject& model, const PumiceCacheOptions& from,
                                       const ContextOptions& context);

// The same for the sources of a decoder with an encoder; given: null for the defaults.
Result<KvCacheOptions> translate_source_cache(ModelObject& model, const PumiceCacheOptions* given,
                                              const KvFormat& format);
PumiceCacheStats stats_of(const KvCache& cache);
uint32_t pages_of(uint32_t tokens);  // whole or not

Result<KvFormat> translate_kv(PumiceKvType k, PumiceKvType v, int32_t disable_rotation);

}  // namespace pumice

struct PumiceInstance {
  std::shared_ptr<pumice::InstanceObject> object;
};
struct PumiceDevice {
  std::shared_ptr<pumice::DeviceObject> object;
};
struct PumiceModel {
  std::shared_ptr<pumice::ModelObject> object;
};
struct PumiceAdapter {
  std::shared_ptr<pumice::AdapterObject> object;
};
struct PumiceContext {
  std::shared_ptr<pumice::ContextObject> object;
};
struct PumiceTranslator {
  std::shared_ptr<pumice::TranslatorObject> object;
};
struct PumiceTranscriber {
  std::shared_ptr<pumice::TranscriberObject> object;
};
struct PumiceGrammar {
  std::shared_ptr<pumice::GrammarObject> object;
};
struct PumiceEncoder {
  std::shared_ptr<pumice::EncoderObject> object;
};
struct PumiceSequence {
  std::shared_ptr<pumice::SequenceObject> object;
};
struct PumiceRequest {
  std::shared_ptr<pumice::RequestObject> object;  // retired by the last owner
};
