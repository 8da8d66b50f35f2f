// Pictures in sequences.
#include <algorithm>
#include <cstring>

#include "api/handles.h"
#include "engine/picture_text.h"
#include "media/picture_file.h"

namespace pumice {
namespace {

// Rows without what lies between them.
Result<Picture> from_pixels(const PumiceImage& image) {
  const PictureSize size{image.width, image.height};
  PUMICE_TRY(check_picture(size, {}));
  const size_t row = 3 * size_t{size.width}, stride = image.row_bytes ? image.row_bytes : row;
  if (stride < row) return error(Status::kInvalidArgument, "rows of %zu bytes for %u pixels", stride, size.width);
  Picture picture{size, std::vector<uint8_t>(row * size.height)};
  for (size_t y = 0; y < size.height; ++y) std::memcpy(picture.rgb.data() + y * row, image.pixels + y * stride, row);
  return picture;
}

Result<Picture> read_image(const PumiceImage& image) {
  if ((image.file != nullptr) == (image.pixels != nullptr)) return invalid("give either a file's bytes or pixels");
  if (image.pixels) return from_pixels(image);
  return read_picture({static_cast<const std::byte*>(image.file), image.file_size});
}

// All of it or nothing.
Result<uint32_t> append(Context& context, Sequence& sequence, const Tokenizer& tokenizer, const PumiceImage& image,
                        PumiceImageInfo& info) {
  PictureEncoder* encoder = context.pictures();
  if (!encoder)
    return error(Status::kUnsupported, "the model has no projector for pictures; load it with one (mmproj)");
  PUMICE_TRY(check_idle(sequence));
  PUMICE_ASSIGN(const Picture picture, read_image(image));
  std::vector<PicturePart> parts;
  PUMICE_ASSIGN(auto contents, encoder->contents(picture, {image.min_tokens, image.max_tokens}, &parts));
  PUMICE_ASSIGN(const auto marks, picture_marks(encoder->spec(), parts, tokenizer));
  const auto before = static_cast<uint32_t>(sequence.tokens.size());
  const auto append_all = [&]() -> Result<void> {
    for (size_t i = 0; i < marks.size(); ++i) {
      if (!marks[i].empty()) PUMICE_TRY(context.append(sequence, marks[i]));
      if (i < contents.size()) PUMICE_TRY(context.append(sequence, std::move(contents[i])));
    }
    return {};
  };
  if (Result<void> appended = append_all(); !appended) {
    PUMICE_TRY(context.truncate(sequence, before));
    return std::move(appended).error();
  }
  info.width = picture.size.width;
  info.height = picture.size.height;
  info.parts = static_cast<uint32_t>(parts.size());
  info.tokens = static_cast<uint32_t>(sequence.tokens.size()) - before;
  return info.tokens;
}

}  // namespace
}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_append_tokens(PumiceSequence* sequence, const int32_t* ids, size_t count) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  return guarded(sequence->object, [&](SequenceObject& object) -> Result<void> {
    if (!ids) return invalid("ids");
    return object.context->context->append(*object.sequence, std::span<const int32_t>(ids, count));
  });
}

PumiceResult pumice_append_image(PumiceSequence* sequence, const PumiceImage* image, PumiceImageInfo* info) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  return guarded(sequence->object, [&](SequenceObject& object) -> Result<void> {
    PUMICE_ASSIGN(const PumiceImage given, taken(image, pumice_image_init(), "image"));
    if (info) PUMICE_TRY(check_struct(info, "info"));
    PumiceImageInfo made = pumice_image_info_init();
    PUMICE_ASSIGN([[maybe_unused]] const uint32_t tokens,
                  append(*object.context->context, *object.sequence, *object.context->model->tokenizer, given, made));
    if (info) hand_out(made, info);
    return {};
  });
}

PumiceResult pumice_image_placeholder(const PumiceModel* model, char* buffer, size_t capacity, size_t* length) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    if (!length || (!buffer && capacity > 0)) return invalid("buffer or length");
    const ModelObject& object = *model->object;
    *length = copy_text(object.tower ? object.tower->spec().marks.placeholder : "", buffer, capacity);
    return {};
  });
}

}  // extern "C"
