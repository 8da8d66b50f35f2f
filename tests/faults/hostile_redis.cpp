#include "faults/hostile_redis.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>

#include "support/fake_server.h"

namespace pumice::faults {
namespace {

using Command = std::vector<std::string>;

// Cuts one command, an array of bulk strings, off what has been received; nothing while it is not whole.
std::optional<Command> cut_command(std::string& received) {
  size_t at = 0;
  const auto number = [&](char mark) -> std::optional<size_t> {
    const size_t end = received.find("\r\n", at);
    if (end == std::string::npos || received[at] != mark) return std::nullopt;
    const size_t value = std::strtoull(received.c_str() + at + 1, nullptr, 10);
    at = end + 2;
    return value;
  };
  const auto words = number('*');
  if (!words) return std::nullopt;
  Command command;
  for (size_t i = 0; i < *words; ++i) {
    const auto length = number('$');
    if (!length || received.size() < at + *length + 2) return std::nullopt;
    command.push_back(received.substr(at, *length));
    at += *length + 2;
  }
  received.erase(0, at);
  return command;
}

std::string bulk(const std::string& value) { return "$" + std::to_string(value.size()) + "\r\n" + value + "\r\n"; }

void send_for_ever(const test::Peer& peer, const std::string& piece) {
  while (peer.send(piece)) {
  }
}

}  // namespace

struct HostileRedis::State {
  std::string behaviour;
  std::mutex mutex;
  std::map<std::string, std::string> values;
  std::unique_ptr<test::FakeServer> server;  // last: its threads use the others

  void serve(const test::Peer& peer);
  std::string answer(const Command& command);
  // Whether it has misbehaved, and the connection goes on; `end`: it does not.
  bool misbehave(const test::Peer& peer, const Command& command, bool& end);
};

std::string HostileRedis::State::answer(const Command& command) {
  std::lock_guard lock(mutex);
  const std::string& name = command[0];
  if (name == "GET") {
    const auto found = values.find(command.at(1));
    return found == values.end() ? "$-1\r\n" : bulk(found->second);
  }
  if (name == "SET") return values[command.at(1)] = command.at(2), "+OK\r\n";
  if (name == "DEL") return ":" + std::to_string(values.erase(command.at(1))) + "\r\n";
  if (name != "SCAN") return "+OK\r\n";
  std::string names;
  for (const auto& [key, value] : values) names += bulk(key);
  return "*2\r\n" + bulk("0") + "*" + std::to_string(values.size()) + "\r\n" + names;
}

bool HostileRedis::State::misbehave(const test::Peer& peer, const Command& command, bool& end) {
  const bool get = command[0] == "GET", scan = command[0] == "SCAN";
  const auto is = [&](const char* name) { return behaviour == name; };
  const auto say = [&](const std::string& text) { return end = !peer.send(text), true; };
  if (is("garbage")) return say("\x01\xff\x80garbage\r\n\r\n*-7\r\n$9");
  if (is("errors")) return say("-ERR \x1b[31m\xc2\x9b no \x07\r\n");
  if (is("silent")) return peer.sleep(std::chrono::seconds(60)), true;
  if (is("closes")) return end = true;
  if (is("drips")) {
    for (const char c : answer(command)) {
      if (!peer.send({&c, 1})) return end = true;
      peer.sleep(std::chrono::milliseconds(20));
    }
    return true;
  }
  if (is("line-without-end")) return send_for_ever(peer, std::string(4096, '+')), end = true;
  if (get && is("value-without-end"))
    return peer.send("$2000000000\r\n"), send_for_ever(peer, std::string(65536, 'x')), end = true;
  if (get && is("huge-array")) return say("*2000000000\r\n");
  if (get && is("huge-length")) return say("$9223372036854775807\r\n");
  if (get && is("negative-length")) return say("$-2\r\n");
  if (get && is("number-for-value")) return say(":1\r\n");
  if (get && is("nested-for-ever")) return send_for_ever(peer, "*1\r\n"), end = true;
  if (get && (is("other-value") || is("cut-value") || is("changed-value"))) {
    std::lock_guard lock(mutex);
    if (values.empty()) return say("$-1\r\n");
    std::string value = values.begin()->second;
    if (const auto found = values.find(command.at(1)); !is("other-value") && found != values.end())
      value = found->second;
    if (is("cut-value")) value.resize(value.size() / 2);
    if (is("changed-value") && !value.empty()) value[value.size() / 2] ^= 1;
    return say(bulk(value));
  }
  if (scan && is("scan-without-end")) return say("*2\r\n" + bulk("17") + "*1\r\n" + bulk("pumice:nothing"));
  if (scan && is("huge-scan")) return say("*2\r\n" + bulk("17") + "*2000000000\r\n" + bulk("a"));
  return false;
}

std::vector<const char*> hostile_behaviours() {
  return {"garbage",
          "errors",
          "silent",
          "closes",
          "drips",
          "line-without-end",
          "value-without-end",
          "huge-array",
          "huge-length",
          "negative-length",
          "number-for-value",
          "nested-for-ever",
          "other-value",
          "cut-value",
          "changed-value",
          "scan-without-end",
          "huge-scan"};
}

void HostileRedis::State::serve(const test::Peer& peer) {
  std::string received;
  for (;;) {
    const std::string more = peer.receive();
    if (more.empty()) return;
    received += more;
    while (const auto command = cut_command(received)) {
      bool end = command->empty();
      if (!end && !misbehave(peer, *command, end)) end = !peer.send(answer(*command));
      if (end) return;
    }
  }
}

HostileRedis::HostileRedis(const std::string& behaviour) : state_(std::make_unique<State>()) {
  state_->behaviour = behaviour;
  state_->server =
      std::make_unique<test::FakeServer>([state = state_.get()](const test::Peer& peer) { state->serve(peer); });
}
HostileRedis::~HostileRedis() = default;
std::string HostileRedis::url() const { return state_->server->url(); }

}  // namespace pumice::faults
