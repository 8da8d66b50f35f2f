// What `pumice chat` is at: a conversation, how its replies are made, and the commands that change either.
// Thread rule: the main thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/chat/chat_model.h"
#include "cli/chat/screen.h"
#include "common/conversation.h"

namespace pumice_cli {

class Talk {
 public:
  // sampling: without tokens and seed. seed: of the first reply; each that follows has its own.
  Talk(ChatModel* model, Screen* screen, const PumiceRequestOptions& sampling, std::uint64_t seed)
      : model_(*model), screen_(*screen), without_preset_(sampling), sampling_(sampling), seed_(seed) {}

  void set_system(const std::string& text) { conversation_.set_system(text); }
  void set_thinking(PumiceThinking thinking) { thinking_ = thinking; }
  // The conversation in a file, where it is to be kept from now on. Throws Failure.
  void open(const std::string& file);
  void keep_in(const std::string& file) { file_ = file; }
  void keep_no_kv() { keeps_kv_ = false; }
  // At the end: what the model holds is kept beside the file.
  void close();
  // forced: a reply begins with a call.
  void set_tools(std::string tools, pumice::Grammar calls, bool forced) {
    tools_ = std::move(tools);
    calls_ = std::move(calls);
    forced_ = forced;
  }

  // A question, or a command (a word behind a slash; two slashes: text that begins with one). False: to end. Throws
  // what a reply throws; the conversation is then as it was.
  bool take(const std::string& entry);

 private:
  enum class Next { kRead, kReply, kEnd };
  struct Command {
    const char* name;
    const char* argument;
    const char* help;
    Next (Talk::*run)(const std::string& argument);
  };
  static const Command kCommands[];

  Next run_command(std::string_view entry);
  Next help(const std::string&);
  Next system(const std::string& text);
  Next regenerate(const std::string&);
  Next edit(const std::string& text);
  Next branch(const std::string& which);
  Next result(const std::string& text);
  Next save(const std::string& file);
  Next load(const std::string& file);
  Next stats(const std::string&);
  Next preset(const std::string& name);
  Next json(const std::string& schema);
  Next think(const std::string& how);
  Next quit(const std::string&) { return Next::kEnd; }

  void reply();
  void keep();
  void keep_kv();
  void take_kv();
  std::string kv_file() const { return file_ + ".kv"; }
  void note_turn();
  void show_branch() const;
  Next keep_preset(const std::string& name);
  Next answer(const std::string& text) const;  // says it, and reads on

  ChatModel& model_;
  Screen& screen_;
  const PumiceRequestOptions without_preset_;  // chosen here
  PumiceRequestOptions sampling_;
  std::uint64_t seed_;
  pumice_apps::Conversation conversation_;
  PumiceThinking thinking_ = PUMICE_THINKING_AS_TEMPLATE;
  std::string tools_, file_;
  std::optional<pumice::Grammar> calls_, form_;
  std::optional<Reply> last_;
  struct Turn {
    std::size_t prompt = 0, computed = 0;  // tokens
    double first_token_ms = 0;
  };
  std::vector<Turn> turns_;  // the last ones
  bool forced_ = false, keeps_kv_ = true, kv_is_old_ = false;
  std::size_t replies_ = 0, left_out_ = 0;
};

}  // namespace pumice_cli
