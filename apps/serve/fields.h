// Members of requests, checked. All throw ApiError(400) that names the member.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/exchange.h"
#include "serve/generation.h"

namespace pumice_serve {

// The body; an object.
Json parse_body(const HttpRequest& request);

// null counts as not there.
bool has(const Json& object, const char* name);
std::string string_at(const Json& object, const char* name, const std::string& otherwise = {});
bool bool_at(const Json& object, const char* name, bool otherwise = false);
std::optional<double> number_at(const Json& object, const char* name, double least, double most);
std::optional<std::uint64_t> count_at(const Json& object, const char* name, std::uint64_t least, std::uint64_t most);

// One text or a list of them.
std::vector<std::string> texts_at(const Json& object, const char* name);
// Parts of a message as one text; a picture leaves its mark there. Null: pictures are refused; sounds are always.
std::string content_text(const Json& content, const char* param, Pictures* pictures = nullptr);
// A picture as a part of a message.
Json picture_part(const std::string& base64);

// temperature, top_p, min_p, top_k, repeat_penalty, frequency_penalty, presence_penalty, seed, lora.
Sampling sampling_at(const Json& object);

// "logit_bias": {"ID": bias}, or as llama-server has it [[ID, bias or false]].
std::vector<PumiceTokenBias> biases_at(const Json& object);
// What clients may say of their place in the queue: "priority" as vLLM has it, and "deadline_ms" from now on.
void read_queueing(const Json& object, Generation& generation);
// Of a reply: {"device", "ram", "disk", "redis"}.
Json cached_from(const PumiceTimings& timings);

std::string random_id(const std::string& prefix);
std::int64_t unix_seconds();
std::string base64(const void* bytes, std::size_t size);
std::optional<std::string> from_base64(std::string_view text);  // empty: it is none
// "type" is an object of JSON Schema's, or anything: the grammar of a reply.
GrammarText schema_grammar(const Json& schema);

// Of a call: an object.
Json arguments_of(const Json& call);
// A call as OpenAI has it: with an id, and arguments as a text.
Json call_with_id(const Json& call);

}  // namespace pumice_serve
