// Pumice for C++17: move-only owners over the C interface (pumice.h, which states what each call does). A flat list of
// thin wrappers.
//
// Ownership: an object keeps its parents alive, so any order of destruction is safe. An empty (moved-from) object may
//            only be assigned to or destroyed.
// Errors:    a failed call throws pumice::Error with the library's one-line explanation and its PumiceResult. Nothing
//            else is thrown but std::bad_alloc. Destructors do not throw.
// Threads:   as in pumice.h: any number of threads may use a Context, but a Sequence or Request belongs to one at a
//            time; Request::cancel() alone may be called from any thread.
// Options:   the C structs themselves, from their pumice_..._init() functions.
//
//   pumice::Instance instance;
//   pumice::Device device(instance);
//   pumice::Model model(instance, device, "model.gguf");
//   pumice::Context context(model);
//   pumice::Sequence sequence(context);
//   pumice::Request request = sequence.submit(model.tokenize("Once upon a time"));
//   for (const pumice::Chunk& chunk : request) std::cout << chunk.text << std::flush;
#ifndef PUMICE_PUMICE_HPP
#define PUMICE_PUMICE_HPP

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pumice.h"

namespace pumice {
// The inline namespace keeps these names apart from the library's own when it is linked statically.
inline namespace client {

class Error : public std::runtime_error {
 public:
  Error(PumiceResult code, const std::string& message)
      : std::runtime_error(message.empty() ? pumice_result_name(code) : message), code_(code) {}
  PumiceResult code() const noexcept { return code_; }

 private:
  PumiceResult code_;
};

namespace detail {

// What a pumice_..._error() function says of the object.
template <typename Handle>
std::string error_text(const Handle* handle, std::size_t (*error_of)(const Handle*, char*, std::size_t)) {
  std::string text(error_of(handle, nullptr, 0), '\0');
  error_of(handle, text.data(), text.size() + 1);
  return text;
}

template <typename Handle>
void check(PumiceResult result, const Handle* handle, std::size_t (*error_of)(const Handle*, char*, std::size_t)) {
  if (result != PUMICE_OK) throw Error(result, error_text(handle, error_of));
}

// Calls a function that copies bytes out: function(buffer, capacity, &length).
template <typename Function>
std::string copy_out(Function&& function) {
  std::string text(255, '\0');
  std::size_t length = 0;
  function(text.data(), text.size() + 1, &length);
  if (length > text.size()) {
    text.resize(length);
    function(text.data(), text.size() + 1, &length);
  }
  text.resize(length);
  return text;
}

// What a callback of the library hands over; exceptions of keeping it must not pass through the library.
template <typename T>
class Kept {
 public:
  template <typename Function>
  void keep(Function&& function) noexcept {
    try {
      function(value_);
    } catch (...) {
      thrown_ = std::current_exception();
    }
  }
  T take() {
    if (thrown_) std::rethrow_exception(thrown_);
    return std::move(value_);
  }

 private:
  T value_;
  std::exception_ptr thrown_;
};

// A function that the library calls back and that says whether to go on; its exceptions must not pass through either.
template <typename Function>
class Guarded {
 public:
  explicit Guarded(Function& function) : function_(&function) {}
  template <typename... Arguments>
  static std::int32_t call(void* user, Arguments... arguments) noexcept {
    Guarded& to = *static_cast<Guarded*>(user);
    try {
      return (*to.function_)(arguments...) ? 0 : 1;
    } catch (...) {
      to.thrown_ = std::current_exception();
      return 1;
    }
  }
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  Function* function_;
  std::exception_ptr thrown_;
};

inline void keep_json(void* user, const char* json, std::size_t length) {
  static_cast<Kept<std::string>*>(user)->keep([&](std::string& to) { to.append(json, length); });
}

}  // namespace detail

// The Vulkan loader.
class Instance {
 public:
  Instance() : Instance(pumice_instance_options_init()) {}
  explicit Instance(const PumiceInstanceOptions& options) {
    PumiceInstance* instance = nullptr;
    const PumiceResult result = pumice_instance_create(&options, &instance);
    if (result != PUMICE_OK) throw Error(result, {});
    handle_ = {instance, pumice_instance_destroy};
  }
  Instance(Instance&&) noexcept = default;
  Instance& operator=(Instance&&) noexcept = default;

  PumiceInstance* get() const noexcept { return handle_.get(); }
  void check(PumiceResult result) const { detail::check(result, get(), pumice_instance_error); }

  std::vector<PumiceDeviceInfo> devices() const {
    std::uint32_t count = 0;
    check(pumice_device_count(get(), &count));
    std::vector<PumiceDeviceInfo> infos(count, pumice_device_info_init());
    for (std::uint32_t i = 0; i < count; ++i) check(pumice_device_get_info(get(), i, &infos[i]));
    return infos;
  }

 private:
  std::shared_ptr<PumiceInstance> handle_;
};

class Device {
 public:
  explicit Device(const Instance& instance, const PumiceDeviceOptions& options = pumice_device_options_init()) {
    PumiceDevice* device = nullptr;
    instance.check(pumice_device_create_auto(instance.get(), &options, &device));
    handle_ = {device, pumice_device_destroy};
  }
  // Takes over what pumice_device_import() (pumice_vulkan.h) has made.
  explicit Device(PumiceDevice* imported) : handle_(imported, pumice_device_destroy) {}
  Device(Device&&) noexcept = default;
  Device& operator=(Device&&) noexcept = default;

  PumiceDevice* get() const noexcept { return handle_.get(); }
  void check(PumiceResult result) const { detail::check(result, get(), pumice_device_error); }

  PumiceDeviceInfo info() const {
    PumiceDeviceInfo info = pumice_device_info_init();
    check(pumice_device_describe(get(), &info));
    return info;
  }
  // See pumice_device_set_budget().
  void set_budget(std::uint64_t bytes) { check(pumice_device_set_budget(get(), bytes)); }
  PumiceDeviceMemory memory() const {
    PumiceDeviceMemory memory = pumice_device_memory_init();
    check(pumice_device_get_memory(get(), &memory));
    return memory;
  }
  // JSON text; see pumice_device_pipeline_report(). options.write and .write_user are set here.
  std::string pipeline_report(PumicePipelineReportOptions options = pumice_pipeline_report_options_init()) const {
    std::string text;
    options.write = [](void* user, const char* json, std::size_t length) {
      static_cast<std::string*>(user)->assign(json, length);
    };
    options.write_user = &text;
    check(pumice_device_pipeline_report(get(), &options));
    return text;
  }
  // Takes up to three seconds.
  PumiceRoofs measure_roofs() const {
    PumiceRoofs roofs = pumice_roofs_init();
    check(pumice_device_measure_roofs(get(), &roofs));
    return roofs;
  }

 private:
  std::shared_ptr<PumiceDevice> handle_;
};

class Model {
 public:
  // Metadata and tokenizer only.
  Model(const Instance& instance, const PumiceModelOptions& options) { load(instance, nullptr, options); }
  Model(const Instance& instance, const std::string& path) { load(instance, nullptr, options_for(path)); }
  // Weights on the device.
  Model(const Instance& instance, const Device& device, const PumiceModelOptions& options) {
    load(instance, device.get(), options);
  }
  Model(const Instance& instance, const Device& device, const std::string& path) {
    load(instance, device.get(), options_for(path));
  }
  Model(Model&&) noexcept = default;
  Model& operator=(Model&&) noexcept = default;

  PumiceModel* get() const noexcept { return handle_.get(); }
  void check(PumiceResult result) const { detail::check(result, get(), pumice_model_error); }

  PumiceModelInfo info() const {
    PumiceModelInfo info = pumice_model_info_init();
    check(pumice_model_get_info(get(), &info));
    return info;
  }
  std::uint64_t metadata_count() const noexcept { return pumice_model_metadata_count(get()); }
  PumiceMetadata metadata(std::uint64_t index) const {
    PumiceMetadata metadata = pumice_metadata_init();
    check(pumice_model_get_metadata(get(), index, &metadata));
    return metadata;
  }
  std::uint64_t tensor_count() const noexcept { return pumice_model_tensor_count(get()); }
  PumiceTensorInfo tensor(std::uint64_t index) const {
    PumiceTensorInfo tensor = pumice_tensor_info_init();
    check(pumice_model_get_tensor(get(), index, &tensor));
    return tensor;
  }
  // See pumice_image_placeholder().
  std::string image_placeholder() const {
    char text[64];
    std::size_t length = 0;
    check(pumice_image_placeholder(get(), text, sizeof text, &length));
    return std::string(text, length < sizeof text ? length : sizeof text - 1);
  }
  // See pumice_model_warm_up().
  PumiceWarmUpInfo warm_up(const PumiceWarmUpOptions& options = pumice_warm_up_options_init()) const {
    PumiceWarmUpInfo info = pumice_warm_up_info_init();
    check(pumice_model_warm_up(get(), &options, &info));
    return info;
  }
  PumiceEstimate estimate(const PumiceContextOptions& options) const {
    PumiceEstimate estimate = pumice_estimate_init();
    check(pumice_model_estimate(get(), &options, &estimate));
    return estimate;
  }

  // With what the file recommends; see pumice_model_get_sampling().
  PumiceRequestOptions sampling(PumiceRequestOptions options = pumice_request_options_init()) const {
    check(pumice_model_get_sampling(get(), &options));
    return options;
  }

  // flags: of PumiceTokenizeFlags.
  std::vector<std::int32_t> tokenize(std::string_view text, std::uint32_t flags = PUMICE_TOKENIZE_ADD_SPECIAL |
                                                                                  PUMICE_TOKENIZE_PARSE_SPECIAL) const {
    std::vector<std::int32_t> ids(text.size() + 8);  // rarely more tokens than bytes, so one call is mostly enough
    std::size_t count = 0;
    check(pumice_tokenize(get(), text.data(), text.size(), flags, ids.data(), ids.size(), &count));
    const bool again = count > ids.size();
    ids.resize(count);
    if (again) check(pumice_tokenize(get(), text.data(), text.size(), flags, ids.data(), ids.size(), &count));
    return ids;
  }
  // See pumice_tokenize_pair().
  std::vector<std::int32_t> tokenize_pair(std::string_view first, std::string_view second) const {
    std::vector<std::int32_t> ids(first.size() + second.size() + 8);
    std::size_t count = 0;
    const auto fill = [&] {
      check(pumice_tokenize_pair(get(), first.data(), first.size(), second.data(), second.size(), ids.data(),
                                 ids.size(), &count));
    };
    fill();
    const bool again = count > ids.size();
    ids.resize(count);
    if (again) fill();
    return ids;
  }
  // Bytes; of a single token they may be a part of a character.
  std::string token_text(std::int32_t id) const {
    return detail::copy_out([&](char* buffer, std::size_t capacity, std::size_t* length) {
      check(pumice_token_text(get(), id, buffer, capacity, length));
    });
  }
  std::string detokenize(const std::vector<std::int32_t>& ids) const {
    return detail::copy_out([&](char* buffer, std::size_t capacity, std::size_t* length) {
      check(pumice_detokenize(get(), ids.data(), ids.size(), buffer, capacity, length));
    });
  }

 private:
  static PumiceModelOptions options_for(const std::string& path) {
    PumiceModelOptions options = pumice_model_options_init();
    options.path = path.c_str();
    return options;
  }
  void load(const Instance& instance, PumiceDevice* device, const PumiceModelOptions& options) {
    PumiceModel* model = nullptr;
    instance.check(pumice_model_load(instance.get(), device, &options, &model));
    handle_ = {model, pumice_model_destroy};
  }

  std::shared_ptr<PumiceModel> handle_;
};

// What a reply may be.
class Grammar {
 public:
  Grammar(const Model& model, PumiceGrammarKind kind, std::string_view text, bool whitespace = true) {
    PumiceGrammarOptions options = pumice_grammar_options_init();
    options.kind = kind;
    options.text = text.data();
    options.text_length = text.size();
    options.disable_whitespace = whitespace ? 0 : 1;
    PumiceGrammar* grammar = nullptr;
    model.check(pumice_grammar_create(model.get(), &options, &grammar));
    handle_ = {grammar, pumice_grammar_destroy};
  }
  Grammar(Grammar&&) noexcept = default;
  Grammar& operator=(Grammar&&) noexcept = default;

  PumiceGrammar* get() const noexcept { return handle_.get(); }

 private:
  friend class Chat;
  explicit Grammar(PumiceGrammar* grammar) { handle_ = {grammar, pumice_grammar_destroy}; }
  std::unique_ptr<PumiceGrammar, decltype(&pumice_grammar_destroy)> handle_{nullptr, pumice_grammar_destroy};
};

// Vectors of texts.
class Encoder {
 public:
  explicit Encoder(const Model& model, const PumiceEncoderOptions& options = pumice_encoder_options_init()) {
    PumiceEncoder* encoder = nullptr;
    model.check(pumice_encoder_create(model.get(), &options, &encoder));
    handle_ = {encoder, pumice_encoder_destroy};
  }
  Encoder(Encoder&&) noexcept = default;
  Encoder& operator=(Encoder&&) noexcept = default;

  PumiceEncoder* get() const noexcept { return handle_.get(); }
  void check(PumiceResult result) const { detail::check(result, get(), pumice_encoder_error); }

  PumiceEncoderInfo info() const {
    PumiceEncoderInfo info = pumice_encoder_info_init();
    check(pumice_encoder_get_info(get(), &info));
    return info;
  }
  // Calls on_vectors(text, vectors, rows, width) as pumice_embed() does; false from it stops.
  template <typename Function>
  void embed(const std::vector<std::vector<std::int32_t>>& texts, Function&& on_vectors) {
    detail::Guarded guarded(on_vectors);
    PumiceEmbedOptions options = pumice_embed_options_init();
    options.on_vectors_user = &guarded;
    options.on_vectors = decltype(guarded)::call;
    try {
      embed(texts, options);
    } catch (const Error&) {
      guarded.rethrow();
      throw;
    }
  }
  // Pooled vectors (texts, width), one after the other.
  std::vector<float> embed(const std::vector<std::vector<std::int32_t>>& texts) {
    std::vector<float> vectors(texts.size() * info().width);
    PumiceEmbedOptions options = pumice_embed_options_init();
    options.vectors = vectors.data();
    embed(texts, options);
    return vectors;
  }

 private:
  void embed(const std::vector<std::vector<std::int32_t>>& texts, PumiceEmbedOptions& options) {
    std::vector<PumiceTokens> tokens;
    for (const auto& text : texts) tokens.push_back({text.data(), text.size()});
    options.texts = tokens.data();
    options.count = tokens.size();
    check(pumice_embed(get(), &options));
  }
  std::unique_ptr<PumiceEncoder, decltype(&pumice_encoder_destroy)> handle_{nullptr, pumice_encoder_destroy};
};

struct ChatPrompt {
  std::string text;
  std::vector<std::int32_t> ids;  // empty without a model
  std::vector<std::size_t> pictures;  // see PumiceChatPrompt
};

// A chat template: of a model, or of its own source.
class Chat {
 public:
  explicit Chat(const Instance& instance, const Model* model = nullptr,
                const PumiceChatOptions& options = pumice_chat_options_init()) {
    PumiceChat* chat = nullptr;
    instance.check(pumice_chat_create(instance.get(), model ? model->get() : nullptr, &options, &chat));
    handle_ = {chat, pumice_chat_destroy};
  }
  Chat(Chat&&) noexcept = default;
  Chat& operator=(Chat&&) noexcept = default;

  PumiceChat* get() const noexcept { return handle_.get(); }
  void check(PumiceResult result) const { detail::check(result, get(), pumice_chat_error); }

  // See pumice_chat_render(); `options` needs no callback.
  ChatPrompt render(PumiceChatRenderOptions options) const {
    detail::Kept<ChatPrompt> prompt;
    options.on_prompt_user = &prompt;
    options.on_prompt = [](void* user, const PumiceChatPrompt* made) {
      static_cast<detail::Kept<ChatPrompt>*>(user)->keep([&](ChatPrompt& to) {
        to.text.assign(made->text, made->length);
        if (made->ids) to.ids.assign(made->ids, made->ids + made->id_count);
        if (made->pictures) to.pictures.assign(made->pictures, made->pictures + made->picture_count);
      });
    };
    check(pumice_chat_render(get(), &options));
    return prompt.take();
  }
  // See pumice_chat_grammar_create().
  Grammar grammar(const PumiceChatGrammarOptions& options) const {
    PumiceGrammar* grammar = nullptr;
    check(pumice_chat_grammar_create(get(), &options, &grammar));
    return Grammar(grammar);
  }
  // The message that a whole reply is, as JSON.
  std::string parse(std::string_view reply, const PumiceChatReplyOptions& options) const {
    detail::Kept<std::string> json;
    check(pumice_chat_parse(get(), &options, reply.data(), reply.size(), detail::keep_json, &json));
    return json.take();
  }

 private:
  std::shared_ptr<PumiceChat> handle_;
};

// A reply as it comes. What a call returns is JSON, or empty.
class ChatReply {
 public:
  ChatReply(const Chat& chat, const PumiceChatReplyOptions& options) : chat_(chat.get()) {
    PumiceChatReply* reply = nullptr;
    chat.check(pumice_chat_reply_create(chat.get(), &options, &reply));
    handle_ = {reply, pumice_chat_reply_destroy};
  }
  ChatReply(ChatReply&&) noexcept = default;
  ChatReply& operator=(ChatReply&&) noexcept = default;

  std::string push(std::string_view text) {
    return call([&](PumiceJsonCallback write, void* user) {
      return pumice_chat_reply_push(handle_.get(), text.data(), text.size(), write, user);
    });
  }
  std::string push(const std::vector<std::int32_t>& ids) {
    return call([&](PumiceJsonCallback write, void* user) {
      return pumice_chat_reply_push_ids(handle_.get(), ids.data(), ids.size(), write, user);
    });
  }
  std::string finish() {
    return call(
        [&](PumiceJsonCallback write, void* user) { return pumice_chat_reply_finish(handle_.get(), write, user); });
  }
  std::string message() const {
    return call(
        [&](PumiceJsonCallback write, void* user) { return pumice_chat_reply_message(handle_.get(), write, user); });
  }

 private:
  template <typename Function>
  std::string call(Function&& function) const {
    detail::Kept<std::string> json;
    const PumiceResult result = function(detail::keep_json, &json);
    detail::check(result, chat_, pumice_chat_error);
    return json.take();
  }

  PumiceChat* chat_;  // which must outlive this
  std::shared_ptr<PumiceChatReply> handle_;
};

// Texts from one language into another.
class Translator {
 public:
  explicit Translator(const Model& model, const PumiceTranslatorOptions& options = pumice_translator_options_init()) {
    PumiceTranslator* translator = nullptr;
    model.check(pumice_translator_create(model.get(), &options, &translator));
    handle_ = {translator, pumice_translator_destroy};
  }
  Translator(Translator&&) noexcept = default;
  Translator& operator=(Translator&&) noexcept = default;

  PumiceTranslator* get() const noexcept { return handle_.get(); }
  void check(PumiceResult result) const { detail::check(result, get(), pumice_translator_error); }

  PumiceTranslatorInfo info() const {
    PumiceTranslatorInfo info = pumice_translator_info_init();
    check(pumice_translator_get_info(get(), &info));
    return info;
  }
  PumiceCacheStats cache_stats() const {
    PumiceCacheStats stats = pumice_cache_stats_init();
    check(pumice_translator_get_cache_stats(get(), &stats));
    return stats;
  }
  void set_group_quota(const std::string& group, std::uint32_t tokens) {
    check(pumice_translator_set_group_quota(get(), group.c_str(), tokens));
  }
  // Calls on_translation(translation) as pumice_translate() does; false from it stops.
  template <typename Function>
  void translate(const std::vector<std::string>& texts, PumiceTranslateOptions options, Function&& on_translation) {
    const auto take = [&](const PumiceTranslation* made) { return on_translation(*made); };
    detail::Guarded guarded(take);
    std::vector<PumiceText> list;
    for (const std::string& text : texts) list.push_back({text.data(), text.size()});
    if (!options.sources) {  // else these are translated
      options.texts = list.data();
      options.count = list.size();
    }
    options.on_translation_user = &guarded;
    options.on_translation = decltype(guarded)::call;
    const PumiceResult result = pumice_translate(get(), &options);
    guarded.rethrow();
    check(result);
  }
  // The best translation of one text.
  std::string translate(const std::string& text) {
    std::string output;
    translate({text}, pumice_translate_options_init(), [&](const PumiceTranslation& made) {
      output.assign(made.output, made.length);
      return true;
    });
    return output;
  }

 private:
  std::unique_ptr<PumiceTranslator, decltype(&pumice_translator_destroy)> handle_{nullptr, pumice_translator_destroy};
};


// Sounds to text.
class Transcriber {
 public:
  explicit Transcriber(const Model& model,
                       const PumiceTranscriberOptions& options = pumice_transcriber_options_init()) {
    PumiceTranscriber* transcriber = nullptr;
    model.check(pumice_transcriber_create(model.get(), &options, &transcriber));
    handle_ = {transcriber, pumice_transcriber_destroy};
  }
  Transcriber(Transcriber&&) noexcept = default;
  Transcriber& operator=(Transcriber&&) noexcept = default;

  PumiceTranscriber* get() const noexcept { return handle_.get(); }
  void check(PumiceResult result) const { detail::check(result, get(), pumice_transcriber_error); }

  PumiceTranscriberInfo info() const {
    PumiceTranscriberInfo info = pumice_transcriber_info_init();
    check(pumice_transcriber_get_info(get(), &info));
    return info;
  }
  PumiceCacheStats cache_stats() const {
    PumiceCacheStats stats = pumice_cache_stats_init();
    check(pumice_transcriber_get_cache_stats(get(), &stats));
    return stats;
  }
  void set_group_quota(const std::string& group, std::uint32_t tokens) {
    check(pumice_transcriber_set_group_quota(get(), group.c_str(), tokens));
  }

  // What pumice_transcribe() calls; false stops, and what is empty is not called.
  struct Events {
    std::function<bool(const PumiceSegment&)> segment;
    std::function<bool(const PumiceTranscript&)> progress, end;
  };
  void transcribe(PumiceTranscribeOptions options, const Events& events) {
    const auto segment = [&](const PumiceSegment* made) { return events.segment(*made); };
    const auto progress = [&](const PumiceTranscript* so_far) { return events.progress(*so_far); };
    const auto end = [&](const PumiceTranscript* made) { return events.end(*made); };
    detail::Guarded on_segment(segment);
    detail::Guarded on_progress(progress);
    detail::Guarded on_end(end);
    options.on_segment_user = &on_segment;
    options.on_progress_user = &on_progress;
    options.on_end_user = &on_end;
    if (events.segment) options.on_segment = decltype(on_segment)::call;
    if (events.progress) options.on_progress = decltype(on_progress)::call;
    if (events.end) options.on_end = decltype(on_end)::call;
    const PumiceResult result = pumice_transcribe(get(), &options);
    on_segment.rethrow();
    on_progress.rethrow();
    on_end.rethrow();
    check(result);
  }

 private:
  std::unique_ptr<PumiceTranscriber, decltype(&pumice_transcriber_destroy)> handle_{nullptr,
                                                                                    pumice_transcriber_destroy};
};

// A model file or folder in another type. on_progress(fraction): false from it stops, and the target is as it was.
template <typename Function>
PumiceConvertInfo convert(const Instance& instance, const std::string& source, const std::string& target,
                          PumiceConvertType type, Function&& on_progress) {
  detail::Guarded guarded(on_progress);
  PumiceConvertOptions options = pumice_convert_options_init();
  options.source = source.c_str();
  options.target = target.c_str();
  options.type = type;
  options.progress_user = &guarded;
  options.progress = decltype(guarded)::call;
  PumiceConvertInfo info = pumice_convert_info_init();
  const PumiceResult result = pumice_convert(instance.get(), &options, &info);
  guarded.rethrow();
  instance.check(result);
  return info;
}

// A LoRA file, checked against its model; see pumice_adapter_load(). Contexts name it in
// PumiceContextOptions::adapters, and keep what they need of it.
class Adapter {
 public:
  Adapter(const Model& model, const std::string& path) {
    PumiceAdapterOptions options = pumice_adapter_options_init();
    options.path = path.c_str();
    PumiceAdapter* adapter = nullptr;
    model.check(pumice_adapter_load(model.get(), &options, &adapter));
    handle_.reset(adapter);
  }

  PumiceAdapter* get() const noexcept { return handle_.get(); }

 private:
  std::unique_ptr<PumiceAdapter, decltype(&pumice_adapter_destroy)> handle_{nullptr, pumice_adapter_destroy};
};

// The KV cache and the recorded step.
class Context {
 public:
  explicit Context(const Model& model, const PumiceContextOptions& options = pumice_context_options_init()) {
    PumiceContext* context = nullptr;
    model.check(pumice_context_create(model.get(), &options, &context));
    handle_ = {context, pumice_context_destroy};
  }
  Context(Context&&) noexcept = default;
  Context& operator=(Context&&) noexcept = default;

  PumiceContext* get() const noexcept { return handle_.get(); }
  void check(PumiceResult result) const { detail::check(result, get(), pumice_context_error); }

  // See pumice_step(). True while any request is unfinished.
  bool step() {
    std::int32_t busy = 0;
    check(pumice_step(get(), &busy));
    return busy != 0;
  }
  // See pumice_step_within().
  PumiceFrame step_within(double gpu_us, double cpu_us = 0) {
    PumiceFrame frame = pumice_frame_init();
    frame.gpu_us = gpu_us;
    frame.cpu_us = cpu_us;
    check(pumice_step_within(get(), &frame));
    return frame;
  }
  // See pumice_context_rebind().
  void rebind(const Model& model) { check(pumice_context_rebind(get(), model.get())); }
  PumiceCacheStats cache_stats() const {
    PumiceCacheStats stats = pumice_cache_stats_init();
    check(pumice_context_get_cache_stats(get(), &stats));
    return stats;
  }
  // Empty: nothing is wrong.
  std::string tier_problem(PumiceCacheSource tier) const {
    return detail::copy_out([&](char* buffer, std::size_t capacity, std::size_t* length) {
      *length = pumice_context_tier_problem(get(), tier, buffer, capacity);
    });
  }
  void set_cache_policy(PumiceCachePolicy policy) { check(pumice_context_set_cache_policy(get(), policy)); }
  void set_cache_limit(std::uint32_t tokens) { check(pumice_context_set_cache_limit(get(), tokens)); }
  void set_group_quota(const std::string& group, std::uint32_t tokens) {
    check(pumice_context_set_group_quota(get(), group.c_str(), tokens));
  }
  void clear_cache(bool tiers) { check(pumice_context_clear_cache(get(), tiers ? 1 : 0)); }
  // False: not within the time.
  bool flush_cache(std::uint32_t timeout_ms) {
    const PumiceResult result = pumice_context_flush_cache(get(), timeout_ms);
    if (result != PUMICE_TIMEOUT) check(result);
    return result == PUMICE_OK;
  }
  PumiceContextStats stats() const {
    PumiceContextStats stats = pumice_context_stats_init();
    check(pumice_context_get_stats(get(), &stats));
    return stats;
  }
  // JSON text; see pumice_context_profile().
  std::string profile() const {
    return detail::copy_out([&](char* buffer, std::size_t capacity, std::size_t* length) {
      check(pumice_context_profile(get(), buffer, capacity, length));
    });
  }

 private:
  friend class Sequence;
  friend class Request;
  Context() = default;
  // Another reference to the same context: for error texts of its sequences and requests.
  Context share() const {
    Context other;
    other.handle_ = handle_;
    return other;
  }
  std::shared_ptr<PumiceContext> handle_;
};

// What a request has produced since the last look. Valid until the next use of the request.
struct Chunk {
  std::string_view text;  // whole UTF-8 characters
  const std::int32_t* ids = nullptr;
  std::size_t count = 0;
};

// Tokens being generated. Destroying it cancels what still runs.
class Request {
 public:
  Request(Request&&) noexcept = default;
  Request& operator=(Request&&) noexcept = default;

  PumiceRequest* get() const noexcept { return handle_.get(); }
  // From any thread, as long as the request is neither moved nor destroyed meanwhile.
  void cancel() noexcept { pumice_request_cancel(get()); }
  // See pumice_poll(). Throws nothing for a failed request: its status says so.
  PumicePoll poll() {
    PumicePoll poll = pumice_poll_init();
    context_.check(pumice_poll(get(), &poll));
    return poll;
  }
  // False when timeout_ms passed without anything new; < 0: no limit.
  bool wait(std::int32_t timeout_ms = -1) {
    const PumiceResult result = pumice_request_wait(get(), timeout_ms);
    if (result == PUMICE_TIMEOUT) return false;
    context_.check(result);
    return true;
  }
  // Waits for something new. False when the request has ended and everything was seen; throws when it failed.
  bool next(Chunk& chunk) {
    while (status_ == PUMICE_REQUEST_RUNNING) {
      wait();
      const PumicePoll news = poll();
      status_ = news.status;
      if (status_ == PUMICE_REQUEST_FAILED) context_.check(news.result != PUMICE_OK ? news.result : PUMICE_INTERNAL);
      chunk = {std::string_view(news.text ? news.text : "", news.text_length), news.ids, news.count};
      if (news.count > 0 || news.text_length > 0) return true;
    }
    return false;
  }
  // Calls on_chunk(const Chunk&) until the end; returning false from it cancels. Gives the status it ended with.
  template <typename Function>
  PumiceRequestStatus stream(Function&& on_chunk) {
    Chunk chunk;
    while (next(chunk)) {
      if constexpr (std::is_same_v<decltype(on_chunk(chunk)), bool>) {
        if (!on_chunk(static_cast<const Chunk&>(chunk))) cancel();
      } else {
        on_chunk(static_cast<const Chunk&>(chunk));
      }
    }
    return status_;
  }
  // As last seen by next(), stream() or a loop over the request.
  PumiceRequestStatus status() const noexcept { return status_; }
  PumiceTimings timings() const {
    PumiceTimings timings = pumice_timings_init();
    context_.check(pumice_request_timings(get(), &timings));
    return timings;
  }

  // for (const Chunk& chunk : request): one pass, with next().
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Chunk;
    using difference_type = std::ptrdiff_t;
    using pointer = const Chunk*;
    using reference = const Chunk&;

    explicit Iterator(Request* request) : request_(request) { ++*this; }
    Iterator() = default;
    const Chunk& operator*() const noexcept { return chunk_; }
    const Chunk* operator->() const noexcept { return &chunk_; }
    Iterator& operator++() {
      if (!request_->next(chunk_)) request_ = nullptr;
      return *this;
    }
    bool operator==(const Iterator& other) const noexcept { return request_ == other.request_; }
    bool operator!=(const Iterator& other) const noexcept { return request_ != other.request_; }

   private:
    Request* request_ = nullptr;
    Chunk chunk_;
  };
  Iterator begin() { return Iterator(this); }
  Iterator end() { return Iterator(); }

 private:
  friend class Sequence;
  Request(PumiceRequest* request, Context context)
      : context_(std::move(context)), handle_(request, pumice_request_destroy) {}

  Context context_;  // before handle_: outlives it
  std::unique_ptr<PumiceRequest, decltype(&pumice_request_destroy)> handle_;
  PumiceRequestStatus status_ = PUMICE_REQUEST_RUNNING;
};

class Sequence {
 public:
  // group: see pumice_sequence_create_in().
  explicit Sequence(const Context& context, const std::string& group = {}) : context_(context.share()) {
    PumiceSequence* sequence = nullptr;
    context.check(pumice_sequence_create_in(context.get(), group.c_str(), &sequence));
    handle_.reset(sequence);
  }
  Sequence(Sequence&&) noexcept = default;
  Sequence& operator=(Sequence&&) noexcept = default;

  PumiceSequence* get() const noexcept { return handle_.get(); }
  Sequence fork(std::uint32_t tokens) const {
    PumiceSequence* copy = nullptr;
    context_.check(pumice_sequence_fork(get(), tokens, &copy));
    return Sequence(context_.share(), copy);
  }
  void save(const std::string& path, PumiceSessionKv kv = PUMICE_SESSION_EXACT) const {
    PumiceSessionOptions options = pumice_session_options_init();
    options.path = path.c_str();
    options.kv = kv;
    context_.check(pumice_sequence_save(get(), &options));
  }
  static Sequence load(const Context& context, const std::string& path) {
    PumiceSessionSource source = pumice_session_source_init();
    source.path = path.c_str();
    return load(context, source);
  }
  static Sequence load(const Context& context, const PumiceSessionSource& source) {
    PumiceSequence* sequence = nullptr;
    context.check(pumice_sequence_load(context.get(), &source, &sequence));
    return Sequence(context.share(), sequence);
  }
  void pin() { context_.check(pumice_sequence_pin(get())); }
  void unpin() { context_.check(pumice_sequence_unpin(get())); }
  PumiceSequenceInfo info() const {
    PumiceSequenceInfo info = pumice_sequence_info_init();
    context_.check(pumice_sequence_get_info(get(), &info));
    return info;
  }
  std::vector<std::int32_t> tokens() const { return listed<std::int32_t>(pumice_sequence_get_tokens); }
  std::vector<std::uint32_t> pages() const { return listed<std::uint32_t>(pumice_sequence_get_pages); }
  // See pumice_append_tokens() and pumice_append_image().
  void append(const std::vector<std::int32_t>& ids) {
    context_.check(pumice_append_tokens(get(), ids.data(), ids.size()));
  }
  PumiceImageInfo append(const PumiceImage& image) {
    PumiceImageInfo info = pumice_image_info_init();
    context_.check(pumice_append_image(get(), &image, &info));
    return info;
  }
  // See pumice_sequence_set_adapters().
  void set_adapters(const std::vector<float>& scales) {
    context_.check(pumice_sequence_set_adapters(get(), scales.data(), scales.size()));
  }
  void truncate(std::uint32_t tokens) { context_.check(pumice_sequence_truncate(get(), tokens)); }
  // Appends the ids, waits, and gives the logits after the last one. vocabulary: PumiceModelInfo::vocabulary.
  std::vector<float> evaluate(const std::vector<std::int32_t>& ids, std::size_t vocabulary) {
    std::vector<float> logits(vocabulary);
    context_.check(pumice_sequence_evaluate(get(), ids.data(), ids.size(), logits.data(), logits.size()));
    return logits;
  }
  // Appends the ids, waits, and gives the log-probability of targets[i] after ids[i]; 0 where a target is negative.
  std::vector<float> score(const std::vector<std::int32_t>& ids, const std::vector<std::int32_t>& targets) {
    return score(ids, targets, pumice_score_options_init());
  }
  // The same; calls on_logits(first, count, logits, stride) as pumice_sequence_score() does; false from it stops.
  template <typename Function>
  std::vector<float> score(const std::vector<std::int32_t>& ids, const std::vector<std::int32_t>& targets,
                           Function&& on_logits) {
    detail::Guarded guarded(on_logits);
    PumiceScoreOptions options = pumice_score_options_init();
    options.on_logits_user = &guarded;
    options.on_logits = decltype(guarded)::call;
    try {
      return score(ids, targets, options);
    } catch (const Error&) {
      guarded.rethrow();
      throw;
    }
  }
  // options.ids and .count are set from `ids`.
  Request submit(const std::vector<std::int32_t>& ids, PumiceRequestOptions options = pumice_request_options_init()) {
    options.ids = ids.data();
    options.count = ids.size();
    PumiceRequest* request = nullptr;
    context_.check(pumice_request_submit(get(), &options, &request));
    return Request(request, context_.share());
  }

 private:
  Sequence(Context context, PumiceSequence* sequence) : context_(std::move(context)) { handle_.reset(sequence); }
  // A request that runs may add to it between two calls.
  template <typename T>
  std::vector<T> listed(PumiceResult (*read)(const PumiceSequence*, T*, std::size_t, std::size_t*)) const {
    std::vector<T> list;
    for (std::size_t count = 0;; list.resize(count)) {
      context_.check(read(get(), list.data(), list.size(), &count));
      if (count > list.size()) continue;
      list.resize(count);
      return list;
    }
  }
  std::vector<float> score(const std::vector<std::int32_t>& ids, const std::vector<std::int32_t>& targets,
                           PumiceScoreOptions options) {
    if (ids.size() != targets.size()) throw Error(PUMICE_INVALID_ARGUMENT, "score() needs one target for each id");
    std::vector<float> log_probabilities(ids.size(), 0.0f);
    options.ids = ids.data();
    options.targets = targets.data();
    options.count = ids.size();
    options.log_probabilities = log_probabilities.data();
    context_.check(pumice_sequence_score(get(), &options));
    return log_probabilities;
  }

  Context context_;  // before handle_: outlives it
  std::unique_ptr<PumiceSequence, decltype(&pumice_sequence_destroy)> handle_{nullptr, pumice_sequence_destroy};
};

}  // namespace client
}  // namespace pumice

#endif  // PUMICE_PUMICE_HPP
