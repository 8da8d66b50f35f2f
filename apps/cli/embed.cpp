// `pumice embed` and `pumice rank`: vectors of texts, and how well texts answer a query.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>

#include "commands.h"
#include "input.h"
#include "interrupt.h"
#include "output.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;
using Ids = std::vector<std::int32_t>;

const std::map<std::string, PumicePooling> kPoolings = {{"model", PUMICE_POOLING_OF_MODEL},
                                                        {"none", PUMICE_POOLING_NONE},
                                                        {"mean", PUMICE_POOLING_MEAN},
                                                        {"cls", PUMICE_POOLING_FIRST},
                                                        {"last", PUMICE_POOLING_LAST}};
constexpr std::size_t kTextsOfCall = 4096;  // bounds the memory for the vectors of a long file
constexpr std::uint64_t kDefaultRam = 64u << 20;

struct EmbedFlags {
  std::string model;
  DeviceFlags device;
  LineFlags lines;
  std::string query;  // of `rank`
  std::string pooling = "model";
  bool no_normalise = false, truncate = false, half = false, json = false, stats = false;
  std::uint32_t batch_tokens = 0, count = 0;
  CacheFlags cache;
};

PumiceEncoderOptions encoder_options(const EmbedFlags& flags, PumicePooling pooling) {
  PumiceEncoderOptions options = pumice_encoder_options_init();
  options.pooling = pooling;
  options.disable_normalise = flags.no_normalise ? 1 : 0;
  options.batch_tokens = flags.batch_tokens;
  options.half_precision = flags.half ? 1 : 0;
  options.cache = &flags.cache.options;
  return options;
}

ContextFlags kv_of(const EmbedFlags& flags) {
  ContextFlags context;
  context.kv_type = flags.half ? "f16" : "f32";
  return context;
}

// An encoder, and texts as it takes them.
class Embedding {
 public:
  Embedding(const EmbedFlags& flags, const Session& session, PumicePooling pooling)
      : flags_(flags),
        encoder_(session.model(), encoder_options(flags, pooling)),
        most_tokens_(encoder_.info().text_tokens) {}

  const pumice::Encoder& encoder() const { return encoder_; }

  // With --truncate a long text loses what is before its last token, which may be one that ends it.
  Ids fit(Ids ids, std::size_t number) const {
    if (ids.size() <= most_tokens_) return ids;
    if (!flags_.truncate)
      throw Failure(kExitContextTooSmall,
                    fmt::format("text {} has {} tokens, and the model takes {}: shorten it, or pass --truncate", number,
                                ids.size(), most_tokens_));
    const std::int32_t last = ids.back();
    ids.resize(most_tokens_);
    ids.back() = last;
    return ids;
  }

  // (rows, width) of each text.
  std::vector<std::vector<float>> vectors(const std::vector<Ids>& texts, std::size_t done, std::size_t all) {
    std::vector<std::vector<float>> found(texts.size());
    std::size_t here = 0;
    encoder_.embed(texts, [&](std::size_t text, const float* values, std::size_t rows, std::size_t width) {
      found[text].assign(values, values + rows * width);
      if (!flags_.device.quiet && ++here % 16 == 0) show_progress(fmt::format("text {}/{}", done + here, all));
      return !interrupted();
    });
    show_progress("");
    return found;
  }

  void report() const {
    if (!flags_.stats) return;
    const PumiceEncoderInfo info = encoder_.info();
    const double seconds = std::max(info.seconds, 1e-9);
    note(fmt::format("{} texts, {} tokens in {:.3f} s: {:.1f} texts/s, {:.1f} tokens/s", info.texts, info.tokens,
                     info.seconds, static_cast<double>(info.texts) / seconds,
                     static_cast<double>(info.tokens) / seconds));
    note(fmt::format("{} texts were computed ({} tokens, {} submissions), {} found", info.computed_texts,
                     info.computed_tokens, info.submissions, info.texts - info.computed_texts));
    constexpr const char* kPlaces[] = {"RAM", "disk", "Redis"};
    for (std::size_t i = 0; i < 3; ++i)
      if (const PumiceTierStats& tier = info.tiers[i]; tier.present)
        note(fmt::format("{}: {} texts, {}, {} hits of {} reads", kPlaces[i], tier.values, format_bytes(tier.bytes),
                         tier.hits, tier.reads));
  }

 private:
  const EmbedFlags& flags_;
  pumice::Encoder encoder_;
  const std::size_t most_tokens_;  // of a text
};

std::span<const float> row_of(const std::vector<float>& values, std::size_t at, std::size_t width) {
  return std::span(values).subspan(at, width);
}

// One text's vectors: a list of numbers, or a list of such lists where they are not pooled.
std::string vectors_json(const std::vector<float>& values, std::size_t width, bool pooled) {
  std::string text;
  for (std::size_t at = 0; at < values.size(); at += width) {
    text += fmt::format("{}[{}]", at > 0 ? "," : "", fmt::join(row_of(values, at, width), ","));
  }
  return pooled ? text : "[" + text + "]";
}

std::string vectors_lines(const std::vector<float>& values, std::size_t width) {
  std::string text;
  for (std::size_t at = 0; at < values.size(); at += width)
    text += fmt::format("{}\n", fmt::join(row_of(values, at, width), " "));
  return text;
}

int embed(EmbedFlags& flags) {
  catch_interrupts();
  prepare_cache(&flags.cache);
  Messages messages(flags.device);
  const std::vector<std::string> texts = read_lines(flags.lines);
  const Session session(flags.device, &messages, flags.model, kv_of(flags));
  Embedding embedding(flags, session, kPoolings.at(flags.pooling));
  const PumiceEncoderInfo info = embedding.encoder().info();
  std::string ids_json;
  if (flags.json) write_stdout("{\"embeddings\":[");
  for (std::size_t first = 0; first < texts.size(); first += kTextsOfCall) {
    const std::size_t end = std::min(first + kTextsOfCall, texts.size());
    std::vector<Ids> ids;
    for (std::size_t i = first; i < end; ++i) {
      ids.push_back(embedding.fit(
          flags.lines.ids.empty() ? session.model().tokenize(texts[i], PUMICE_TOKENIZE_ADD_SPECIAL) : flags.lines.ids,
          i + 1));
      if (flags.json) ids_json += fmt::format("{}[{}]", i > 0 ? "," : "", fmt::join(ids.back(), ","));
    }
    std::string out;
    for (const std::vector<float>& values : embedding.vectors(ids, first, texts.size())) {
      if (!flags.json)
        out += vectors_lines(values, info.width);
      else
        out += (first == 0 && out.empty() ? "" : ",") +
               vectors_json(values, info.width, info.pooling != PUMICE_POOLING_NONE);
    }
    write_stdout(out);
  }
  if (flags.json) write_stdout("],\"ids\":[" + ids_json + "]}\n");
  embedding.report();
  throw_if_interrupted();
  return messages.exit_code();
}

struct Ranked {
  std::size_t index;
  float score;
};

void print_ranked(const EmbedFlags& flags, const std::vector<std::string>& texts, const std::vector<Ranked>& ranked) {
  if (!flags.json) {
    std::string table;
    for (const Ranked& one : ranked)
      table += fmt::format("{:>10.5f}  {:>5}  {}\n", one.score, one.index + 1, texts[one.index]);
    return write_stdout(table);
  }
  Json results = Json::array();
  for (const Ranked& one : ranked)
    results.push_back({{"index", one.index}, {"score", one.score}, {"text", texts[one.index]}});
  write_stdout(Json{{"results", results}}.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

int rank(EmbedFlags& flags) {
  catch_interrupts();
  prepare_cache(&flags.cache);
  Messages messages(flags.device);
  const std::vector<std::string> texts = read_lines(flags.lines);
  const Session session(flags.device, &messages, flags.model, kv_of(flags));
  Embedding embedding(flags, session, PUMICE_POOLING_RANK);
  std::vector<Ids> ids;
  for (std::size_t i = 0; i < texts.size(); ++i)
    ids.push_back(embedding.fit(session.model().tokenize_pair(flags.query, texts[i]), i + 1));
  const std::vector<std::vector<float>> scores = embedding.vectors(ids, 0, texts.size());
  std::vector<Ranked> ranked;
  for (std::size_t i = 0; i < texts.size(); ++i) ranked.push_back({i, scores[i].front()});
  std::stable_sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) { return a.score > b.score; });
  if (flags.count > 0 && flags.count < ranked.size()) ranked.resize(flags.count);
  print_ranked(flags, texts, ranked);
  embedding.report();
  throw_if_interrupted();
  return messages.exit_code();
}

void add_shared_flags(CLI::App* command, EmbedFlags* flags, bool with_ids) {
  flags->cache.options.ram_bytes = kDefaultRam;
  add_model_flag(command, &flags->model);
  add_line_flags(command, &flags->lines, with_ids);
  command->add_flag("--truncate", flags->truncate, "cut texts that are longer than the model takes");
  command->add_flag("--half", flags->half, "keys and values as F16: faster on GPUs, a little less accurate");
  command->add_option("--batch", flags->batch_tokens, "tokens of one submission (default: by device)")
      ->check(CLI::Range(1u, 1u << 16).description(""))
      ->type_name("N");
  command->add_flag("--json", flags->json, "one JSON object");
  command->add_flag("--stats", flags->stats, "figures on standard error");
  command->add_flag("--no-cache", flags->cache.options.disable_reuse, "compute every text")->group("KV cache");
  add_store_flags(command, &flags->cache);
}

}  // namespace

void add_embed_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<EmbedFlags>();
  CLI::App* command = app->add_subcommand("embed", "vectors of texts, for search by meaning");
  command->footer(
      "\nA vector a line, or with --json {\"embeddings\": [[...]], \"ids\": [[...]]}. Vectors have a length of 1, so "
      "that\n"
      "the product of two is their cosine. Texts that were computed before are found again: within the process, and\n"
      "with --cache-dir in the next runs, too. What some models want before a text (\"query: \") is yours to write.\n");
  add_shared_flags(command, flags.get(), true);
  add_device_flags(command, &flags->device);
  command->add_option("--pooling", flags->pooling, "what one vector is made of; none: a vector for each token")
      ->check(CLI::IsMember(kPoolings).description(""))
      ->type_name("model|none|mean|cls|last")
      ->capture_default_str();
  command->add_flag("--no-normalise", flags->no_normalise, "vectors as long as the model makes them");
  command->callback([=] { *action = [flags] { return embed(*flags); }; });
}

void add_rank_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<EmbedFlags>();
  CLI::App* command = app->add_subcommand("rank", "texts by how well they answer a query (a reranker's classifier)");
  command->footer(
      "\nA line for each text, the best first: its score, its number, the text. --json: {\"results\": [{\"index\", "
      "\"score\",\n\"text\"}]}, where index counts from 0.\n");
  command->add_option("-q,--query", flags->query, "what is asked")->required()->type_name("QUERY");
  add_shared_flags(command, flags.get(), false);
  add_device_flags(command, &flags->device, "--quiet");
  command->add_option("-n,--count", flags->count, "the best N alone")->type_name("N");
  command->callback([=] { *action = [flags] { return rank(*flags); }; });
}

}  // namespace pumice_cli
