// What requests to `pumice serve` may ask beside a text: log-probabilities, biases, pictures, a place in the queue; and
// what is said of where cached tokens came from.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <mutex>
#include <thread>

#include "serve/serve_fixture.h"
#include "support/picture_samples.h"
#include "support/temporary_folder.h"
#include "support/tower_model.h"

namespace pumice::test::serve_requests_test {

using Json = ServeJson;

TEST_F(ServerTest, BiasesAndLogProbabilities) {
  const ServerProcess server;
  ASSERT_GT(server.port(), 0);
  Json body = prompt_of(1, 6);
  const std::string plain = text_of(server.post("/v1/completions", body));
  body["logprobs"] = 2;
  const Json choice = server.post("/v1/completions", body).json()["choices"][0];
  const Json& told = choice["logprobs"];
  EXPECT_EQ(choice["text"], plain);
  ASSERT_EQ(told["tokens"].size(), 6u);
  std::string joined;
  for (size_t i = 0; i < 6; ++i) {
    joined += told["tokens"][i].get<std::string>();
    ASSERT_EQ(told["top_logprobs"][i].size(), 2u);
    EXPECT_EQ(told["top_logprobs"][i][told["tokens"][i].get<std::string>()], told["token_logprobs"][i]) << "greedy";
    EXPECT_LT(told["token_logprobs"][i], 0);
  }
  EXPECT_EQ(joined, plain);
  body["stream"] = true;
  EXPECT_NE(server.post("/v1/completions", body).body.find("\"token_logprobs\":["), std::string::npos);
  body["stream"] = false;
  // The first token that comes is forbidden, then another one is forced.
  const Json ids = server.post("/tokenize", {{"content", joined}}).json()["tokens"];
  body["logit_bias"] = {{std::to_string(ids[0].get<int>()), -100}, {std::to_string(ids[1].get<int>()), -100}};
  EXPECT_NE(text_of(server.post("/v1/completions", body)), plain);
  body["logit_bias"] = Json{{"300", 100}};
  const std::string forced = text_of(server.post("/v1/completions", body));
  const std::string one = server.post("/detokenize", {{"tokens", {300, 300, 300, 300, 300, 300}}}).json()["content"];
  EXPECT_NE(one.find(forced.substr(1)), std::string::npos) << forced << "; " << one;
}

TEST_F(ServerTest, CachedTokensSayWhereTheyCameFrom) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 30; ++i) text += "The quick brown fox jumps over the lazy dog. ";
  const Json body = {{"prompt", text}, {"max_tokens", 2}, {"temperature", 0}};
  const std::vector<std::string> options = {"--cache-dir", folder.file("pages"), "--cache-admit", "1"};
  const auto from = [&](const ServerProcess& server) {
    return server.post("/v1/completions", body).json()["usage"]["prompt_tokens_details"];
  };
  {
    ServerProcess server(options);
    ASSERT_GT(server.port(), 0);
    EXPECT_EQ(from(server)["cached_tokens"], 0);
    const Json again = from(server);
    EXPECT_GT(again["cached_tokens"], 100);
    EXPECT_EQ(again["cached_from"]["device"], again["cached_tokens"]);
    server.process().send(SIGTERM);
    EXPECT_EQ(server.process().wait().exit_code, 0);
  }
  const ServerProcess other(options);
  ASSERT_GT(other.port(), 0);
  const Json later = from(other);
  EXPECT_GT(later["cached_from"]["disk"], 100) << later.dump();
  EXPECT_EQ(later["cached_from"]["device"].get<int>() + later["cached_from"]["disk"].get<int>(),
            later["cached_tokens"].get<int>());
}

// One place: the others wait, and are let in by their priority.
TEST_F(ServerTest, PrioritiesAndDeadlines) {
  const ServerProcess server({"--parallel", "1", "--ctx", "2048"});
  ASSERT_GT(server.port(), 0);
  Json endless = prompt_of(5, 2000);
  endless["stream"] = true;
  ClientSocket first(server.port());
  first.send(request_text("POST", "/v1/completions", endless.dump()));
  first.read_until("data: {");
  Json late = prompt_of(1, 4);
  late["deadline_ms"] = 50;
  const ServeReply refused = server.post("/v1/completions", late);
  EXPECT_EQ(refused.status, 504) << refused.body;
  EXPECT_EQ(refused.json()["error"]["code"], "deadline_exceeded");
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::thread> clients;
  for (const int priority : {5, 0, -3}) {
    const double before = server.metric("pumice_waiting_replies");
    clients.emplace_back([&, priority] {
      Json body = prompt_of(2, 4);
      body["priority"] = priority;
      EXPECT_EQ(server.post("/v1/completions", body).status, 200);
      const std::lock_guard lock(mutex);
      order.push_back(priority);
    });
    // If the first has ended meanwhile, none waits; the order says so.
    for (int i = 0; i < 1000 && server.metric("pumice_waiting_replies") <= before; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  first.reset();
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(order, std::vector<int>({-3, 0, 5}));
  Json cut = prompt_of(5, 1900);
  cut["deadline_ms"] = 1000;
  const Json reply = server.post("/v1/completions", cut).json();
  EXPECT_EQ(reply["choices"][0]["finish_reason"], "length");
  EXPECT_LT(reply["usage"]["completion_tokens"], 1900);
}

// The bundled model with a template, and a random tower of its width.
std::string with_template(const std::string& path, std::string text) {
  const std::vector<char> bytes = read_file_bytes(path);
  std::string file(bytes.begin(), bytes.end());
  const auto number = [](uint64_t value, size_t size) {
    std::string made(size, '\0');
    std::memcpy(made.data(), &value, size);
    return made;
  };
  const std::string key = "tokenizer.chat_template";
  text.resize((text.size() + key.size() + 20 + 31) / 32 * 32 - key.size() - 20, ' ');  // tensors stay aligned
  const std::string added = number(key.size(), 8) + key + number(8, 4) + number(text.size(), 8) + text;
  uint64_t count = 0;
  std::memcpy(&count, file.data() + 16, 8);
  return file.replace(16, 8, number(count + 1, 8) + added);
}

TEST_F(ServerTest, SeesPicturesThatComeInMessages) {
  const TemporaryFolder folder;
  const std::string model = with_template(PUMICE_MODELS_DIR "/storyteller-5m-Q4_K_M.gguf",
                                          "{% for m in messages %}{{ m.content }} {% endfor %}Once");
  std::ofstream(folder.file("m.gguf"), std::ios::binary) << model;
  const std::vector<std::byte> tower = make_tower_model({.projector = "mlp", .text_width = 256});
  std::ofstream(folder.file("t.gguf"), std::ios::binary)
      .write(reinterpret_cast<const char*>(tower.data()), static_cast<std::streamsize>(tower.size()));
  const auto body_of = [](const void* file, size_t size) {
    const std::string url = "data:image/png;base64," + base64_of(file, size);
    const Json parts = {{{"type", "text"}, {"text", "A tale of"}},
                        {{"type", "image_url"}, {"image_url", {{"url", url}}}}};
    return Json{{"messages", {{{"role", "user"}, {"content", parts}}}},
                {"max_tokens", 12},
                {"temperature", 0},
                {"logprobs", true}};
  };
  const Json colour = body_of(kPngColour, sizeof kPngColour), grey = body_of(kPngGrey16, sizeof kPngGrey16);
  const ServerProcess server({"-m", folder.file("m.gguf"), "--mmproj", folder.file("t.gguf")});
  ASSERT_GT(server.port(), 0);
  const auto choice = [&](const Json& body) {
    const ServeReply reply = server.post("/v1/chat/completions", body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.status == 200 ? reply.json()["choices"][0] : Json();
  };
  const Json seen = choice(colour);
  EXPECT_EQ(seen, choice(colour));
  EXPECT_NE(seen["logprobs"], choice(grey)["logprobs"]) << "any picture is as good";
  EXPECT_EQ(server.post("/v1/chat/completions", body_of("no picture", 10)).status, 400);
  Json text = colour;
  text["messages"][0]["content"] = "A tale of";
  const ServeReply plain = server.post("/v1/chat/completions", text);
  const int rows = server.post("/v1/chat/completions", colour).json()["usage"]["prompt_tokens"].get<int>() -
                   plain.json()["usage"]["prompt_tokens"].get<int>();
  EXPECT_GE(rows, 16) << "of the picture";
  const ServerProcess blind({"-m", folder.file("m.gguf")});
  ASSERT_GT(blind.port(), 0);
  const ServeReply refused = blind.post("/v1/chat/completions", colour);
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find("--mmproj"), std::string::npos) << refused.body;
}

}  // namespace pumice::test::serve_requests_test
