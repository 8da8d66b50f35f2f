// ServerTest: a test that asks servers of its own. Thread rule: one thread at a time.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "serve/http_client.h"

namespace pumice::test {

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (cli_path().empty()) GTEST_SKIP() << "the pumice program was not built";
    if (run_cli({"serve", "--help"}).out.find("--port") == std::string::npos) GTEST_SKIP() << "built without Boost";
    if (run_cli({"devices", "-q"}).exit_code == 4) GTEST_SKIP() << "no usable Vulkan device";
  }
};

inline ServeJson prompt_of(size_t index, size_t tokens = 12) {
  return {{"prompt", "Once upon a time there was a number " + std::to_string(index)},
          {"max_tokens", tokens},
          {"temperature", 0}};
}

inline std::string text_of(const ServeReply& reply) {
  const ServeJson json = reply.json();
  return json.is_object() && json.contains("choices") ? json["choices"][0]["text"].get<std::string>() : reply.body;
}

}  // namespace pumice::test
