// Translator: targets against the reference and a plain search over it, however many texts are under way, and sources
// that are found again.
#include "engine/translator.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "engine/context.h"
#include "engine/warm_up.h"
#include "reference/translation.h"
#include "support/engine_fixture.h"
#include "support/slice.h"
#include "support/temporary_folder.h"
#include "support/translation_model.h"

namespace pumice::test::translator_test {

using Ids = std::vector<int32_t>;
using Found = std::vector<std::vector<Hypothesis>>;

constexpr uint32_t kVocabulary = 90;

// The rule of engine/beam_search.h over whole texts, each computed anew.
class PlainSearch {
 public:
  PlainSearch(const reference::TranslationReference& model, Ids source) : model_(model), source_(std::move(source)) {}

  std::vector<Hypothesis> run(const BeamOptions& options) {
    std::vector<Hypothesis> live(1), done;
    for (uint32_t step = 0; step < options.limit && !live.empty() && done.size() < options.beam; ++step) {
      std::vector<Hypothesis> all;
      for (const Hypothesis& one : live)
        for (int32_t token = 0; token < static_cast<int32_t>(kVocabulary); ++token) {
          if (step < options.prefix.size() && token != options.prefix[step]) continue;
          Hypothesis next = one;
          next.sum += log_probabilities(one.ids)[static_cast<size_t>(token)];
          next.ids.push_back(token);
          next.score = next.sum / std::pow(static_cast<double>(next.ids.size()), options.alpha);
          all.push_back(next);
        }
      std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.sum > b.sum; });
      live.clear();
      for (size_t i = 0; i < std::min<size_t>(all.size(), 2 * options.beam); ++i) {
        const bool ends = all[i].ids.back() == options.end_token;
        if (i < options.beam && (ends || step + 1 == options.limit)) done.push_back(all[i]);
        if (!ends && live.size() < options.beam) live.push_back(all[i]);
      }
    }
    std::stable_sort(done.begin(), done.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
    return done;
  }

 private:
  const std::vector<double>& log_probabilities(const Ids& target) {
    const auto known = known_.find(target);
    if (known != known_.end()) return known->second;
    const std::vector<float> logits = model_.logits(source_, target).back();
    double highest = -INFINITY, total = 0;
    for (const float logit : logits) highest = std::max(highest, static_cast<double>(logit));
    for (const float logit : logits) total += std::exp(static_cast<double>(logit) - highest);
    std::vector<double> logs;
    for (const float logit : logits) logs.push_back(static_cast<double>(logit) - highest - std::log(total));
    return known_[target] = logs;
  }

  const reference::TranslationReference& model_;
  Ids source_;
  std::map<Ids, std::vector<double>> known_;
};

class TranslatorTest : public EngineTest {
 protected:
  struct Loaded {
    std::unique_ptr<LoadedModel> model;
    std::unique_ptr<Translator> translator;
    std::optional<reference::TranslationReference> reference;
  };
  Loaded make(const TranslationModel& model, const TranslatorOptions& options = {}) {
    Loaded loaded;
    loaded.model = load(make_translation_model(model));
    if (!loaded.model) return loaded;
    auto translator = Translator::create(*loaded.model->model, options);
    EXPECT_TRUE(translator.ok()) << (translator.ok() ? "" : translator.error().message);
    if (translator) loaded.translator = std::move(translator).value();
    auto reference = reference::TranslationReference::from_gguf(*loaded.model->file);
    EXPECT_TRUE(reference.ok());
    if (reference) loaded.reference = std::move(reference).value();
    return loaded;
  }
  static Found translate(Translator& translator, const std::vector<Ids>& sources, const BeamOptions& search,
                         std::string_view group = {}) {
    std::vector<TranslationRequest> requests;
    for (const Ids& source : sources) requests.push_back({.source = source, .search = search, .group = group});
    Found found(sources.size());
    const Result<void> done = translator.translate(requests, [&](size_t index, std::vector<Hypothesis> hypotheses) {
      EXPECT_TRUE(found[index].empty()) << "handed out twice";
      found[index] = std::move(hypotheses);
      return true;
    });
    EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().message);
    return found;
  }
  static void expect_same(const std::vector<Hypothesis>& actual, const std::vector<Hypothesis>& expected) {
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i) {
      EXPECT_EQ(actual[i].ids, expected[i].ids) << i;
      EXPECT_NEAR(actual[i].score, expected[i].score, 1e-4) << i;
    }
  }
  static std::vector<Ids> sources() {
    std::vector<Ids> all;
    for (const uint32_t length : {6u, 1u, 40u, 33u}) all.push_back(random_tokens(kVocabulary, length, length));
    return all;
  }
};

std::vector<TranslationModel> models() {
  return {{},
          {.activation = "silu", .norm_first = true, .two_tables = true, .seed = 2},
          {.activation = "gelu_quick", .recurrent = true, .seed = 3},
          {.activation = "gelu", .norm_first = true, .recurrent = true, .encoder_layers = 3, .seed = 4},
          {.t5 = true, .seed = 6},
          {.t5 = true, .gated = true, .two_tables = true, .seed = 7}};
}

TEST_F(TranslatorTest, FindsWhatAPlainSearchFinds) {
  PUMICE_SLICE(3);
  for (const TranslationModel& model : models()) {
    SCOPED_TRACE(model.seed);
    Loaded loaded = make(model);
    ASSERT_TRUE(loaded.translator && loaded.reference);
    for (const uint32_t beam : {1u, 3u}) {
      BeamOptions search{.beam = beam, .limit = 36, .end_token = model.end_token};  // beyond a page
      const Found found = translate(*loaded.translator, sources(), search);
      for (size_t i = 0; i < found.size(); ++i)
        expect_same(found[i], PlainSearch(*loaded.reference, sources()[i]).run(search));
    }
  }
}

TEST_F(TranslatorTest, FindsItLikeAGpu) {
  use(Mask::kShared);
  Loaded loaded = make(models()[1]);
  ASSERT_TRUE(loaded.translator && loaded.reference);
  const BeamOptions search{.beam = 2, .limit = 12, .end_token = 3};
  const Found found = translate(*loaded.translator, sources(), search);
  for (size_t i = 0; i < found.size(); ++i)
    expect_same(found[i], PlainSearch(*loaded.reference, sources()[i]).run(search));
}

// A prefix that the model would not choose.
TEST_F(TranslatorTest, KeepsToAPrefix) {
  Loaded loaded = make({});
  ASSERT_TRUE(loaded.translator && loaded.reference);
  const BeamOptions search{.beam = 2, .limit = 10, .end_token = 3, .prefix = {50, 51, 52}};
  const Ids source = sources()[0];
  const Found found = translate(*loaded.translator, {source}, search);
  expect_same(found[0], PlainSearch(*loaded.reference, source).run(search));
  for (const Hypothesis& one : found[0])
    EXPECT_TRUE(std::equal(search.prefix.begin(), search.prefix.end(), one.ids.begin()));
}

// More texts than a step has room for, with little room for sources: the same as one at a time.
TEST_F(TranslatorTest, TextsDoNotDisturbEachOther) {
  const TranslationModel model{.recurrent = false, .seed = 5};
  Loaded loaded = make(model, {.rows = 5, .store_tokens = 160});
  ASSERT_TRUE(loaded.translator);
  std::vector<Ids> all;
  for (uint32_t i = 0; i < 14; ++i) all.push_back(random_tokens(kVocabulary, 1 + i * 5 % 60, i));
  const BeamOptions search{.beam = 2, .limit = 40, .end_token = model.end_token};
  const Found together = translate(*loaded.translator, all, search);
  const KvCache& kept = loaded.translator->cache();
  EXPECT_GT(kept.index().evictions()[static_cast<size_t>(EvictionCause::kCapacity)], 0u);
  EXPECT_LE(kept.pool().used(), kept.pool().pages());
  EXPECT_EQ(kept.held(), 0u) << "by texts that are over";
  for (size_t i = 0; i < all.size(); ++i) expect_same(translate(*loaded.translator, {all[i]}, search)[0], together[i]);
}

TEST_F(TranslatorTest, ASourceIsEncodedOnce) {
  Loaded loaded = make({});
  ASSERT_TRUE(loaded.translator);
  const BeamOptions search{.limit = 8, .end_token = 3};
  std::vector<Ids> all = sources();
  all.push_back(all[0]);
  const Found first = translate(*loaded.translator, all, search);
  EXPECT_EQ(loaded.translator->stats().encoded_sources, all.size() - 1) << "the same source twice in a call";
  expect_same(first.back(), first[0]);
  const Found again = translate(*loaded.translator, all, search);
  EXPECT_EQ(loaded.translator->stats().encoded_sources, all.size() - 1);
  for (size_t i = 0; i < all.size(); ++i) expect_same(again[i], first[i]);
  all[2][0] = (all[2][0] + 1) % static_cast<int32_t>(kVocabulary);
  translate(*loaded.translator, all, search);
  EXPECT_EQ(loaded.translator->stats().encoded_sources, all.size());
}

// What is kept in a folder, by which model, group and secret.
class TranslatorFolderTest : public TranslatorTest {
 protected:
  void SetUp() override {
    TranslatorTest::SetUp();
    if (IsSkipped()) return;
    options_.cache.identity = "a model";
    options_.cache.secret = Secret{};
    options_.cache.seconds_per_token = 1;  // loading is always worth while
    options_.cache.measures = false;
    options_.cache.store.disk_folder = folder_.file("sources");
    options_.cache.store.disk_bytes = 1 << 24;
    options_.cache.store.admit_at_use = 1;
    search_ = {.beam = 2, .limit = 12, .end_token = 3};
  }
  // By a translator of its own, which says how many sources it encoded.
  Found once(uint64_t* encoded, std::string_view group = {}) {
    Loaded loaded = make({}, options_);
    if (!loaded.translator) return {};
    const Found found = translate(*loaded.translator, sources(), search_, group);
    *encoded = loaded.translator->stats().encoded_sources;
    EXPECT_TRUE(loaded.translator->cache().flush(20).ok());
    return found;
  }
  static bool same_bits(const Found& one, const Found& other) {
    return std::ranges::equal(one, other, [](const auto& a, const auto& b) {
      return std::ranges::equal(a, b, [](const Hypothesis& x, const Hypothesis& y) {
        return x.ids == y.ids && std::bit_cast<uint64_t>(x.score) == std::bit_cast<uint64_t>(y.score);
      });
    });
  }

  TemporaryFolder folder_;
  TranslatorOptions options_;
  BeamOptions search_;
};

TEST_F(TranslatorFolderTest, AfterARestartNothingIsEncoded) {
  uint64_t encoded = 0;
  const Found first = once(&encoded);
  EXPECT_EQ(encoded, sources().size());
  const Found again = once(&encoded);
  EXPECT_EQ(encoded, 0u);
  EXPECT_TRUE(same_bits(first, again));
}

TEST_F(TranslatorFolderTest, OfAnotherModelGroupSecretOrTypeNothingIsFound) {
  uint64_t encoded = 0;
  (void)once(&encoded);
  const auto computes_all = [&] {
    (void)once(&encoded);
    return encoded == sources().size();
  };
  (void)once(&encoded, "others");
  EXPECT_EQ(encoded, sources().size());
  (void)once(&encoded, "others");
  EXPECT_EQ(encoded, 0u);
  const TranslatorOptions same = options_;
  options_.cache.identity = "another";
  EXPECT_TRUE(computes_all());
  options_ = same;
  (*options_.cache.secret)[5] = std::byte{1};
  EXPECT_TRUE(computes_all());
  options_ = same;
  options_.cache.store.epoch = 1;
  EXPECT_TRUE(computes_all());
}

TEST_F(TranslatorFolderTest, DamageIsAMiss) {
  uint64_t encoded = 0;
  const Found first = once(&encoded);
  std::mt19937 random(5);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(options_.cache.store.disk_folder)) {
    if (!entry.is_regular_file() || entry.file_size() < 4096) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    for (uintmax_t at = 2048; at < entry.file_size(); at += 1024 + random() % 1024) {  // in every page
      file.seekg(static_cast<std::streamoff>(at));
      const char byte = static_cast<char>(file.get() ^ 1);
      file.seekp(static_cast<std::streamoff>(at));
      file.put(byte);
    }
  }
  const Found again = once(&encoded);
  EXPECT_EQ(encoded, sources().size());
  EXPECT_TRUE(same_bits(first, again));
}

TEST_F(TranslatorTest, GroupsShareNothing) {
  Loaded loaded = make({});
  ASSERT_TRUE(loaded.translator);
  const BeamOptions search{.limit = 8, .end_token = 3};
  const std::vector<Ids> all = sources();
  const Found first = translate(*loaded.translator, all, search, "a");
  const uint64_t lookups = loaded.translator->cache().stats().looked_up_pages;
  const Found second = translate(*loaded.translator, all, search, "b");
  EXPECT_EQ(loaded.translator->stats().encoded_sources, 2 * all.size());
  EXPECT_EQ(loaded.translator->cache().stats().hit_pages[0], 0u);
  for (size_t i = 0; i < all.size(); ++i) expect_same(second[i], first[i]);
  (void)translate(*loaded.translator, all, search, "a");
  EXPECT_EQ(loaded.translator->stats().encoded_sources, 2 * all.size());
  EXPECT_EQ(loaded.translator->cache().stats().hit_pages[0], lookups) << "all pages of the third call";
}

TEST_F(TranslatorTest, AQuotaBoundsAGroup) {
  Loaded loaded = make({});
  ASSERT_TRUE(loaded.translator);
  KvCache& kept = loaded.translator->cache();
  kept.set_quota(kept.tenant("small"), 2);
  const BeamOptions search{.limit = 8, .end_token = 3};
  const Found first = translate(*loaded.translator, sources(), search, "small");
  EXPECT_LE(kept.index().tenant_pages(kept.tenant("small")), 2u);
  const Found again = translate(*loaded.translator, sources(), search, "small");
  for (size_t i = 0; i < first.size(); ++i) expect_same(again[i], first[i]);
}

TEST_F(TranslatorTest, WithoutReuseEverySourceIsEncoded) {
  TranslatorOptions options;
  options.cache.reuse = false;
  Loaded loaded = make({}, options);
  ASSERT_TRUE(loaded.translator);
  const BeamOptions search{.limit = 8, .end_token = 3};
  const Found first = translate(*loaded.translator, sources(), search);
  expect_same(translate(*loaded.translator, {sources()[0], sources()[0]}, search)[1], first[0]);
  EXPECT_EQ(loaded.translator->stats().encoded_sources, sources().size() + 2);
  EXPECT_EQ(loaded.translator->cache().pool().used(), 0u);
}

TEST_F(TranslatorTest, RefusesWhatItCannotTranslate) {
  Loaded loaded = make({}, {.rows = 4});
  ASSERT_TRUE(loaded.translator);
  const auto error_of = [&](const Ids& source, const BeamOptions& search) {
    const TranslationRequest request{.source = source, .search = search};
    const Result<void> done =
        loaded.translator->translate({&request, 1}, [](size_t, std::vector<Hypothesis>) { return true; });
    return done.ok() ? std::string() : done.error().message;
  };
  EXPECT_NE(error_of({}, {}).find("0 tokens"), std::string::npos);
  EXPECT_NE(error_of(Ids(97, 1), {}).find("97 tokens"), std::string::npos);
  EXPECT_NE(error_of({90}, {}).find("90 is not a token"), std::string::npos);
  EXPECT_NE(error_of({1}, {.beam = 5}).find("beam of 5"), std::string::npos);
  EXPECT_NE(error_of({1}, {.beam = 0}).find("beam of 0"), std::string::npos);
  EXPECT_NE(error_of({1}, {.prefix = {-1}}).find("prefix"), std::string::npos);
  EXPECT_EQ(error_of({1}, {.limit = 3, .end_token = 3}), "");
  const Ids source = sources()[0];
  const TranslationRequest request{.source = source, .search = {.limit = 3}};
  const Result<void> stopped =
      loaded.translator->translate({&request, 1}, [](size_t, std::vector<Hypothesis>) { return false; });
  EXPECT_EQ(stopped.error().status, Status::kCancelled);
  EXPECT_EQ(translate(*loaded.translator, {source}, {.limit = 3}).size(), 1u) << "usable afterwards";
  EXPECT_EQ(Context::create(*loaded.model->model, {}, {.context_tokens = 64}).error().status, Status::kUnsupported);
  const Result<WarmUpSummary> warm = warm_up(*loaded.model->model, {.autotune = false});
  ASSERT_TRUE(warm.ok());
  EXPECT_EQ(warm->pipelines, 0u);
  const auto decoder = load(make_synthetic_model({}));
  ASSERT_TRUE(decoder);
  EXPECT_EQ(Translator::create(*decoder->model, {}).error().status, Status::kUnsupported);
}

}  // namespace pumice::test::translator_test
