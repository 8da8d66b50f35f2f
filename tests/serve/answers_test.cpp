// What the server's parts do without a network: stop texts, calls in plain JSON, who may ask.
#include <gtest/gtest.h>

#include "pumice/pumice.hpp"
#include "serve/fields.h"
#include "serve/gate.h"
#include "serve/multipart.h"
#include "serve/plain_tools.h"
#include "serve/protocols.h"
#include "serve/stop_filter.h"

namespace pumice_serve::answers_test {

TEST(StopFilter, HoldsBackWhatMayBecomeAStop) {
  for (const std::string stop : {"end", "\n\n", "aab"})
    for (const std::string text : {"to the end of it", "a\n\nb", "x\n", "aaab aab", "aaaa", ""}) {
      const std::string expected = text.substr(0, text.find(stop));
      for (size_t step = 1; step <= text.size() + 1; ++step) {
        StopFilter filter({"never", stop});
        std::string said;
        for (size_t at = 0; at < text.size(); at += step) said += filter.push(text.substr(at, step));
        EXPECT_TRUE(expected.starts_with(said)) << said;
        EXPECT_EQ(filter.stopped_by(), text.find(stop) == std::string::npos ? "" : stop);
        EXPECT_EQ(said + filter.finish(), expected);
      }
    }
  StopFilter first({"b", "a"});
  EXPECT_EQ(first.push("xab"), "x");
  EXPECT_EQ(first.stopped_by(), "a");
  EXPECT_EQ(first.push("more"), "");
}

TEST(PlainTools, ARequiredCallIsAGrammarAndComesBackAsACall) {
  Generation asked{.messages = Json::parse(R"([{"role": "user", "content": "x"}])")};
  asked.tools = R"([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},
                    {"type": "function", "function": {"name": "g"}}])";
  asked.tool_choice = PUMICE_TOOLS_REQUIRED;
  const Generation made = with_plain_tools(asked);
  ASSERT_TRUE(made.grammar);
  EXPECT_NE(made.grammar->text.find("anyOf"), std::string::npos);
  EXPECT_TRUE(made.tools.empty());
  EXPECT_EQ(made.messages[0]["role"], "system");
  asked.tool_name = "g";
  EXPECT_EQ(with_plain_tools(asked).grammar->text.find("anyOf"), std::string::npos);
  asked.tool_name = "h";
  EXPECT_THROW(with_plain_tools(asked), ApiError);
  asked.tool_choice = PUMICE_TOOLS_AUTO;
  EXPECT_FALSE(with_plain_tools(asked).grammar);
  const auto call = plain_call_of(R"( {"name": "f", "arguments": {"a": 1}} )", asked.tools);
  ASSERT_TRUE(call);
  EXPECT_EQ((*call)["function"]["arguments"]["a"], 1);
  EXPECT_FALSE(plain_call_of(R"({"name": "h", "arguments": {}})", asked.tools));
  EXPECT_FALSE(plain_call_of(R"({"name": "f", "arguments": 5})", asked.tools));
  EXPECT_FALSE(plain_call_of("text", asked.tools));
}

TEST(Form, PartsAndFiles) {
  const std::string type = "multipart/form-data; boundary=\"x y\"";
  const std::string body =
      "--x y\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ntiny\r\n"
      "--x y\r\ncontent-type: audio/wav\r\ncontent-disposition: form-data; name=file; filename=\"a.wav\"\r\n\r\n"
      "RIFF\r\n--x\r\n\r\n--x y--\r\n";
  const auto parts = parse_form(type, body);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].name, "model");
  EXPECT_EQ(parts[0].body, "tiny");
  EXPECT_EQ(parts[1].name, "file");
  EXPECT_EQ(parts[1].file, "a.wav");
  EXPECT_EQ(parts[1].body, "RIFF\r\n--x\r\n");
  for (size_t length = 0; length + 4 < body.size(); ++length)
    EXPECT_THROW(parse_form(type, std::string_view(body).substr(0, length)), ApiError) << length;
  EXPECT_THROW(parse_form("application/json", body), ApiError);
}

TEST(Gate, KeysAndHosts) {
  HttpOptions options;
  options.keys = {{"anna", "secret-of-anna"}};
  HttpRequest request{.method = "GET", .path = "/v1/models", .headers = {{"host", "localhost:1"}}};
  EXPECT_THROW(check_access(options, request), ApiError);
  request.headers["x-api-key"] = "secret-of-anna";
  check_access(options, request);
  EXPECT_EQ(request.group, "anna");
  request.headers["x-api-key"] = "secret-of-annasecret-of-anna";
  EXPECT_THROW(check_access(options, request), ApiError);
  request.path = "/health";
  check_access(options, request);
  request.headers["host"] = "evil.example";
  EXPECT_THROW(check_access(options, request), ApiError);
  options.host = "0.0.0.0";
  check_access(options, request);
}

// Whatever pieces a reply comes in, what a client puts together is the whole.
TEST(Answers, StreamsAddUpToTheWhole) {
  Metrics metrics;
  Service service({.models = {{"m", "/none"}}}, metrics);
  for (const bool stream : {false, true}) {
    HttpRequest request{.method = "POST", .path = "/v1/messages"};
    request.body =
        Json{{"max_tokens", 9}, {"stream", stream}, {"messages", {{{"role", "user"}, {"content", "x"}}}}}.dump();
    Outcome outcome = anthropic_messages(request, service);
    Answer& answer = *std::get<Asked>(outcome).answer;
    const Json call = {{"type", "function"}, {"function", {{"name", "f"}, {"arguments", {{"a", 1}}}}}};
    std::string text = answer.started(0, 3);
    text += answer.delta(0, {{"reasoning_content", "hm"}});
    text += answer.delta(0, {{"content", "one "}});
    text += answer.delta(0, {{"content", "two"}});
    text += answer.delta(0, {{"tool_calls", Json::array({call})}});
    const Json message = {{"content", "one two"}, {"reasoning_content", "hm"}, {"tool_calls", Json::array({call})}};
    text += answer.finished(0, {.reason = "tool_calls", .message = message});
    text += answer.end();
    if (!stream) {
      const Json whole = Json::parse(text);
      ASSERT_EQ(whole["content"].size(), 3u);
      EXPECT_EQ(whole["content"][0]["thinking"], "hm");
      EXPECT_EQ(whole["content"][1]["text"], "one two");
      EXPECT_EQ(whole["content"][2]["input"]["a"], 1);
      EXPECT_EQ(whole["stop_reason"], "tool_use");
      continue;
    }
    size_t begun = 0, ended = 0;
    for (size_t at = 0; (at = text.find("event: content_block_start", at)) != std::string::npos; ++at) ++begun;
    for (size_t at = 0; (at = text.find("event: content_block_stop", at)) != std::string::npos; ++at) ++ended;
    EXPECT_EQ(begun, 3u);
    EXPECT_EQ(ended, 3u);
    EXPECT_NE(text.find(R"("partial_json":"{\"a\":1}")"), std::string::npos);
    EXPECT_LT(text.find("message_delta"), text.find("message_stop"));
  }
}

Generation asked_of(Outcome (*handler)(const HttpRequest&, Service&), const Json& body,
                    std::unique_ptr<Answer>* answer = nullptr) {
  static Metrics metrics;
  static Service service({.models = {{"m", "/none"}}}, metrics);
  Outcome outcome = handler({.method = "POST", .body = body.dump()}, service);
  Asked& asked = std::get<Asked>(outcome);
  if (answer) *answer = std::move(asked.answer);
  return std::move(asked.generation);
}

const Json kUser = Json::parse(R"([{"role": "user", "content": "x"}])");

TEST(Fields, Base64ComesBack) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64(base64(bytes.data(), bytes.size())), bytes);
    bytes += static_cast<char>(i * 37);
  }
  for (const char* bad : {"a", "ab*d", "ab=d", "ab\nd"}) EXPECT_FALSE(from_base64(bad)) << bad;
}

TEST(Fields, BiasesOfTokens) {
  const auto biases = [](const char* text) { return biases_at({{"logit_bias", Json::parse(text)}}); };
  const auto some = biases(R"({"15": -100, "7": 0.5})");
  ASSERT_EQ(some.size(), 2u);
  EXPECT_EQ(some[0].id, 15);
  EXPECT_EQ(some[0].bias, -100);
  EXPECT_EQ(biases(R"([[3, false]])")[0].bias, -1e9f);
  EXPECT_TRUE(biases("{}").empty());
  for (const char* bad :
       {R"({"a": 1})", R"({"-1": 1})", R"({"1": 101})", R"({"1": "x"})", R"({"1": true})", "[1]", "5"})
    EXPECT_THROW(biases(bad), ApiError) << bad;
  Json many;
  for (int i = 0; i <= PUMICE_MOST_BIASES; ++i) many[std::to_string(i)] = 1;
  EXPECT_THROW(biases_at({{"logit_bias", many}}), ApiError);
}

// Whichever interface they come through, the same bytes stand at the same places.
TEST(Pictures, OfAllInterfaces) {
  const std::string data = base64("one", 3), url = "data:image/png;base64," + data;
  const Json openai = {{"messages",
                        {{{"role", "user"},
                          {"content",
                           {{{"type", "text"}, {"text", "a"}},
                            {{"type", "image_url"}, {"image_url", {{"url", url}}}},
                            {{"type", "text"}, {"text", "b"}}}}}}}};
  const Json anthropic = {
      {"max_tokens", 5},
      {"messages",
       {{{"role", "user"},
         {"content",
          {{{"type", "text"}, {"text", "a"}},
           {{"type", "image"}, {"source", {{"type", "base64"}, {"media_type", "image/png"}, {"data", data}}}},
           {{"type", "text"}, {"text", "b"}}}}}}}};
  const Json responses = {{"input",
                           {{{"role", "user"},
                             {"content",
                              {{{"type", "input_text"}, {"text", "a"}},
                               {{"type", "input_image"}, {"image_url", url}},
                               {{"type", "input_text"}, {"text", "b"}}}}}}}};
  for (const Generation& asked : {asked_of(openai_chat, openai), asked_of(anthropic_messages, anthropic),
                                  asked_of(openai_responses, responses)}) {
    ASSERT_EQ(asked.pictures.files, std::vector<std::string>({"one"}));
    EXPECT_FALSE(asked.pictures.mark.empty());
    EXPECT_EQ(asked.messages[0]["content"], "a" + asked.pictures.mark + "b");
  }
  const Json ollama = {{"messages", {{{"role", "user"}, {"content", "b"}, {"images", {data, data}}}}}};
  const Generation two = asked_of(ollama_chat, ollama);
  EXPECT_EQ(two.pictures.files.size(), 2u);
  EXPECT_EQ(two.messages[0]["content"], two.pictures.mark + two.pictures.mark + "b");
  EXPECT_EQ(asked_of(ollama_generate, {{"prompt", "p"}, {"images", {data}}}).pictures.files.size(), 1u);
  for (const std::string bad : {"https://example.com/a.png", "data:image/png,abc", "data:;base64,*", "data:;base64,"}) {
    Json wrong = openai;
    wrong["messages"][0]["content"][1]["image_url"]["url"] = bad;
    EXPECT_THROW(asked_of(openai_chat, wrong), ApiError) << bad;
  }
}

TEST(Answers, LogProbabilitiesOfEachInterface) {
  const Json one = {{"token", "a"},
                    {"logprob", -1},
                    {"bytes", {97}},
                    {"top_logprobs", {{{"token", "b"}, {"logprob", -0.5}, {"bytes", {98}}}}}};
  const Finish finish{.reason = "stop", .message = {{"content", "aa"}}};
  const auto whole = [&](Outcome (*handler)(const HttpRequest&, Service&), const Json& body) {
    std::unique_ptr<Answer> answer;
    const Generation asked = asked_of(handler, body, &answer);
    EXPECT_TRUE(asked.log_probabilities);
    EXPECT_EQ(asked.top_tokens, 1u);
    answer->started(0, 1);
    for (int i = 0; i < 2; ++i) answer->delta(0, {{"content", "a"}, {"logprobs", Json::array({one})}});
    answer->finished(0, finish);
    return Json::parse(answer->end());
  };
  const Json chat = whole(openai_chat, {{"messages", kUser}, {"logprobs", true}, {"top_logprobs", 1}});
  EXPECT_EQ(chat["choices"][0]["logprobs"]["content"], Json::array({one, one}));
  EXPECT_EQ(chat["usage"]["prompt_tokens_details"]["cached_from"]["redis"], 0);
  const Json text = whole(openai_completions, {{"prompt", "x"}, {"logprobs", 1}});
  EXPECT_EQ(text["choices"][0]["logprobs"]["token_logprobs"], Json::array({-1, -1}));
  EXPECT_EQ(text["choices"][0]["logprobs"]["text_offset"], Json::array({0, 1}));
  EXPECT_EQ(text["choices"][0]["logprobs"]["top_logprobs"][1]["b"], -0.5);
  const Json response = whole(openai_responses, {{"input", "x"}, {"top_logprobs", 1}});
  EXPECT_EQ(response["output"][0]["content"][0]["logprobs"], Json::array({one, one}));
  const Json ollama =
      whole(ollama_chat, {{"messages", kUser}, {"stream", false}, {"logprobs", true}, {"top_logprobs", 1}});
  EXPECT_EQ(ollama["logprobs"], Json::array({one, one}));
  EXPECT_THROW(asked_of(openai_chat, {{"messages", kUser}, {"top_logprobs", 1}}), ApiError);
  EXPECT_THROW(asked_of(openai_chat, {{"messages", kUser}, {"logprobs", true}, {"top_logprobs", 21}}), ApiError);
  std::unique_ptr<Answer> answer;
  asked_of(openai_chat, {{"messages", kUser}}, &answer);
  answer->finished(0, finish);
  EXPECT_TRUE(Json::parse(answer->end())["choices"][0]["logprobs"].is_null()) << "nobody has asked";
}

}  // namespace pumice_serve::answers_test
