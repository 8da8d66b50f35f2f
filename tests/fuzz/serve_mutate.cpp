// serve_mutate: damages requests of every protocol and replies of a model at random, the same way for the same seed,
// and checks that each request is answered, run or refused with a status of the client's fault, and that answers are
// whole JSON.
//
//   serve_mutate [--count N] [--seed S]
#include "fuzz/fuzz_run.h"
#include "fuzz/mutator.h"
#include "serve/gate.h"
#include "serve/protocols.h"

namespace pumice::test {
namespace {

using namespace pumice_serve;

struct Seed {
  const char* path;
  const char* body;
};

const Seed kSeeds[] = {
    {"/v1/chat/completions",
     R"({"model":"m","messages":[{"role":"developer","content":[{"type":"text","text":"Hé"}]},{"role":"user","content":
"x"}],"stream":true,"stream_options":{"include_usage":true},"n":2,"stop":["a","b"],"temperature":0.5,"seed":7,
"max_tokens":5,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}})"},
    {"/v1/chat/completions",
     R"({"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":
"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"r"}],"tools":[{"type":"function",
"function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":{"type":"function","function":{"name":"f"}},"logit_bias":{}})"},
    {"/v1/chat/completions",
     R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}},
{"type":"text","text":"x"}]}],"logprobs":true,"top_logprobs":2,"logit_bias":{"5":-100,"7":0.5},
"priority":-1,"deadline_ms":9})"},
    {"/v1/completions", R"({"prompt":"x","logprobs":3,"logit_bias":[[5,false],[6,1]]})"},
    {"/v1/completions", R"({"prompt":[1,2,3],"max_tokens":3,"stream":false,"top_k":40,"min_p":0.1,"logprobs":null})"},
    {"/v1/responses",
     R"({"input":[{"role":"user","content":[{"type":"input_text","text":"x"}]},{"type":"function_call","call_id":"1",
"name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"1","output":"r"},
{"role":"user","content":[
{"type":"input_image","image_url":"data:;base64,QQ=="}]}],"instructions":"i","top_logprobs":1,
"stream":true,"text":{"format":{"type":"json_schema","schema":{}}},"tools":[{"type":"function","name":"f","parameters":{}}]})"},
    {"/v1/embeddings", R"({"input":["a",""],"encoding_format":"base64"})"},
    {"/v1/messages",
     R"({"max_tokens":5,"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"text",
"text":"x"},{"type":"image","source":{"type":"base64","data":"QQ=="}},
{"type":"tool_result","tool_use_id":"1","content":"r"}]},{"role":"assistant","content":[{"type":"tool_use",
"id":"1","name":"f","input":{"a":1}},{"type":"thinking","thinking":"t"}]}],"tools":[{"name":"f","input_schema":{}}],
"tool_choice":{"type":"tool","name":"f"},"thinking":{"type":"enabled"},"stream":true,"stop_sequences":["q"]})"},
    {"/api/chat",
     R"({"messages":[{"role":"user","content":"x","images":["QUI="]}],"format":{"type":"object"},
"options":{"num_predict":-1,"temperature":1,"seed":-1},"think":"high"})"},
    {"/api/generate", R"({"prompt":"x","system":"s","raw":false,"images":["QQ"],"logprobs":true,
"format":"json","stream":false})"},
    {"/api/embed", R"({"input":["a"]})"},
    {"/v1/audio/transcriptions",
     "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b\r\nContent-Disposition: form-data; "
     "name=\"file\"; filename=\"a.wav\"\r\n\r\nRIFF\r\n--b\r\nContent-Disposition: form-data; "
     "name=\"response_format\"\r\n\r\nsrt\r\n--b--\r\n"},
};

const char* const kMessages[] = {
    R"({"role":"assistant","content":"Hé","reasoning_content":"r"})",
    R"({"content":"","tool_calls":[{"type":"function","function":{"name":"f","arguments":{"a":[1]}}}]})",
    R"({"tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}},{"name":"g"}]})",
};

// Each line of a stream, or the whole.
void check_answer(const std::string& text, bool streams) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = streams ? std::min(text.find('\n', at), text.size()) : text.size();
    std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("event: ") || line.empty() || line == "data: [DONE]") continue;
    if (line.starts_with("data: ")) line.erase(0, 6);
    if (Json::parse(line, nullptr, false).is_discarded()) std::fprintf(stderr, "no JSON: %s\n", line.c_str());
    FUZZ_CHECK(!Json::parse(line, nullptr, false).is_discarded());
  }
}

class Mutants {
 public:
  explicit Mutants(uint64_t seed) : mutator_(seed), service_({.models = {{"m", "/none"}}}, metrics_) {}

  bool one() {
    const Seed& seed = kSeeds[mutator_.below(std::size(kSeeds))];
    HttpRequest request{.method = "POST", .path = seed.path, .body = mutant(seed.body)};
    request.headers["content-type"] = "multipart/form-data; boundary=b";
    request.headers["host"] = mutator_.below(4) == 0 ? mutant("localhost:80") : "localhost:80";
    if (mutator_.below(8) == 0) request.headers["origin"] = mutant("http://localhost:80");
    if (mutator_.below(64) == 0) request.path = mutant(seed.path);
    bool other = false;
    const Route* route = find_route(request, &other);
    const Protocol protocol = route ? route->protocol : Protocol::kOpenAi;
    try {
      check_access(options_, request);
      if (!route) return false;
      return use(route->handler(request, service_));
    } catch (const ApiError& error) {
      FUZZ_CHECK(error.status() >= 400 && error.status() < 500 && error.what()[0] != '\0');
      check_answer(refused(protocol, error).body, false);
    } catch (const Json::exception&) {  // the server's answer to a member of the wrong type
    }
    return false;
  }

 private:
  std::string mutant(const std::string& of) {
    Bytes bytes = bytes_of(of);
    for (uint64_t i = 0, edits = mutator_.below(4); i < edits; ++i)
      mutator_.edit(bytes, bytes_of(kSeeds[mutator_.below(std::size(kSeeds))].body));
    return pumice::test::text_of(bytes);
  }

  Json message() {
    Json made = Json::parse(mutant(kMessages[mutator_.below(std::size(kMessages))]), nullptr, false);
    return made.is_object() ? made : Json{{"content", "x"}};
  }

  bool use(Outcome outcome) {
    const auto* asked = std::get_if<Asked>(&outcome);
    if (!asked) return true;
    Answer& answer = *asked->answer;
    std::string text;
    try {
      text += answer.started(0, 3);
      text += answer.delta(0, message());
      text += answer.finished(0, {.reason = "stop", .message = message()});
      text += answer.end();
    } catch (const std::exception&) {  // a message that no parser of replies makes
      return true;
    }
    check_answer(text, answer.streams());
    check_answer(answer.failed(ApiError(503, "x")), true);
    return true;
  }

  Mutator mutator_;
  Metrics metrics_;
  Service service_;
  HttpOptions options_;
};

}  // namespace
}  // namespace pumice::test

int main(int argc, char** argv) {
  using namespace pumice::test;
  const FuzzOptions options = fuzz_options(argc, argv, 20000);
  Mutants mutants(options.seed);
  FuzzTotals totals;
  for (uint64_t i = 0; i < options.count; ++i) totals.add([&] { return mutants.one(); });
  totals.print();
  return 0;
}
