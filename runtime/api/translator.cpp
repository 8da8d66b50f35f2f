// Translation: texts into sentences, these into the translator, and their translations back into texts.
#include "engine/translator.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "api/call_turn.h"
#include "api/handles.h"
#include "api/source_cache.h"
#include "engine/vocabulary.h"
#include "text/sentences.h"

namespace pumice {
namespace {

constexpr uint32_t kDefaultBatch = 32, kDefaultStore = 8192;
constexpr int32_t kUsualEnd = 1;  // of a vocabulary that does not say which token ends a text, as T5 has it

// A piece of a text that is translated as a whole, and the white space behind it.
struct Piece {
  std::vector<int32_t> ids;  // empty: nothing to translate
  std::string_view space;
};

// Sentences that are too long are cut at the last space that fits.
void add_pieces(const TranslatorObject& object, std::string_view sentence, std::optional<int32_t> language,
                std::vector<Piece>& pieces) {
  const size_t most = object.translator->source_tokens();
  while (!sentence.empty()) {
    std::vector<int32_t> ids = object.source->encode(sentence, language);
    size_t cut = sentence.size();
    while (ids.size() > most && cut > 1) {
      const size_t half = cut * most / ids.size();
      const size_t space = sentence.rfind(' ', std::max<size_t>(half, 1) - 1);
      cut = space != std::string_view::npos && space > 0 ? space : std::max<size_t>(half, 1);
      while (cut > 1 && cut < sentence.size() && (static_cast<unsigned char>(sentence[cut]) & 0xC0) == 0x80) --cut;
      ids = object.source->encode(sentence.substr(0, cut), language);
    }
    const size_t gap = cut < sentence.size() && sentence[cut] == ' ' ? 1 : 0;
    pieces.push_back({std::move(ids), sentence.substr(cut, gap)});
    sentence.remove_prefix(cut + gap);
  }
}

struct Job {
  std::vector<std::vector<Piece>> texts;
  std::vector<TranslationRequest> requests;
  std::vector<std::pair<size_t, size_t>> places;  // of each request: text, piece
};

Job plan(const TranslatorObject& object, const PumiceTranslateOptions& given, std::optional<int32_t> language) {
  Job job;
  BeamOptions search{.beam = object.beam,
                     .limit = given.max_tokens,
                     .alpha = object.alpha,
                     .end_token = object.model->tokenizer->eos().value_or(kUsualEnd)};
  for (size_t i = 0; i < given.count; ++i) {
    std::vector<Piece>& pieces = job.texts.emplace_back();
    if (given.sources) {
      pieces.push_back({{given.sources[i].ids, given.sources[i].ids + given.sources[i].count}, {}});
      continue;
    }
    const std::string_view text(given.texts[i].text, given.texts[i].length);
    for (const Sentence& sentence : given.whole ? std::vector<Sentence>{{text, {}}} : split_sentences(text)) {
      add_pieces(object, sentence.text, language, pieces);
      if (!sentence.space.empty() && (pieces.empty() || !pieces.back().space.empty() || sentence.text.empty()))
        pieces.push_back({{}, sentence.space});
      else if (!sentence.space.empty())
        pieces.back().space = sentence.space;
    }
  }
  for (size_t text = 0; text < job.texts.size(); ++text)
    for (size_t piece = 0; piece < job.texts[text].size(); ++piece)
      if (!job.texts[text][piece].ids.empty()) {
        job.requests.push_back(
            {.source = job.texts[text][piece].ids, .search = search, .group = given.group ? given.group : ""});
        job.places.emplace_back(text, piece);
      }
  return job;
}

// Hands out translations in the order of their texts.
class Delivery {
 public:
  Delivery(const TranslatorObject& object, const PumiceTranslateOptions& given, const Job& job)
      : object_(object), given_(given), job_(job), found_(job.texts.size()), left_(job.texts.size()) {
    for (size_t i = 0; i < job.texts.size(); ++i) found_[i].resize(job.texts[i].size());
    for (const auto& [text, piece] : job.places) ++left_[text];
  }

  bool take(size_t request, std::vector<Hypothesis> hypotheses) {
    const auto [text, piece] = job_.places[request];
    found_[text][piece] = std::move(hypotheses);
    --left_[text];
    return hand_out();
  }

  // Those that are complete and whose turn it is.
  bool hand_out() {
    for (; next_ < left_.size() && left_[next_] == 0; ++next_) {
      const size_t wanted = std::max<uint32_t>(given_.alternatives, 1);
      for (size_t rank = 0; rank < wanted; ++rank)
        if (!hand_out(next_, rank)) return false;
      found_[next_].clear();
    }
    return true;
  }

 private:
  bool hand_out(size_t text, size_t rank) {
    std::string output;
    std::vector<int32_t> ids;
    double sum = 0;
    bool complete = true;
    for (size_t piece = 0; piece < job_.texts[text].size(); ++piece) {
      const std::vector<Hypothesis>& found = found_[text][piece];
      if (rank > 0 && rank >= found.size() && !job_.texts[text][piece].ids.empty()) return true;  // there are no more
      if (!found.empty()) {
        const Hypothesis& one = found[rank];
        output += object_.model->tokenizer->decode(one.ids);
        ids.insert(ids.end(), one.ids.begin(), one.ids.end());
        sum += one.sum;
        complete = complete && one.complete;
      }
      output += job_.texts[text][piece].space;
    }
    const double count = std::max(static_cast<double>(ids.size()), 1.0);
    const PumiceTranslation made = {.size = sizeof(PumiceTranslation),
                                    .next = nullptr,
                                    .text = text,
                                    .rank = static_cast<uint32_t>(rank),
                                    .output = output.c_str(),
                                    .length = output.size(),
                                    .ids = ids.data(),
                                    .id_count = ids.size(),
                                    .score = sum / std::pow(count, object_.alpha),
                                    .complete = complete ? 1 : 0};
    return !given_.on_translation || given_.on_translation(given_.on_translation_user, &made) == 0;
  }

  const TranslatorObject& object_;
  const PumiceTranslateOptions& given_;
  const Job& job_;
  std::vector<std::vector<std::vector<Hypothesis>>> found_;  // by text and piece
  std::vector<size_t> left_;                                 // pieces of each text
  size_t next_ = 0;
};

Result<void> translate(TranslatorObject& object, const PumiceTranslateOptions& given) {
  if (given.count > 0 && (given.texts != nullptr) == (given.sources != nullptr))
    return invalid("give either texts or sources");
  for (size_t i = 0; i < given.count; ++i) {
    if (given.texts && !given.texts[i].text && given.texts[i].length > 0) return invalid("a text of texts");
    if (given.sources && !given.sources[i].ids && given.sources[i].count > 0) return invalid("ids of sources");
  }
  std::optional<int32_t> language;
  if (given.to) {
    PUMICE_ASSIGN(language, object.source->language(given.to));
  }
  const Job job = plan(object, given, language);
  if (given.alternatives > object.beam) return invalid("alternatives are more than the beam");
  if (given.alternatives > 1)
    for (const std::vector<Piece>& pieces : job.texts)
      if (std::count_if(pieces.begin(), pieces.end(), [](const Piece& piece) { return !piece.ids.empty(); }) > 1)
        return invalid("alternatives are of texts of one sentence: give one a line, or take each text as a whole");
  Delivery delivery(object, given, job);
  if (!delivery.hand_out()) return error(Status::kCancelled, "cancelled");
  return object.translator->translate(job.requests, [&](size_t request, std::vector<Hypothesis> found) {
    return delivery.take(request, std::move(found));
  });
}

Result<void> prepare_source(TranslatorObject& object) {
  ModelObject& model = *object.model;
  if (!model.tokenizer) return *model.tokenizer_error;
  PUMICE_ASSIGN(std::optional<SourceVocabulary> vocabulary, read_source_vocabulary(*model.file));
  if (!vocabulary) {
    object.source.emplace(*model.tokenizer);
    return {};
  }
  PUMICE_ASSIGN(object.source, SourceText::create(std::move(*vocabulary), model.model->spec().encoder[0].vocabulary));
  return {};
}

// What the file recommends where the caller does not say.
void choose_search(const PumiceTranslatorOptions& given, TranslatorObject& object) {
  const Gguf& file = *object.model->file;
  const std::string prefix = object.model->model->spec().architecture + ".generation.";
  const GgufValue* penalty = file.find(prefix + "length_penalty");
  const std::optional<float> said = penalty ? penalty->as_f32() : std::nullopt;
  object.beam = given.beam ? given.beam : std::clamp(file.get_u32(prefix + "beam_size").value_or(1), 1u, 16u);
  object.alpha = given.length_penalty != 0 ? std::max(given.length_penalty, 0.0)
                                           : std::clamp(static_cast<double>(said.value_or(1)), 0.0, 10.0);
}

}  // namespace
}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_translator_create(PumiceModel* model, const PumiceTranslatorOptions* options,
                                      PumiceTranslator** translator) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    if (!translator) return invalid("translator");
    if (!model->object->model) return invalid("the model was opened without a device");
    PUMICE_ASSIGN(const PumiceTranslatorOptions given,
                  taken_if_given(options, pumice_translator_options_init(), "translator options"));
    if (!std::isfinite(given.length_penalty)) return invalid("length_penalty is not a number");
    auto object = std::make_shared<TranslatorObject>();
    object->model = model->object;
    TranslatorOptions translated{.rows = given.batch ? given.batch : kDefaultBatch,
                                 .source_tokens = given.source_tokens,
                                 .store_tokens = given.store_tokens ? given.store_tokens : kDefaultStore};
    if (given.half_precision) translated.kv = {KvType::kF16, KvType::kF16};
    PUMICE_ASSIGN(translated.cache, translate_source_cache(*model->object, given.cache, translated.kv));
    PUMICE_ASSIGN(object->translator, Translator::create(*model->object->model, translated));
    PUMICE_TRY(prepare_source(*object));
    choose_search(given, *object);
    *translator = new PumiceTranslator{std::move(object)};
    return {};
  });
}

void pumice_translator_destroy(PumiceTranslator* translator) { delete translator; }

size_t pumice_translator_error(const PumiceTranslator* translator, char* buffer, size_t capacity) {
  return translator ? translator->object->last_error.copy(buffer, capacity) : copy_text("", buffer, capacity);
}

PumiceResult pumice_translate(PumiceTranslator* translator, const PumiceTranslateOptions* options) {
  if (!translator) return PUMICE_INVALID_ARGUMENT;
  const std::shared_ptr<TranslatorObject> object = translator->object;
  return guarded(&object->last_error, [&]() -> Result<void> {
    PUMICE_TRY(CallTurn::check_none(object.get()));
    PUMICE_ASSIGN(const PumiceTranslateOptions given, taken(options, pumice_translate_options_init(), "options"));
    const CallTurn turn(object.get(), object->turn);
    return translate(*object, given);
  });
}

PumiceResult pumice_translator_get_info(const PumiceTranslator* translator, PumiceTranslatorInfo* info) {
  if (!translator) return PUMICE_INVALID_ARGUMENT;
  const std::shared_ptr<TranslatorObject> object = translator->object;
  return guarded(&object->last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(info, "info"));
    PUMICE_TRY(CallTurn::check_none(object.get()));
    const CallTurn turn(object.get(), object->turn);
    const TranslatorStats& stats = object->translator->stats();
    PumiceTranslatorInfo to = pumice_translator_info_init();
    to.beam = object->beam;
    to.source_tokens = object->translator->source_tokens();
    to.sentences = stats.sources;
    to.encoded_sentences = stats.encoded_sources;
    to.source_tokens_done = stats.source_tokens;
    to.target_tokens = stats.target_tokens;
    to.steps = stats.steps;
    to.seconds = stats.seconds;
    hand_out(to, info);
    return {};
  });
}

PumiceResult pumice_translator_get_cache_stats(const PumiceTranslator* translator, PumiceCacheStats* stats) {
  if (!translator) return PUMICE_INVALID_ARGUMENT;
  return source_cache_stats(translator->object, &TranslatorObject::translator, stats);
}

PumiceResult pumice_translator_set_group_quota(PumiceTranslator* translator, const char* group, uint32_t tokens) {
  if (!translator) return PUMICE_INVALID_ARGUMENT;
  return set_source_quota(translator->object, &TranslatorObject::translator, group, tokens);
}

}  // extern "C"
