// Chat templates and replies.
#include <chrono>

#include "api/handles.h"
#include "engine/model_chat.h"
#include "grammar/tool_grammar.h"
#include "text/chat/call_spelling.h"
#include "text/chat/json.h"
#include "text/chat/reply.h"

using namespace pumice;

namespace {

struct ChatObject {
  std::shared_ptr<InstanceObject> instance;
  std::shared_ptr<ModelObject> model;  // null: of a template alone
  std::optional<ModelChat> chat;
  chat::SpecialNames names;
  chat::RenderLimits limits;
  LastError last_error;

  const Tokenizer* tokenizer() const { return model && model->tokenizer ? &*model->tokenizer : nullptr; }
};

struct ReplyObject {
  std::shared_ptr<ChatObject> chat;
  std::optional<chat::ReplyParser> parser;
  chat::ReplySizes written;
  std::string text;  // of tokens, with the names of control tokens
};

std::string_view view_of(const PumiceText& text) { return {text.text ? text.text : "", text.text ? text.length : 0}; }

int64_t utc_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Result<std::shared_ptr<ChatObject>> make_chat(const std::shared_ptr<InstanceObject>& instance, const PumiceModel* model,
                                              const PumiceChatOptions& options) {
  auto object = std::make_shared<ChatObject>();
  object->instance = instance;
  if (model) object->model = model->object;
  const Tokenizer* tokenizer = object->tokenizer();
  if (model && !tokenizer)
    return error(Status::kUnsupported, "the file has no usable tokenizer: %s",
                 object->model->tokenizer_error->message.c_str());
  if (tokenizer) object->names = special_names(*tokenizer);
  if (options.bos_token) object->names.bos = options.bos_token;
  if (options.eos_token) object->names.eos = options.eos_token;
  if (options.most_steps > 0) object->limits.steps = options.most_steps;
  if (options.most_bytes > 0) object->limits.output = static_cast<size_t>(options.most_bytes);
  if (options.source) {
    PUMICE_ASSIGN(chat::ChatTemplate parsed,
                  chat::ChatTemplate::parse(std::string(options.source, options.source_length)));
    object->chat.emplace(ModelChat{std::move(parsed), std::nullopt});
    return object;
  }
  if (!model) return invalid("a chat takes a model or the source of a template");
  PUMICE_ASSIGN(ModelChat read, read_chat(*object->model->file, *tokenizer));
  object->chat.emplace(std::move(read));
  return object;
}

// The caller's variables and, where they have none, whether the model is to think.
Result<chat::Value> with_thinking(const chat::Value& variables, PumiceThinking thinking) {
  if (thinking == PUMICE_THINKING_AS_TEMPLATE) return variables;
  chat::Dict dict = variables.dict() ? *variables.dict() : chat::Dict();
  for (const char* name : {"enable_thinking", "thinking"})
    if (!dict.find(std::string_view(name)))
      dict.set(chat::text_value(name), chat::Value(thinking == PUMICE_THINKING_ON));
  return chat::dict_value(std::move(dict));
}

std::vector<ByteRange> places_of(std::string_view mark, const chat::MarkedText& text) {
  std::vector<ByteRange> places;
  if (mark.empty()) return places;
  for (size_t at = 0; (at = text.view().find(mark, at)) != std::string_view::npos; at += mark.size())
    places.push_back({at, at + mark.size()});
  return places;
}

Result<void> render(const ChatObject& object, const PumiceChatRenderOptions& options) {
  if (!options.on_prompt) return invalid("on_prompt");
  PUMICE_ASSIGN(chat::Conversation conversation, chat::read_conversation({.messages = view_of(options.messages),
                                                                          .tools = view_of(options.tools),
                                                                          .documents = view_of(options.documents),
                                                                          .variables = view_of(options.variables)}));
  PUMICE_ASSIGN(conversation.variables, with_thinking(conversation.variables, options.thinking));
  conversation.add_generation_prompt = options.add_generation_prompt != 0;
  conversation.continue_final_message = options.continue_final_message != 0;
  conversation.now = options.now != 0 ? options.now : utc_now();
  const ModelChat& chat = *object.chat;
  const chat::ChatTemplate& chosen = chat.with_tools && !conversation.tools.is_none() ? *chat.with_tools : chat.plain;
  PUMICE_ASSIGN(const chat::MarkedText text, chosen.render(conversation, object.names, object.limits));
  std::vector<int32_t> ids;
  const Tokenizer* tokenizer = object.tokenizer();
  std::vector<size_t> pictures;
  if (tokenizer && !options.plain)
    ids = tokenizer->encode_prompt(text.view(), text.trusted_ranges(), places_of(view_of(options.picture_mark), text),
                                   pictures);
  const PumiceChatPrompt prompt{.size = sizeof(PumiceChatPrompt),
                                .next = nullptr,
                                .text = text.bytes().c_str(),
                                .length = text.size(),
                                .ids = ids.empty() ? nullptr : ids.data(),
                                .id_count = ids.size(),
                                .pictures = pictures.empty() ? nullptr : pictures.data(),
                                .picture_count = pictures.size()};
  options.on_prompt(options.on_prompt_user, &prompt);
  return {};
}

Result<std::unique_ptr<ReplyObject>> make_reply(const std::shared_ptr<ChatObject>& chat,
                                                const PumiceChatReplyOptions& options) {
  chat::Value tools = chat::None{};
  if (const std::string_view text = view_of(options.tools); !text.empty()) {
    Result<chat::Value> parsed = chat::parse_json(text, false);
    if (!parsed) return error(Status::kInvalidArgument, "tools: %s", parsed.error().message.c_str());
    tools = std::move(*parsed);
  }
  const bool of_tools = chat->chat->with_tools && !tools.is_none();
  const std::string& source = of_tools ? chat->chat->with_tools->source() : chat->chat->plain.source();
  auto reply = std::make_unique<ReplyObject>();
  reply->chat = chat;
  reply->parser.emplace(chat::marks_of(source, chat->names.eos), view_of(options.prompt), std::move(tools));
  return reply;
}

Result<std::shared_ptr<GrammarObject>> make_grammar(const ChatObject& chat, const PumiceChatGrammarOptions& options) {
  const Tokenizer* tokenizer = chat.tokenizer();
  if (!tokenizer) return invalid("a grammar of calls needs a chat with a model");
  if (options.choice < PUMICE_TOOLS_AUTO || options.choice > PUMICE_TOOLS_REQUIRED)
    return invalid("choice is none of PumiceToolChoice");
  const std::string_view text = view_of(options.tools);
  const Result<Json> tools = Json::parse(text, {.bytes = grammar::Grammar::kMaxSourceBytes});
  if (!tools) return error(Status::kInvalidArgument, "tools: %s", tools.error().message.c_str());
  const ModelChat& templates = *chat.chat;
  const chat::ChatTemplate& source = templates.with_tools ? *templates.with_tools : templates.plain;
  PUMICE_ASSIGN(const chat::CallSpelling spelling, chat::call_spelling(source, chat.names));
  auto object = std::make_shared<GrammarObject>();
  object->model = chat.model;
  PUMICE_ASSIGN(object->grammar, grammar::tool_grammar(*tools, spelling, *tokenizer,
                                                       {.choice = static_cast<grammar::ToolChoice>(options.choice),
                                                        .only = std::string(view_of(options.name)),
                                                        .several = options.one_call == 0}));
  object->tokens = token_trie(*chat.model);
  return object;
}

void write_json(const std::string& json, PumiceJsonCallback write, void* user) {
  if (!json.empty() && write) write(user, json.c_str(), json.size());
}

void write_delta(ReplyObject& reply, PumiceJsonCallback write, void* user) {
  write_json(chat::delta_json(reply.parser->message(), reply.written), write, user);
}

}  // namespace

struct PumiceChat {
  std::shared_ptr<ChatObject> object;
};
struct PumiceChatReply {
  std::unique_ptr<ReplyObject> object;
};

extern "C" {

PumiceResult pumice_chat_create(PumiceInstance* instance, const PumiceModel* model, const PumiceChatOptions* options,
                                PumiceChat** chat) {
  if (!instance) return PUMICE_INVALID_ARGUMENT;
  return guarded(&instance->object->last_error, [&]() -> Result<void> {
    if (!chat) return invalid("chat");
    PUMICE_ASSIGN(const PumiceChatOptions given, taken_if_given(options, pumice_chat_options_init(), "options"));
    PUMICE_ASSIGN(std::shared_ptr<ChatObject> object, make_chat(instance->object, model, given));
    *chat = new PumiceChat{std::move(object)};
    return {};
  });
}

void pumice_chat_destroy(PumiceChat* chat) { delete chat; }

size_t pumice_chat_error(const PumiceChat* chat, char* buffer, size_t capacity) {
  return chat ? chat->object->last_error.copy(buffer, capacity) : copy_text("", buffer, capacity);
}

PumiceResult pumice_chat_render(PumiceChat* chat, const PumiceChatRenderOptions* options) {
  if (!chat) return PUMICE_INVALID_ARGUMENT;
  return guarded(&chat->object->last_error, [&]() -> Result<void> {
    PUMICE_ASSIGN(const PumiceChatRenderOptions given, taken(options, pumice_chat_render_options_init(), "options"));
    return render(*chat->object, given);
  });
}

PumiceResult pumice_chat_grammar_create(PumiceChat* chat, const PumiceChatGrammarOptions* options,
                                        PumiceGrammar** grammar) {
  if (!chat) return PUMICE_INVALID_ARGUMENT;
  return guarded(&chat->object->last_error, [&]() -> Result<void> {
    if (!grammar) return invalid("grammar");
    PUMICE_ASSIGN(const PumiceChatGrammarOptions given, taken(options, pumice_chat_grammar_options_init(), "options"));
    PUMICE_ASSIGN(std::shared_ptr<GrammarObject> object, make_grammar(*chat->object, given));
    *grammar = new PumiceGrammar{std::move(object)};
    return {};
  });
}

PumiceResult pumice_chat_reply_create(PumiceChat* chat, const PumiceChatReplyOptions* options,
                                      PumiceChatReply** reply) {
  if (!chat) return PUMICE_INVALID_ARGUMENT;
  return guarded(&chat->object->last_error, [&]() -> Result<void> {
    if (!reply) return invalid("reply");
    PUMICE_ASSIGN(const PumiceChatReplyOptions given,
                  taken_if_given(options, pumice_chat_reply_options_init(), "options"));
    PUMICE_ASSIGN(std::unique_ptr<ReplyObject> object, make_reply(chat->object, given));
    *reply = new PumiceChatReply{std::move(object)};
    return {};
  });
}

void pumice_chat_reply_destroy(PumiceChatReply* reply) { delete reply; }

PumiceResult pumice_chat_reply_push(PumiceChatReply* reply, const char* text, size_t length, PumiceJsonCallback write,
                                    void* user) {
  if (!reply) return PUMICE_INVALID_ARGUMENT;
  ReplyObject& object = *reply->object;
  return guarded(&object.chat->last_error, [&]() -> Result<void> {
    if (!text && length > 0) return invalid("text");
    object.parser->push({text ? text : "", length});
    write_delta(object, write, user);
    return {};
  });
}

PumiceResult pumice_chat_reply_push_ids(PumiceChatReply* reply, const int32_t* ids, size_t count,
                                        PumiceJsonCallback write, void* user) {
  if (!reply) return PUMICE_INVALID_ARGUMENT;
  ReplyObject& object = *reply->object;
  return guarded(&object.chat->last_error, [&]() -> Result<void> {
    const Tokenizer* tokenizer = object.chat->tokenizer();
    if ((!ids && count > 0) || !tokenizer) return invalid("ids, of a chat with a model");
    object.text.clear();
    for (size_t i = 0; i < count; ++i) object.text += tokenizer->token_bytes(ids[i], true);
    object.parser->push(object.text);
    write_delta(object, write, user);
    return {};
  });
}

PumiceResult pumice_chat_reply_finish(PumiceChatReply* reply, PumiceJsonCallback write, void* user) {
  if (!reply) return PUMICE_INVALID_ARGUMENT;
  ReplyObject& object = *reply->object;
  return guarded(&object.chat->last_error, [&]() -> Result<void> {
    object.parser->finish();
    write_delta(object, write, user);
    return {};
  });
}

PumiceResult pumice_chat_reply_message(PumiceChatReply* reply, PumiceJsonCallback write, void* user) {
  if (!reply) return PUMICE_INVALID_ARGUMENT;
  ReplyObject& object = *reply->object;
  return guarded(&object.chat->last_error, [&]() -> Result<void> {
    if (!write) return invalid("write");
    write_json(chat::message_json(object.parser->message()), write, user);
    return {};
  });
}

PumiceResult pumice_chat_parse(PumiceChat* chat, const PumiceChatReplyOptions* options, const char* text, size_t length,
                               PumiceJsonCallback write, void* user) {
  if (!chat) return PUMICE_INVALID_ARGUMENT;
  return guarded(&chat->object->last_error, [&]() -> Result<void> {
    if ((!text && length > 0) || !write) return invalid("text or write");
    PUMICE_ASSIGN(const PumiceChatReplyOptions given,
                  taken_if_given(options, pumice_chat_reply_options_init(), "options"));
    PUMICE_ASSIGN(const std::unique_ptr<ReplyObject> reply, make_reply(chat->object, given));
    reply->parser->push({text ? text : "", length});
    reply->parser->finish();
    write_json(chat::message_json(reply->parser->message()), write, user);
    return {};
  });
}

}  // extern "C"
