// The interfaces that clients know, each in a file of its own. Pure but for the Service; any thread.
#pragma once

#include <string>

#include "serve/answer.h"
#include "serve/service.h"

namespace pumice_serve {

// What a path does. Throws ApiError, in the form of the path's protocol: refused() of it.
using Handler = Outcome (*)(const HttpRequest& request, Service& service);
enum class Protocol { kOpenAi, kAnthropic, kOllama };

struct Route {
  const char* method;
  const char* path;  // one that ends in '/' takes all that begin so
  Protocol protocol;
  Handler handler;
};
// Null: nothing has that path; *other_method: but with another method something has.
const Route* find_route(const HttpRequest& request, bool* other_method);
HttpResponse refused(Protocol protocol, const ApiError& error);

// openai.cpp: https://platform.openai.com/docs/api-reference
Outcome openai_chat(const HttpRequest& request, Service& service);
Outcome openai_completions(const HttpRequest& request, Service& service);
Outcome openai_embeddings(const HttpRequest& request, Service& service);
Outcome openai_models(const HttpRequest& request, Service& service);
Outcome openai_model(const HttpRequest& request, Service& service);
Outcome tokenize(const HttpRequest& request, Service& service);
Outcome detokenize(const HttpRequest& request, Service& service);
HttpResponse openai_refused(const ApiError& error);
// Messages, tools and the rest of a chat, as several interfaces share them.
Generation chat_of(const Json& body, const HttpRequest& request);
void read_tools(const Json& body, Generation& generation);
Json usage_of(const PumiceTimings& timings, std::size_t completion);

// responses.cpp: https://platform.openai.com/docs/api-reference/responses
Outcome openai_responses(const HttpRequest& request, Service& service);

// audio.cpp: https://platform.openai.com/docs/api-reference/audio
Outcome openai_transcriptions(const HttpRequest& request, Service& service);
Outcome openai_translations(const HttpRequest& request, Service& service);

// anthropic.cpp: https://docs.anthropic.com/en/api/messages
Outcome anthropic_messages(const HttpRequest& request, Service& service);
Outcome anthropic_count(const HttpRequest& request, Service& service);
HttpResponse anthropic_refused(const ApiError& error);

// ollama.cpp: https://github.com/ollama/ollama/blob/main/docs/api.md
Outcome ollama_chat(const HttpRequest& request, Service& service);
Outcome ollama_generate(const HttpRequest& request, Service& service);
Outcome ollama_embed(const HttpRequest& request, Service& service);
Outcome ollama_tags(const HttpRequest& request, Service& service);
Outcome ollama_show(const HttpRequest& request, Service& service);
Outcome ollama_version(const HttpRequest& request, Service& service);
Outcome ollama_running(const HttpRequest& request, Service& service);
HttpResponse ollama_refused(const ApiError& error);

}  // namespace pumice_serve
