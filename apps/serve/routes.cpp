#include <fmt/format.h>

#include <string_view>

#include "serve/page.h"
#include "serve/protocols.h"

namespace pumice_serve {

namespace {

Outcome health(const HttpRequest&, Service& service) {
  const bool healthy = service.healthy();
  return json_response({{"status", healthy ? "ok" : "failed"}}, healthy ? 200 : 503);
}

Outcome metrics(const HttpRequest&, Service& service) {
  return HttpResponse{.type = "text/plain; version=0.0.4", .body = service.metrics().text() + service.cache_metrics()};
}

Outcome page(const HttpRequest&, Service&) {
  return HttpResponse{.type = "text/html; charset=utf-8",
                      .body = kPage,
                      .headers = {{"Content-Security-Policy",
                                   "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                                   "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}}};
}

// As llama-server lists them.
Outcome adapters(const HttpRequest&, Service& service) {
  Json list = Json::array();
  for (const ServedAdapter& adapter : service.adapters())
    list.push_back({{"id", list.size()}, {"path", adapter.path}, {"scale", adapter.scale}});
  return json_response(list);
}

using enum Protocol;
constexpr Route kRoutes[] = {
    {"GET", "/", kOpenAi, page},
    {"GET", "/health", kOpenAi, health},
    {"GET", "/metrics", kOpenAi, metrics},
    {"POST", "/v1/chat/completions", kOpenAi, openai_chat},
    {"POST", "/v1/completions", kOpenAi, openai_completions},
    {"POST", "/v1/embeddings", kOpenAi, openai_embeddings},
    {"POST", "/v1/responses", kOpenAi, openai_responses},
    {"POST", "/v1/audio/transcriptions", kOpenAi, openai_transcriptions},
    {"POST", "/v1/audio/translations", kOpenAi, openai_translations},
    {"GET", "/v1/models", kOpenAi, openai_models},
    {"GET", "/v1/models/", kOpenAi, openai_model},
    {"GET", "/lora-adapters", kOpenAi, adapters},
    {"POST", "/tokenize", kOpenAi, tokenize},
    {"POST", "/detokenize", kOpenAi, detokenize},
    {"POST", "/v1/messages", kAnthropic, anthropic_messages},
    {"POST", "/v1/messages/count_tokens", kAnthropic, anthropic_count},
    {"POST", "/api/chat", kOllama, ollama_chat},
    {"POST", "/api/generate", kOllama, ollama_generate},
    {"POST", "/api/embed", kOllama, ollama_embed},
    {"POST", "/api/embeddings", kOllama, ollama_embed},
    {"GET", "/api/tags", kOllama, ollama_tags},
    {"POST", "/api/show", kOllama, ollama_show},
    {"GET", "/api/version", kOllama, ollama_version},
    {"GET", "/api/ps", kOllama, ollama_running},
};

}  // namespace

const Route* find_route(const HttpRequest& request, bool* other_method) {
  *other_method = false;
  for (const Route& route : kRoutes) {
    const std::string_view path = route.path;
    const bool prefix = path.size() > 1 && path.ends_with('/');
    const bool here =
        prefix ? request.path.starts_with(path) && request.path.size() > path.size() : request.path == path;
    if (!here) continue;
    if (request.method == route.method || (request.method == "HEAD" && std::string_view(route.method) == "GET"))
      return &route;
    *other_method = true;
  }
  return nullptr;
}

HttpResponse refused(Protocol protocol, const ApiError& error) {
  switch (protocol) {
    case kAnthropic:
      return anthropic_refused(error);
    case kOllama:
      return ollama_refused(error);
    case kOpenAi:
      break;
  }
  return openai_refused(error);
}

}  // namespace pumice_serve
