// `pumice serve` as a process, asked over sockets: what it promises of many, slow, rude and hostile clients.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "serve/serve_fixture.h"
#include "support/slice.h"
#include "support/temporary_folder.h"

namespace pumice::test::server_test {

using Json = ServeJson;

// The texts of data lines of a stream.
std::string streamed_text(const std::string& body) {
  std::string text;
  for (size_t at = 0; (at = body.find("data: {", at)) != std::string::npos; ++at) {
    const Json json = Json::parse(body.substr(at + 6, body.find('\n', at) - at - 6), nullptr, false);
    if (json.is_object() && json.contains("choices") && !json["choices"].empty())
      text += json["choices"][0].value("text", "");
  }
  return text;
}

TEST_F(ServerTest, ManyAtOnceSayWhatEachSaysAlone) {
  PUMICE_SLICE(1);
  const ServerProcess server({"--parallel", "16", "--ctx", "2048"});
  ASSERT_GT(server.port(), 0);
  constexpr size_t kRequests = 32;
  std::vector<std::string> alone(kRequests), together(kRequests);
  for (size_t i = 0; i < kRequests; ++i) alone[i] = text_of(server.post("/v1/completions", prompt_of(i)));
  std::vector<std::thread> clients;
  for (size_t i = 0; i < kRequests; ++i)
    clients.emplace_back([&, i] { together[i] = text_of(server.post("/v1/completions", prompt_of(i))); });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(alone, together);
  EXPECT_FALSE(alone[0].empty());
  EXPECT_NE(alone[0], alone[17]) << "the prompts do not matter";
}

TEST_F(ServerTest, AStreamSaysTheSame) {
  const ServerProcess server;
  ASSERT_GT(server.port(), 0);
  Json body = prompt_of(1);
  const std::string whole = text_of(server.post("/v1/completions", body));
  body["stream"] = true;
  const ServeReply stream = server.post("/v1/completions", body);
  EXPECT_EQ(streamed_text(stream.body), whole);
  EXPECT_NE(stream.head.find("text/event-stream"), std::string::npos);
  EXPECT_NE(stream.body.find("data: [DONE]"), std::string::npos);
  body["stop"] = whole.substr(4, 5);
  EXPECT_EQ(streamed_text(server.post("/v1/completions", body).body), whole.substr(0, whole.find(body["stop"])));
}

TEST_F(ServerTest, AClientThatGoesAwayFreesItsPlaceAndDisturbsNobody) {
  const ServerProcess server({"--parallel", "2", "--ctx", "2048"});
  ASSERT_GT(server.port(), 0);
  const std::string expected = text_of(server.post("/v1/completions", prompt_of(3, 40)));
  std::string beside;
  Json endless = prompt_of(5, 1000);
  endless["stream"] = true;
  for (int round = 0; round < 3; ++round) {
    ClientSocket decoding(server.port()), other(server.port()), queued(server.port());
    decoding.send(request_text("POST", "/v1/completions", endless.dump()));
    decoding.read_until("data: {");
    std::thread neighbour([&] { beside = text_of(server.post("/v1/completions", prompt_of(3, 40))); });
    other.send(request_text("POST", "/v1/completions", endless.dump()));
    queued.send(request_text("POST", "/v1/completions", endless.dump()));
    decoding.reset();
    other.reset();
    queued.reset();
    neighbour.join();
    EXPECT_EQ(beside, expected);
  }
  for (int i = 0; i < 500 && server.metric("pumice_running_replies") + server.metric("pumice_waiting_replies") > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(server.metric("pumice_running_replies"), 0);
  EXPECT_EQ(server.metric("pumice_waiting_replies"), 0);
  EXPECT_GT(server.metric("pumice_cancelled_total"), 0) << "nobody was cancelled";
}

TEST_F(ServerTest, SeveralRepliesWaitForTheirPlaces) {
  const ServerProcess server({"--parallel", "3", "--ctx", "2048"});
  ASSERT_GT(server.port(), 0);
  Json body = prompt_of(1);
  const std::string one = text_of(server.post("/v1/completions", body));
  body["n"] = 4;
  EXPECT_EQ(server.post("/v1/completions", body).status, 400);
  body["n"] = 3;
  std::vector<ServeReply> replies(3);
  std::vector<std::thread> clients;
  for (ServeReply& reply : replies) clients.emplace_back([&] { reply = server.post("/v1/completions", body); });
  for (std::thread& client : clients) client.join();
  for (const ServeReply& reply : replies) {
    ASSERT_EQ(reply.status, 200) << reply.body;
    for (const Json& choice : reply.json()["choices"]) EXPECT_EQ(choice["text"], one);
  }
}

TEST_F(ServerTest, IdleAndSlowClientsHoldUpNobody) {
  const ServerProcess server;
  ASSERT_GT(server.port(), 0);
  std::vector<std::unique_ptr<ClientSocket>> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(std::make_unique<ClientSocket>(server.port()));
    if (i % 2 == 0) slow.back()->send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Le");
  }
  EXPECT_EQ(server.ask("GET", "/health").status, 200);
  EXPECT_GE(server.metric("pumice_open_connections"), 200);
}

TEST_F(ServerTest, RefusesWhatIsTooLargeOrNoRequest) {
  const ServerProcess server({"--connections", "64"});
  ASSERT_GT(server.port(), 0);
  EXPECT_EQ(server.ask("POST", "/v1/completions", "{").status, 400);
  EXPECT_EQ(server.ask("POST", "/v1/completions", "[]").status, 400);
  EXPECT_EQ(server.post("/v1/completions", {{"prompt", 5}}).status, 400);
  EXPECT_EQ(server.post("/v1/completions", {{"prompt", "x"}, {"temperature", "hot"}}).status, 400);
  EXPECT_EQ(server.post("/v1/completions", {{"prompt", "x"}, {"model", "none"}}).status, 404);
  EXPECT_EQ(server.post("/v1/chat/completions", {{"messages", {{{"role", 1}}}}}).status, 400);
  EXPECT_EQ(server.ask("GET", "/nothing").status, 404);
  EXPECT_EQ(server.ask("GET", "/v1/completions").status, 405);
  const Json tokens = {{"prompt", "word"}, {"max_tokens", 4}, {"logit_bias", {{"100000000", 1}}}};
  EXPECT_EQ(server.post("/v1/completions", tokens).status, 400) << "was ignored";
  std::string words;
  for (int i = 0; i < 20000; ++i) words += "word ";
  const ServeReply full = server.post("/v1/completions", {{"prompt", words}});
  EXPECT_EQ(full.status, 400);
  EXPECT_EQ(full.json()["error"]["code"], "context_length_exceeded");
  EXPECT_EQ(server.send("POST /v1/completions HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n").status, 413);
  EXPECT_EQ(server.send("GET /health HTTP/1.1\r\nX: " + std::string(100000, 'x') + "\r\n\r\n").status, 413);
  server.send("\x16\x03\x01 no HTTP\r\n\r\n");
  server.send(std::string("GET \0 HTTP/9.9\r\n\r\n", 18));
  EXPECT_EQ(server.ask("GET", "/health").status, 200) << "it has ended";
}

TEST_F(ServerTest, PagesOfOtherHostsMayNotAsk) {
  const ServerProcess server({"--origin", "https://friend.example"});
  ASSERT_GT(server.port(), 0);
  const auto status = [&](const std::string& host, const std::string& origin) {
    return server
        .send("GET /v1/models HTTP/1.1\r\nConnection: close\r\nHost: " + host + "\r\n" +
              (origin.empty() ? "" : "Origin: " + origin + "\r\n") + "\r\n")
        .status;
  };
  EXPECT_EQ(status("localhost:80", ""), 200);
  EXPECT_EQ(status("127.0.0.1", ""), 200);
  EXPECT_EQ(status("[::1]:80", ""), 200);
  EXPECT_EQ(status("localhost:80", "http://localhost:80"), 200);
  EXPECT_EQ(status("localhost:80", "https://friend.example"), 200);
  EXPECT_EQ(status("localhost:80", "https://evil.example"), 403);
  EXPECT_EQ(status("localhost:80", "null"), 403);
  EXPECT_EQ(status("evil.example:80", "http://evil.example:80"), 403) << "a name that was bound anew";
}

TEST_F(ServerTest, AKeyIsAskedForAndKeepsTextsApart) {
  const TemporaryFolder folder;
  const std::string keys = folder.file("keys");
  std::ofstream(keys) << "# name key\nanna secret-of-anna 512\nben secret-of-ben\n";
  const ServerProcess server({"--keys", keys, "--ctx", "2048"});
  ASSERT_GT(server.port(), 0);
  Json body = prompt_of(1, 2);
  std::string text;
  for (int i = 0; i < 30; ++i) text += "The quick brown fox jumps over the lazy dog. ";
  body["prompt"] = text;
  const auto cached = [&](const std::string& key) {
    const ServeReply reply = server.post("/v1/completions", body, "Authorization: Bearer " + key + "\r\n");
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json()["usage"]["prompt_tokens_details"]["cached_tokens"].get<int>();
  };
  EXPECT_EQ(server.post("/v1/completions", body).status, 401);
  EXPECT_EQ(server.post("/v1/completions", body, "Authorization: Bearer secret-of-ann\r\n").status, 401);
  EXPECT_EQ(server.ask("GET", "/metrics").status, 401);
  EXPECT_EQ(server.ask("GET", "/health").status, 200);
  EXPECT_EQ(cached("secret-of-anna"), 0);
  EXPECT_GT(cached("secret-of-anna"), 100);
  EXPECT_EQ(cached("secret-of-ben"), 0) << "found what another key had asked";
  std::ofstream(keys) << "anna short\n";
  EXPECT_EQ(run_cli({"serve", "--keys", keys}).exit_code, 2);
}

TEST_F(ServerTest, ASignalLetsRepliesEnd) {
  ServerProcess server({"--grace", "60"});
  ASSERT_GT(server.port(), 0);
  Json body = prompt_of(1, 60);
  body["stream"] = true;
  ClientSocket client(server.port()), idle(server.port());
  client.send(request_text("POST", "/v1/completions", body.dump()));
  client.read_until("data: {");
  server.process().send(SIGTERM);
  EXPECT_NE(client.read_all().find("data: [DONE]"), std::string::npos) << "the reply was cut";
  const CliResult result = server.process().wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(ServerTest, RepliesEndWithTheGrace) {
  ServerProcess server({"--grace", "0", "--ctx", "2048"});
  ASSERT_GT(server.port(), 0);
  Json body = prompt_of(1, 1000);
  body["stream"] = true;
  ClientSocket client(server.port());
  client.send(request_text("POST", "/v1/completions", body.dump()));
  client.read_until("data: {");
  server.process().send(SIGINT);
  EXPECT_NE(client.read_all().find("the server is stopping"), std::string::npos);
  EXPECT_EQ(server.process().wait().exit_code, 0);
}

#ifdef PUMICE_HANG_SHIM
TEST_F(ServerTest, ALostDeviceEndsItSoThatItIsStartedAgain) {
  ServerProcess server({}, {std::string("LD_PRELOAD=") + PUMICE_HANG_SHIM, "PUMICE_LOSE=1"});
  ASSERT_GT(server.port(), 0);
  const ServeReply reply = server.post("/v1/completions", prompt_of(1, 40));
  EXPECT_EQ(reply.status, 503) << reply.body;
  EXPECT_EQ(server.process().wait().exit_code, 9);
}
#endif

TEST_F(ServerTest, SaysWhyItCannotServe) {
  const ServerProcess server;
  ASSERT_GT(server.port(), 0);
  const CliResult taken = run_cli({"serve", "--port", std::to_string(server.port())});
  EXPECT_EQ(taken.exit_code, 5) << taken.err;
  EXPECT_NE(taken.err.find("ddress already in use"), std::string::npos) << taken.err;
  EXPECT_EQ(run_cli({"serve", "--tls-cert", "none.pem"}).exit_code, 2);
  EXPECT_EQ(run_cli({"serve", "--tls-cert", "none.pem", "--tls-key", "none.pem"}).exit_code, 5);
  EXPECT_EQ(run_cli({"serve", "-m", "none.gguf"}).exit_code, 3);
}

}  // namespace pumice::test::server_test
