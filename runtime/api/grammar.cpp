// Grammars of replies.
#include "api/handles.h"

namespace pumice {
namespace {

Result<std::shared_ptr<const grammar::Grammar>> choices_of(std::string_view text) {
  PUMICE_ASSIGN(const Json list, Json::parse(text, {.bytes = grammar::Grammar::kMaxSourceBytes}));
  if (!list.is_array()) return error(Status::kMalformed, "the choices must be a JSON list of texts");
  std::vector<std::string> choices;
  for (const Json& item : list.items()) {
    if (!item.is_string()) return error(Status::kMalformed, "the choices must be a JSON list of texts");
    choices.push_back(item.as_string());
  }
  return grammar::Grammar::from_choices(choices);
}

Result<std::shared_ptr<const grammar::Grammar>> compile(const PumiceGrammarOptions& options) {
  const std::string_view text(options.text, options.text_length);
  switch (options.kind) {
    case PUMICE_GRAMMAR_JSON_SCHEMA:
      return grammar::Grammar::from_schema_text(text, {.whitespace = options.disable_whitespace == 0});
    case PUMICE_GRAMMAR_GBNF:
      return grammar::Grammar::from_gbnf(text);
    case PUMICE_GRAMMAR_REGEX:
      return grammar::Grammar::from_regex(text);
    case PUMICE_GRAMMAR_CHOICES:
      return choices_of(text);
  }
  return invalid("kind is none of PumiceGrammarKind");
}

}  // namespace

std::shared_ptr<const grammar::TokenTrie> token_trie(ModelObject& model) {
  const std::lock_guard lock(model.trie_mutex);
  if (!model.trie) model.trie = grammar::TokenTrie::create(*model.tokenizer);
  return model.trie;
}

}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_grammar_create(PumiceModel* model, const PumiceGrammarOptions* options, PumiceGrammar** grammar) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    PUMICE_ASSIGN(const PumiceGrammarOptions given, taken(options, pumice_grammar_options_init(), "options"));
    if (!grammar || !given.text) return invalid("grammar or text");
    if (!model->object->tokenizer) return Error(*model->object->tokenizer_error);
    auto object = std::make_shared<GrammarObject>();
    object->model = model->object;
    PUMICE_ASSIGN(object->grammar, compile(given));
    object->tokens = token_trie(*model->object);
    *grammar = new PumiceGrammar{std::move(object)};
    return {};
  });
}

void pumice_grammar_destroy(PumiceGrammar* grammar) { delete grammar; }

}  // extern "C"
