// A small random model that translates, as a file. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pumice::test {

struct TranslationModel {
  std::string activation = "relu";
  bool t5 = false, gated = false;              // of that family, with a gate; else Marian
  bool norm_first = false, recurrent = false;  // recurrent: SSRU in the place of self-attention
  bool two_tables = false;                     // of embeddings, with a head of its own; of T5 the head alone
  bool alone = false;                          // of T5: its encoder, with the same weights
  bool letters = false;                        // a vocabulary of single letters, and a target language; else none
  uint32_t width = 32, heads = 4, ffn = 48, vocabulary = 90, context = 96;
  uint32_t encoder_layers = 2, decoder_layers = 2;
  int32_t end_token = 3, start_token = 7;
  uint64_t seed = 1;
};

std::vector<std::byte> make_translation_model(const TranslationModel& model);

}  // namespace pumice::test
