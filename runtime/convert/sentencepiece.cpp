#include "convert/sentencepiece.h"

#include <cmath>
#include <cstring>
#include <optional>

namespace pumice {
namespace {

// A field of a protocol-buffer message.
struct Field {
  uint64_t number = 0;
  uint64_t value = 0;      // of a varint
  std::string_view bytes;  // of the other kinds
};

class Message {
 public:
  explicit Message(std::string_view rest) : rest_(rest) {}

  // nullopt: the message ends, or is damaged.
  std::optional<Field> next() {
    const std::optional<uint64_t> tag = rest_.empty() ? std::nullopt : varint();
    if (!tag) return std::nullopt;
    Field field{.number = *tag >> 3};
    uint64_t size = 0;
    switch (*tag & 7) {
      case 0:
        if (const auto value = varint()) {
          field.value = *value;
          return field;
        }
        return std::nullopt;
      case 1:
        size = 8;
        break;
      case 2:
        if (const auto length = varint())
          size = *length;
        else
          return std::nullopt;
        break;
      case 5:
        size = 4;
        break;
      default:
        damaged_ = true;
        return std::nullopt;
    }
    if (size > rest_.size()) {
      damaged_ = true;
      return std::nullopt;
    }
    field.bytes = rest_.substr(0, static_cast<size_t>(size));
    rest_.remove_prefix(static_cast<size_t>(size));
    return field;
  }
  bool damaged() const { return damaged_; }

 private:
  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 127) << shift;
      if (byte < 128) return value;
    }
    damaged_ = true;
    return std::nullopt;
  }

  std::string_view rest_;
  bool damaged_ = false;
};

Error damaged_model() { return error(Status::kMalformed, "this is no SentencePiece model, or it is damaged"); }

Result<void> read_piece(std::string_view message, Pieces& pieces) {
  std::string text;
  float score = 0;
  uint64_t kind = 1;
  Message fields(message);
  while (const auto field = fields.next()) {
    if (field->number == 1) text = field->bytes;
    if (field->number == 2 && field->bytes.size() == sizeof score)
      std::memcpy(&score, field->bytes.data(), sizeof score);
    if (field->number == 3) kind = field->value;
  }
  if (fields.damaged() || !std::isfinite(score) || kind < 1 || kind > 6) return damaged_model();
  pieces.texts.push_back(std::move(text));
  pieces.scores.push_back(score);
  pieces.kinds.push_back(static_cast<int32_t>(kind));
  return {};
}

}  // namespace

void Pieces::add(std::string text, float score, PieceKind kind) {
  texts.push_back(std::move(text));
  scores.push_back(score);
  kinds.push_back(static_cast<int32_t>(kind));
}

void Pieces::write(const std::string& prefix, GgufMetadata& to) const {
  to.strings(prefix + "tokens", texts);
  to.numbers(prefix + "scores", std::span<const float>(scores));
  to.numbers(prefix + "token_type", std::span<const int32_t>(kinds));
  if (!charsmap.empty()) to.octets(prefix + "precompiled_charsmap", charsmap);
}

Result<Pieces> read_sentencepiece(std::string_view file) {
  Pieces pieces;
  Message model(file);
  while (const auto part = model.next()) {
    if (part->number == 1) PUMICE_TRY(read_piece(part->bytes, pieces));
    Message fields(part->bytes);
    while (const auto field = part->number == 2 || part->number == 3 ? fields.next() : std::nullopt) {
      if (part->number == 2 && field->number == 3 && field->value != 1)
        return error(Status::kUnsupported, "only unigram models of SentencePiece are converted, not BPE or words");
      if (part->number != 3) continue;
      if (field->number == 2) pieces.charsmap = field->bytes;
      if (field->number == 3) pieces.space_prefix = field->value != 0;
      if (field->number == 4) pieces.remove_spaces = field->value != 0;
    }
    if (fields.damaged()) return damaged_model();
  }
  if (model.damaged() || pieces.texts.empty()) return damaged_model();
  return pieces;
}

}  // namespace pumice
