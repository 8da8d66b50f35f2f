#define _POSIX_C_SOURCE 200809L /* what the support header uses of POSIX */

/* Chat templates and replies through the C interface, without a device. */
#include "api/c_api_support.h"

static char text[4096];

static void keep_prompt(void* user, const PumiceChatPrompt* prompt) {
  CHECK(prompt->length < sizeof(text) && prompt->ids == NULL && prompt->id_count == 0);
  memcpy(text, prompt->text, prompt->length + 1);
  ++*(int*)user;
}

static void keep_json(void* user, const char* json, size_t length) {
  (void)user;
  CHECK(strlen(text) + length < sizeof(text));
  strncat(text, json, length);
}

static PumiceText text_of(const char* from) {
  PumiceText made = {from, strlen(from)};
  return made;
}

static PumiceChat* open_chat(PumiceInstance* instance, const char* source) {
  PumiceChatOptions options = pumice_chat_options_init();
  options.source = source;
  options.source_length = strlen(source);
  options.bos_token = "<s>";
  PumiceChat* chat = NULL;
  CHECK(pumice_chat_create(instance, NULL, &options, &chat) == PUMICE_OK);
  return chat;
}

static void check_rendering(PumiceInstance* instance) {
  PumiceChat* chat = open_chat(instance,
                               "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}"
                               "{% if enable_thinking is defined %}{{ enable_thinking }}{% endif %}{{ more }}"
                               "{% if add_generation_prompt %}>{% endif %}"
                               "{% if messages|length > 2 %}{{ raise_exception('too many') }}{% endif %}");
  int calls = 0;
  PumiceChatRenderOptions options = pumice_chat_render_options_init();
  options.messages = text_of("[{\"role\": \"user\", \"content\": \"Hi {{ 1 }}\"}]");
  options.on_prompt = keep_prompt;
  options.on_prompt_user = &calls;
  CHECK(pumice_chat_render(chat, &options) == PUMICE_OK && calls == 1);
  CHECK(strcmp(text, "<s>[user] Hi {{ 1 }}>") == 0);
  options.thinking = PUMICE_THINKING_OFF;
  options.variables = text_of("{\"more\": \"m\"}");
  options.add_generation_prompt = 0;
  CHECK(pumice_chat_render(chat, &options) == PUMICE_OK && calls == 2);
  CHECK(strcmp(text, "<s>[user] Hi {{ 1 }}Falsem") == 0);
  options.messages = text_of("[{\"role\": \"a\"}, {\"role\": \"b\"}, {\"role\": \"c\"}]");
  CHECK(pumice_chat_render(chat, &options) == PUMICE_INVALID_ARGUMENT && calls == 2);
  CHECK(pumice_chat_error(chat, text, sizeof(text)) == 8 && strcmp(text, "too many") == 0);
  options.messages = text_of("[{]");
  CHECK(pumice_chat_render(chat, &options) == PUMICE_INVALID_ARGUMENT);
  options.on_prompt = NULL;
  CHECK(pumice_chat_render(chat, &options) == PUMICE_INVALID_ARGUMENT);
  CHECK(pumice_chat_render(NULL, &options) == PUMICE_INVALID_ARGUMENT);
  pumice_chat_destroy(chat);
}

static void check_replies(PumiceInstance* instance) {
  static const char reply_text[] =
      "<think>r</think>c <tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>";
  static const char expected[] =
      "{\"role\":\"assistant\",\"content\":\"c\",\"reasoning_content\":\"r\",\"tool_calls\":[{\"type\":\"function\","
      "\"function\":{\"name\":\"f\",\"arguments\":{\"a\":1}}}]}";
  PumiceChat* chat = open_chat(instance, "<think></think><tool_call>");
  text[0] = '\0';
  CHECK(pumice_chat_parse(chat, NULL, reply_text, strlen(reply_text), keep_json, NULL) == PUMICE_OK);
  CHECK(strcmp(text, expected) == 0);
  PumiceChatReply* reply = NULL;
  PumiceChatReplyOptions options = pumice_chat_reply_options_init();
  CHECK(pumice_chat_reply_create(chat, &options, &reply) == PUMICE_OK);
  pumice_chat_destroy(chat); /* the reply keeps what it needs */
  text[0] = '\0';
  CHECK(pumice_chat_reply_push(reply, "<think>r</th", 12, keep_json, NULL) == PUMICE_OK);
  CHECK(strcmp(text, "{\"reasoning_content\":\"r\"}") == 0);
  for (const char* at = reply_text + 12; *at != '\0'; ++at)
    CHECK(pumice_chat_reply_push(reply, at, 1, NULL, NULL) == PUMICE_OK);
  CHECK(pumice_chat_reply_push_ids(reply, NULL, 0, NULL, NULL) == PUMICE_INVALID_ARGUMENT); /* there is no model */
  CHECK(pumice_chat_reply_finish(reply, NULL, NULL) == PUMICE_OK);
  text[0] = '\0';
  CHECK(pumice_chat_reply_message(reply, keep_json, NULL) == PUMICE_OK && strcmp(text, expected) == 0);
  pumice_chat_reply_destroy(reply);
  pumice_chat_reply_destroy(NULL);
  pumice_chat_destroy(NULL);
}

static void check_grammars(PumiceInstance* instance) {
  static const char source[] =
      "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}<tool_call>{\"name\": \""
      "{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}}</tool_call>{% endfor %}"
      "{% endfor %}";
  const PumiceModelOptions at = model_options(MODEL);
  PumiceModel* model = NULL;
  CHECK_OK(pumice_model_load(instance, NULL, &at, &model));
  PumiceChatOptions options = pumice_chat_options_init();
  options.source = source;
  options.source_length = sizeof(source) - 1;
  PumiceChat* chat = NULL;
  CHECK_OK(pumice_chat_create(instance, model, &options, &chat));
  PumiceChatGrammarOptions calls = pumice_chat_grammar_options_init();
  calls.tools = text_of("[{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]");
  calls.choice = PUMICE_TOOLS_REQUIRED;
  PumiceGrammar* grammar = NULL;
  CHECK_OK(pumice_chat_grammar_create(chat, &calls, &grammar));
  pumice_grammar_destroy(grammar);
  calls.name = text_of("g");
  CHECK_INVALID(pumice_chat_grammar_create(chat, &calls, &grammar));
  pumice_chat_error(chat, text, sizeof(text));
  CHECK(strcmp(text, "tools: none is called g") == 0);
  calls.name = text_of("");
  calls.tools = text_of("[{]");
  CHECK_INVALID(pumice_chat_grammar_create(chat, &calls, &grammar));
  CHECK_INVALID(pumice_chat_grammar_create(chat, &calls, NULL));
  CHECK_INVALID(pumice_chat_grammar_create(NULL, &calls, &grammar));
  pumice_chat_destroy(chat);
  chat = open_chat(instance, source); /* without a model */
  CHECK_INVALID(pumice_chat_grammar_create(chat, &calls, &grammar));
  pumice_chat_destroy(chat);
  pumice_model_destroy(model);
}

static void check_creation(PumiceInstance* instance) {
  PumiceChat* chat = NULL;
  PumiceChatOptions options = pumice_chat_options_init();
  CHECK(pumice_chat_create(instance, NULL, &options, &chat) == PUMICE_INVALID_ARGUMENT && chat == NULL);
  options.source = "a\n{% if %}";
  options.source_length = strlen(options.source);
  CHECK(pumice_chat_create(instance, NULL, &options, &chat) == PUMICE_MALFORMED);
  pumice_instance_error(instance, text, sizeof(text));
  CHECK(strncmp(text, "line 2: ", 8) == 0);
  CHECK(pumice_chat_create(NULL, NULL, &options, &chat) == PUMICE_INVALID_ARGUMENT);
}

int main(void) {
  PumiceInstance* instance = NULL;
  CHECK(pumice_instance_create(NULL, &instance) == PUMICE_OK);
  check_creation(instance);
  check_rendering(instance);
  check_replies(instance);
  check_grammars(instance);
  pumice_instance_destroy(instance);
  return failures > 0 ? 1 : 0;
}
