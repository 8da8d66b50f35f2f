// Folders of Hugging Face: which tensor becomes which, what is read from the other files, and what is refused by name.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "convert/convert.h"
#include "convert/folders.h"
#include "format/whisper_file.h"
#include "support/temporary_folder.h"
#include "support/whole_gguf.h"

namespace pumice::test::convert_folder_test {

// A model of Hugging Face that a test may damage.
struct HfModel {
  OrderedJson config;
  SafetensorsWriter tensors;
  std::map<std::string, std::string> files;  // others

  void write(const std::string& folder) const {
    std::filesystem::remove_all(folder);
    write_text_file(folder + "/config.json", config.dump());
    if (!tensors.header.empty()) write_text_file(folder + "/model.safetensors", tensors.finish());
    for (const auto& [name, text] : files) write_text_file(folder + "/" + name, text);
  }
};

HfModel bert_model() {
  HfModel model;
  model.config = {{"model_type", "bert"},          {"hidden_size", 32},      {"num_hidden_layers", 2},
                  {"num_attention_heads", 4},      {"vocab_size", 9},        {"intermediate_size", 48},
                  {"max_position_embeddings", 16}, {"type_vocab_size", 2},   {"layer_norm_eps", 1e-6},
                  {"hidden_act", "gelu"},          {"_name_or_path", "tiny"}};
  SafetensorsWriter& to = model.tensors;
  to.add("embeddings.word_embeddings.weight", {9, 32});
  to.add("embeddings.position_embeddings.weight", {16, 32});
  to.add("embeddings.token_type_embeddings.weight", {2, 32});
  const auto pair = [&](const std::string& name, const std::vector<uint64_t>& shape) {
    to.add(name + ".weight", shape);
    to.add(name + ".bias", {shape[0]});
  };
  pair("embeddings.LayerNorm", {32});
  for (const std::string layer : {"encoder.layer.0.", "encoder.layer.1."}) {
    for (const char* part : {"query", "key", "value"}) pair(layer + "attention.self." + part, {32, 32});
    pair(layer + "attention.output.dense", {32, 32});
    pair(layer + "attention.output.LayerNorm", {32});
    pair(layer + "intermediate.dense", {48, 32});
    pair(layer + "output.dense", {32, 48});
    pair(layer + "output.LayerNorm", {32});
  }
  to.add_bytes("embeddings.position_ids", "I64", {1, 16}, std::string(128, '\0'));
  model.files["vocab.txt"] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n##lo\n.\n";
  model.files["tokenizer_config.json"] = R"({"do_lower_case": false})";
  model.files["modules.json"] =
      R"([{"path": "", "type": "models.Transformer"}, {"path": "1_Pooling", "type": "models.Pooling"}])";
  model.files["1_Pooling/config.json"] = R"({"pooling_mode_mean_tokens": false, "pooling_mode_cls_token": true})";
  return model;
}

class Conversion {
 public:
  explicit Conversion(const HfModel& model, ConvertType type = ConvertType::kF32) {
    model.write(folder_.file("model"));
    const Result<ConvertOutcome> outcome =
        convert_model({.source = folder_.file("model"), .target = folder_.file("out"), .type = type});
    if (!outcome) {
      error_ = outcome.error();
      EXPECT_FALSE(std::filesystem::exists(folder_.file("out")));
    } else if (!outcome->whisper) {
      Result<Gguf> file = test::whole_gguf(folder_.file("out"));
      EXPECT_TRUE(file.ok()) << file.error().message;
      if (file) file_.emplace(std::move(*file));
    } else {
      text_ = file_text(folder_.file("out"));
    }
  }

  const std::optional<Gguf>& file() const { return file_; }
  const std::string& text() const { return text_; }
  void expect_values(const std::string& name, const std::string& theirs, size_t first = 0) const {
    ASSERT_TRUE(file_) << error_.message;
    const GgufTensor* tensor = file_->find_tensor(name);
    ASSERT_TRUE(tensor) << name;
    const std::vector<float> values = floats_of(*tensor), all = random_floats(first + values.size(), seed_of(theirs));
    EXPECT_TRUE(std::equal(values.begin(), values.end(), all.begin() + static_cast<ptrdiff_t>(first))) << name;
  }
  void expect_refused(const std::string& part) const {
    EXPECT_FALSE(file_) << part;
    EXPECT_NE(error_.message.find(part), std::string::npos) << error_.message;
  }

 private:
  TemporaryFolder folder_;
  std::optional<Gguf> file_;
  std::string text_;
  Error error_;
};

TEST(ConvertBert, TensorsKeysAndTokens) {
  const Conversion made(bert_model());
  ASSERT_TRUE(made.file());
  const Gguf& file = *made.file();
  EXPECT_EQ(file.tensors().size(), 5u + 2 * 16);
  made.expect_values("token_types.weight", "embeddings.token_type_embeddings.weight");
  made.expect_values("blk.1.attn_k.weight", "encoder.layer.1.attention.self.key.weight");
  made.expect_values("blk.0.layer_output_norm.bias", "encoder.layer.0.output.LayerNorm.bias");
  made.expect_values("blk.1.ffn_down.weight", "encoder.layer.1.output.dense.weight");
  EXPECT_EQ(file.find_tensor("blk.1.ffn_down.weight")->dims[0], 48u);
  EXPECT_EQ(file.get_string("general.architecture"), "bert");
  EXPECT_EQ(file.get_string("general.name"), "tiny");
  EXPECT_EQ(file.get_u32("bert.context_length"), 16u);
  EXPECT_EQ(file.get_u32("bert.attention.head_count"), 4u);
  EXPECT_EQ(file.get_f32("bert.attention.layer_norm_epsilon"), 1e-6f);
  EXPECT_EQ(file.get_u32("bert.pooling_type"), 2u);
  EXPECT_EQ(file.get_u32("tokenizer.ggml.seperator_token_id"), 3u);
  EXPECT_EQ(file.get_bool("tokenizer.ggml.normalizer.lowercase"), false);
  const std::vector<std::string_view> tokens = {"[PAD]",
                                                "[UNK]",
                                                "[CLS]",
                                                "[SEP]",
                                                "[MASK]",
                                                "\u2581"
                                                "hello",
                                                "lo",
                                                "\u2581"
                                                ".",
                                                "[PAD8]"};
  EXPECT_EQ(file.get_strings("tokenizer.ggml.tokens"), tokens);
  EXPECT_EQ(file.get_i32_array("tokenizer.ggml.token_type"), (std::vector<int32_t>{3, 3, 3, 3, 3, 1, 1, 1, 5}));
}

TEST(ConvertBert, TokenizerJsonPrefixesAndOtherTypes) {
  HfModel model = bert_model();
  model.files.erase("vocab.txt");
  model.files["tokenizer.json"] =
      R"({"added_tokens": [{"content": "hello", "special": true}], "normalizer": {"lowercase": true},
          "model": {"type": "WordPiece", "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4,
                                                   "hello": 5, "##lo": 6}}})";
  OrderedJson renamed = OrderedJson::object();
  for (const auto& [name, entry] : model.tensors.header.items()) renamed["bert." + name] = entry;
  model.tensors.header = renamed;
  const Conversion made(model, ConvertType::kQ8_0);
  ASSERT_TRUE(made.file());
  EXPECT_EQ((*made.file()->get_strings("tokenizer.ggml.tokens"))[5], "hello");
  EXPECT_EQ(made.file()->get_bool("tokenizer.ggml.normalizer.lowercase"), true);
  EXPECT_EQ(made.file()->find_tensor("blk.0.ffn_up.weight")->type, TensorType::kQ8_0);
  EXPECT_EQ(made.file()->find_tensor("blk.0.ffn_down.weight")->type, TensorType::kF16);  // rows of 48
  EXPECT_EQ(made.file()->find_tensor("position_embd.weight")->type, TensorType::kF32);
}

TEST(ConvertBert, AClassifierRanks) {
  HfModel model = bert_model();
  model.tensors.add("pooler.dense.weight", {32, 32});
  model.tensors.add("pooler.dense.bias", {32});
  model.tensors.add("classifier.weight", {1, 32});
  model.tensors.add("classifier.bias", {1});
  const Conversion made(model);
  made.expect_values("cls.weight", "pooler.dense.weight");
  made.expect_values("cls.output.weight", "classifier.weight");
  EXPECT_EQ(made.file()->get_u32("bert.pooling_type"), 4u);
}

TEST(ConvertBert, RefusesWhatItDoesNotKnowByName) {
  const auto refused = [](const std::string& part, const std::function<void(HfModel&)>& change) {
    HfModel model = bert_model();
    change(model);
    Conversion(model).expect_refused(part);
  };
  refused("model of type \"llama\"", [](HfModel& m) { m.config["model_type"] = "llama"; });
  refused("hidden_act is relu", [](HfModel& m) { m.config["hidden_act"] = "relu"; });
  refused("relative_key", [](HfModel& m) { m.config["position_embedding_type"] = "relative_key"; });
  refused("num_hidden_layers", [](HfModel& m) { m.config["num_hidden_layers"] = "two"; });
  refused("encoder.layer.2.attention.self.query.weight is missing",
          [](HfModel& m) { m.config["num_hidden_layers"] = 3; });
  refused("shape", [](HfModel& m) { m.config["intermediate_size"] = 64; });
  refused("encoder.extra is not one", [](HfModel& m) { m.tensors.add("encoder.extra", {4}); });
  refused("pooling", [](HfModel& m) { m.files["1_Pooling/config.json"] = "{\"pooling_mode_max_tokens\": true}"; });
  refused("Unigram", [](HfModel& m) { m.files["tokenizer.json"] = R"({"model": {"type": "Unigram", "vocab": []}})"; });
  refused("has no [CLS]", [](HfModel& m) { m.files["vocab.txt"] = "[UNK]\n[SEP]\n"; });
  refused("tokens, where config.json says", [](HfModel& m) { m.config["vocab_size"] = 7; });
  refused("no JSON object", [](HfModel& m) { m.files["tokenizer_config.json"] = "[1, 2"; });
  refused("no JSON object", [](HfModel& m) { m.files["modules.json"] = std::string(5000, '['); });
  refused("of type I64", [](HfModel& m) {
    m.tensors = {};
    m.tensors.add_bytes("embeddings.word_embeddings.weight", "I64", {9, 32}, std::string(9 * 32 * 8, '\0'));
  });
}

HfModel marian_model() {
  HfModel model;
  model.config = {{"model_type", "marian"},
                  {"d_model", 32},
                  {"vocab_size", 10},
                  {"encoder_layers", 2},
                  {"decoder_layers", 1},
                  {"encoder_ffn_dim", 48},
                  {"decoder_ffn_dim", 64},
                  {"encoder_attention_heads", 4},
                  {"decoder_attention_heads", 4},
                  {"activation_function", "swish"},
                  {"scale_embedding", true},
                  {"max_position_embeddings", 24},
                  {"pad_token_id", 9},
                  {"decoder_start_token_id", 9},
                  {"bad_words_ids", OrderedJson::array({OrderedJson::array({9}), OrderedJson::array({4})})},
                  {"num_beams", 6}};
  SafetensorsWriter& to = model.tensors;
  to.add("model.shared.weight", {10, 32});
  to.add("model.encoder.embed_tokens.weight", {10, 32});  // as some have it
  const auto pair = [&](const std::string& name, const std::vector<uint64_t>& shape) {
    to.add(name + ".weight", shape);
    to.add(name + ".bias", {shape[0]});
  };
  for (const std::string layer : {"model.encoder.layers.0.", "model.encoder.layers.1.", "model.decoder.layers.0."}) {
    const bool decoder = layer.find("decoder") != std::string::npos;
    for (const std::string attention : {"self_attn", "encoder_attn"}) {
      if (attention == "encoder_attn" && !decoder) continue;
      for (const char* part : {".q_proj", ".k_proj", ".v_proj", ".out_proj"}) pair(layer + attention + part, {32, 32});
      pair(layer + attention + "_layer_norm", {32});
    }
    pair(layer + "fc1", {decoder ? 64u : 48u, 32});
    pair(layer + "fc2", {32, decoder ? 64u : 48u});
    pair(layer + "final_layer_norm", {32});
  }
  to.add("final_logits_bias", {1, 10});
  model.files["vocab.json"] = R"({"</s>": 0, "<unk>": 1, "▁a": 2, "b": 3, "c": 4, ">>por<<": 5, "<pad>": 9})";
  model.files["source.spm"] = sentencepiece_file({"</s>", "<unk>",
                                                  "\u2581"
                                                  "a",
                                                  "c", "z"});
  model.files["target.spm"] = sentencepiece_file({"</s>", "<unk>", "b",
                                                  "\u2581"
                                                  "a"});
  return model;
}

TEST(ConvertMarian, TensorsKeysAndTokens) {
  const Conversion made(marian_model());
  ASSERT_TRUE(made.file());
  const Gguf& file = *made.file();
  EXPECT_EQ(file.tensors().size(), 3u + 2 * 16 + 26);
  made.expect_values("enc.blk.1.attn_o.weight", "model.encoder.layers.1.self_attn.out_proj.weight");
  made.expect_values("dec.blk.0.cross_attn_k.bias", "model.decoder.layers.0.encoder_attn.k_proj.bias");
  made.expect_values("dec.blk.0.cross_attn_norm.weight", "model.decoder.layers.0.encoder_attn_layer_norm.weight");
  made.expect_values("dec.blk.0.ffn_down.weight", "model.decoder.layers.0.fc2.weight");
  made.expect_values("enc.blk.0.ffn_norm.bias", "model.encoder.layers.0.final_layer_norm.bias");
  // The row that the decoder starts from is zero; tokens that are never produced have a bias that no logit outweighs.
  std::vector<float> words = random_floats(320, seed_of("model.shared.weight"));
  std::fill(words.begin() + 9 * 32, words.end(), 0.0f);
  EXPECT_EQ(floats_of(*file.find_tensor("token_embd.weight")), words);
  std::vector<float> bias = random_floats(10, seed_of("final_logits_bias"));
  bias[9] = bias[4] = -10000;
  EXPECT_EQ(floats_of(*file.find_tensor("output.bias")), bias);
  const std::vector<float> positions = floats_of(*file.find_tensor("position_embd.weight"));
  EXPECT_NEAR(positions[3 * 32 + 5], std::sin(3 * std::pow(10000.0, -5.0 / 16)), 1e-6);
  EXPECT_NEAR(positions[3 * 32 + 16 + 5], std::cos(3 * std::pow(10000.0, -5.0 / 16)), 1e-6);
  EXPECT_EQ(file.get_u32("marian.decoder.feed_forward_length"), 64u);
  EXPECT_EQ(file.get_f32("marian.embedding_scale"), std::sqrt(32.0f));
  EXPECT_EQ(file.get_string("marian.hidden_activation"), "silu");
  EXPECT_EQ(file.get_u32("marian.generation.beam_size"), 6u);
  // "z" has no number; the language is a piece of its own.
  EXPECT_EQ(file.get_i32_array("tokenizer.ggml.source.ids"), (std::vector<int32_t>{0, 1, 2, 4, 1, 5}));
  EXPECT_EQ(file.get_i32_array("tokenizer.ggml.source.token_type"), (std::vector<int32_t>{3, 2, 1, 1, 1, 4}));
  EXPECT_EQ(file.get_f32_array("tokenizer.ggml.scores"), (std::vector<float>{0, 0, -1.375f, -1.25f, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(file.get_i32_array("tokenizer.ggml.token_type"), (std::vector<int32_t>{3, 2, 1, 1, 1, 4, 3, 3, 3, 3}));
}

TEST(ConvertMarian, AHeadOfItsOwnAndShardsAreRead) {
  HfModel model = marian_model();
  model.config["tie_word_embeddings"] = false;
  model.files["model.safetensors.index.json"] =
      R"({"weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors", "c": "part-1.safetensors"}})";
  SafetensorsWriter second;
  second.add("lm_head.weight", {10, 32});
  model.files["part-1.safetensors"] = model.tensors.finish();
  model.files["part-2.safetensors"] = second.finish();
  TemporaryFolder folder;
  model.write(folder.file("model"));
  std::filesystem::remove(folder.file("model/model.safetensors"));
  ASSERT_TRUE(
      convert_model({.source = folder.file("model"), .target = folder.file("out"), .type = ConvertType::kF32}).ok());
  const Result<Gguf> file = test::whole_gguf(folder.file("out"));
  EXPECT_EQ(floats_of(*file->find_tensor("output.weight")), random_floats(320, seed_of("lm_head.weight")));
}

TEST(ConvertMarian, RefusesWhatItDoesNotKnowByName) {
  const auto refused = [](const std::string& part, const std::function<void(HfModel&)>& change) {
    HfModel model = marian_model();
    change(model);
    Conversion(model).expect_refused(part);
  };
  refused("vocabularies", [](HfModel& m) { m.config["share_encoder_decoder_embeddings"] = false; });
  refused("activation_function is glu", [](HfModel& m) { m.config["activation_function"] = "glu"; });
  refused("norms before", [](HfModel& m) { m.config["normalize_before"] = true; });
  refused("source.spm: this is no SentencePiece", [](HfModel& m) { m.files["source.spm"] = "hello"; });
  refused("unigram", [](HfModel& m) { m.files["target.spm"] += "\x12\x02\x18\x02"; });
  refused("is not below 10", [](HfModel& m) { m.files["vocab.json"] = R"({"</s>": 10, "<unk>": 1})"; });
  refused("outside of the vocabulary", [](HfModel& m) { m.config["pad_token_id"] = 10; });
  refused("no model.safetensors", [](HfModel& m) { m.tensors.header.clear(); });
  refused("pytorch_model.bin", [](HfModel& m) {
    m.tensors.header.clear();
    m.files["pytorch_model.bin"] = "x";
  });
}

HfModel whisper_model() {
  HfModel model;
  model.config = {{"model_type", "whisper"},      {"vocab_size", 50300},
                  {"max_source_positions", 20},   {"d_model", 32},
                  {"encoder_attention_heads", 2}, {"encoder_layers", 1},
                  {"max_target_positions", 16},   {"decoder_attention_heads", 2},
                  {"decoder_layers", 1},          {"num_mel_bins", 80},
                  {"activation_function", "gelu"}};
  SafetensorsWriter& to = model.tensors;
  const auto pair = [&](const std::string& name, const std::vector<uint64_t>& shape) {
    to.add(name + ".weight", shape);
    to.add(name + ".bias", {shape[0]});
  };
  to.add("model.encoder.embed_positions.weight", {20, 32});
  to.add("model.decoder.embed_positions.weight", {16, 32});
  to.add("model.decoder.embed_tokens.weight", {50300, 32});
  pair("model.encoder.conv1", {32, 80, 3});
  pair("model.encoder.conv2", {32, 32, 3});
  pair("model.encoder.layer_norm", {32});
  pair("model.decoder.layer_norm", {32});
  for (const std::string side : {"encoder", "decoder"}) {
    const std::string layer = "model." + side + ".layers.0.";
    for (const std::string attention : {"self_attn", "encoder_attn"}) {
      if (attention == "encoder_attn" && side == "encoder") continue;
      for (const char* part : {".q_proj", ".v_proj", ".out_proj"}) pair(layer + attention + part, {32, 32});
      to.add(layer + attention + ".k_proj.weight", {32, 32});
      pair(layer + attention + "_layer_norm", {32});
    }
    pair(layer + "fc1", {128, 32});
    pair(layer + "fc2", {32, 128});
    pair(layer + "final_layer_norm", {32});
  }
  nlohmann::json words = nlohmann::json::object();
  words["\u0120!"] = 0;  // " !" in GPT-2's letters
  for (uint32_t i = 1; i < 50256; ++i) words["w" + std::to_string(i)] = i;
  words["<|endoftext|>"] = 50256;
  model.files["vocab.json"] = words.dump();
  return model;
}

TEST(ConvertWhisperFolder, IsReadAsWhisperCppsFile) {
  const Conversion made(whisper_model());
  const Result<WhisperFile> file = read_whisper_file(std::as_bytes(std::span(made.text())));
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(file->sizes.vocabulary, 50300u);
  EXPECT_EQ(file->sizes.audio_context, 20u);
  ASSERT_EQ(file->words.size(), 50256u);
  EXPECT_EQ(file->words[0], " !");
  EXPECT_EQ(file->words[50255], "w50255");
  const auto expect = [&](const std::string& name, const std::string& theirs) {
    const WhisperTensor* tensor = file->find(name);
    ASSERT_TRUE(tensor) << name;
    const std::vector<float> values = random_floats(tensor->data.size() / 4, seed_of(theirs));
    EXPECT_EQ(std::memcmp(values.data(), tensor->data.data(), tensor->data.size()), 0) << name;
  };
  expect("encoder.conv1.weight", "model.encoder.conv1.weight");
  expect("encoder.conv2.bias", "model.encoder.conv2.bias");
  expect("encoder.ln_post.weight", "model.encoder.layer_norm.weight");
  expect("decoder.blocks.0.cross_attn.key.weight", "model.decoder.layers.0.encoder_attn.k_proj.weight");
  expect("decoder.blocks.0.cross_attn_ln.bias", "model.decoder.layers.0.encoder_attn_layer_norm.bias");
  expect("encoder.blocks.0.mlp.2.weight", "model.encoder.layers.0.fc2.weight");
  // Slaney's filters: librosa.filters.mel(sr=16000, n_fft=400, n_mels=80)[0][1] and [1][1].
  float first = 0, second = 0;
  std::memcpy(&first, file->mel_filters.data() + 4, sizeof first);
  std::memcpy(&second, file->mel_filters.data() + 4 * 202, sizeof second);
  EXPECT_NEAR(first, 0.02486259, 1e-7);
  EXPECT_NEAR(second, 0.00199082, 1e-7);
}

TEST(ConvertWhisperFolder, RefusesWhatItDoesNotKnowByName) {
  const auto refused = [](const std::string& part, const std::function<void(HfModel&)>& change) {
    HfModel model = whisper_model();
    change(model);
    Conversion(model).expect_refused(part);
  };
  refused("tie_word_embeddings", [](HfModel& m) { m.config["tie_word_embeddings"] = false; });
  refused("multiple of the heads", [](HfModel& m) { m.config["decoder_attention_heads"] = 5; });
  refused("has no token 7", [](HfModel& m) {
    const std::string token = "\"w7\":7,";
    m.files["vocab.json"].erase(m.files["vocab.json"].find(token), token.size());
  });
}

}  // namespace pumice::test::convert_folder_test
