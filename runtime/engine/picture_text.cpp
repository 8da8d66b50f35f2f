#include "engine/picture_text.h"

namespace pumice {
namespace {

// Of a text that is one token.
Result<int32_t> marker(const Tokenizer& tokenizer, const std::string& text) {
  const std::vector<int32_t> ids = tokenizer.encode(text, {.add_special = false, .parse_special = true});
  if (ids.size() == 1) return ids[0];
  return error(Status::kUnsupported, "the vocabulary has no token %s, which pictures need; convert the model again",
               text.c_str());
}

Result<void> add_markers(const Tokenizer& tokenizer, std::initializer_list<std::string> texts,
                         std::vector<int32_t>& ids) {
  for (const std::string& text : texts) {
    if (text.empty()) continue;
    PUMICE_ASSIGN(const int32_t id, marker(tokenizer, text));
    ids.push_back(id);
  }
  return {};
}

// Rows of tiles with line breaks between them, then the whole picture behind an empty line.
Result<void> mark_tile(const Tokenizer& tokenizer, const PictureMarks& marks, const PicturePart& part, bool new_row,
                       std::vector<int32_t>& ids) {
  if (part.row == 0) return add_markers(tokenizer, {"\n\n", marks.before, "<global-img>"}, ids);
  const std::string place = "<row_" + std::to_string(part.row) + "_col_" + std::to_string(part.column) + ">";
  return add_markers(tokenizer, {new_row ? "\n" : "", marks.before, place}, ids);
}

}  // namespace

Result<std::vector<std::vector<int32_t>>> picture_marks(const TowerSpec& spec, std::span<const PicturePart> parts,
                                                        const Tokenizer& tokenizer) {
  const PictureMarks& marks = spec.marks;
  std::vector<std::vector<int32_t>> ids(parts.size() + 1);
  for (size_t i = 0; i < parts.size(); ++i) {
    if (marks.tiles) {
      const bool new_row = i > 0 && parts[i].row > parts[i - 1].row;
      PUMICE_TRY(mark_tile(tokenizer, marks, parts[i], new_row, ids[i]));
    } else {
      PUMICE_TRY(add_markers(tokenizer, {marks.before}, ids[i]));
    }
  }
  PUMICE_TRY(add_markers(tokenizer, {marks.tiles ? marks.before : marks.after}, ids.back()));
  return ids;
}

}  // namespace pumice
