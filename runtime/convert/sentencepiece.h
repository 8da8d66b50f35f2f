// A SentencePiece model (".spm", ".model"): pieces and how text is made normal.
//
// Contract: the bytes may be hostile; nothing is read outside of them, and memory is bounded by a multiple of their
// size. Thread rule: pure. Source: sentencepiece_model.proto of the SentencePiece project.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "convert/metadata.h"

namespace pumice {

// The numbers that SentencePiece and GGUF share.
enum class PieceKind : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4 };

struct Pieces {
  std::vector<std::string> texts;
  std::vector<float> scores;
  std::vector<int32_t> kinds;  // PieceKind
  std::string charsmap;        // empty: text stays as it is
  bool space_prefix = true, remove_spaces = true;

  void add(std::string text, float score, PieceKind kind);
  void write(const std::string& prefix, GgufMetadata& to) const;
};

// Status::kUnsupported: no unigram model.
Result<Pieces> read_sentencepiece(std::string_view file);

}  // namespace pumice
