#include "engine/picture_staging.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace pumice {

Result<std::vector<SlicePicture>> pictures_of(const SlicePlan& plan, SequencePictures pictures,
                                              PictureEncoder* encoder) {
  std::vector<SlicePicture> parts;
  for (const SequencePicture& picture : pictures) {
    const uint32_t begin = std::max(plan.first, picture.first);
    const uint32_t end = std::min(plan.first + plan.count, picture.end());
    if (begin >= end) continue;
    PUMICE_CHECK(encoder != nullptr);
    SlicePicture part{.first = begin - plan.first, .count = end - begin, .from = begin - picture.first, .rows = {}};
    PUMICE_ASSIGN(part.rows, encoder->rows(*picture.content));
    parts.push_back(std::move(part));
  }
  return parts;
}

Result<void> PictureStaging::make_room(vk::Device& device, const ModelSpec& spec, uint32_t capacity) {
  if (capacity_ == capacity) return {};
  const auto make = [&](uint64_t words) { return device.create_buffer(4 * words, vk::MemoryIntent::kShared); };
  const uint64_t plane = uint64_t{capacity} * row_stride(spec.width);
  PUMICE_ASSIGN(rows_, make(plane * (1 + spec.deepstack)));
  PUMICE_ASSIGN(ones_, make(uint64_t{2} * capacity));
  PUMICE_ASSIGN(text_rows_, make(uint64_t{capacity} * sizeof(StepRow) / 4));
  PUMICE_ASSIGN(text_spans_, make(uint64_t{2} * capacity + 2));
  PUMICE_ASSIGN(picture_spans_, make(uint64_t{2} * capacity));
  auto* ones = ones_.mapped_as<uint32_t>();
  for (uint32_t i = 0; i < capacity; ++i) {
    ones[2 * i] = 0;
    ones[2 * i + 1] = std::bit_cast<uint32_t>(1.0f);
  }
  capacity_ = capacity;
  return {};
}

void PictureStaging::copy_rows(const ModelSpec& spec, uint32_t count, std::span<const SlicePicture> pictures) {
  const size_t stride = row_stride(spec.width), plane = capacity_ * stride, parts = 1 + spec.deepstack;
  auto* to = rows_.mapped_as<float>();
  for (size_t part = 0; part < parts; ++part) {
    std::fill_n(to + part * plane, count * stride, 0.0f);
    for (const SlicePicture& picture : pictures)
      for (uint32_t i = 0; i < picture.count; ++i)
        std::memcpy(to + part * plane + (picture.first + i) * stride,
                    picture.rows->data() + ((picture.from + i) * parts + part) * spec.width,
                    spec.width * sizeof(float));
  }
}

AttentionTexts PictureStaging::write_spans(std::span<const PictureStep::Run> runs, vk::Buffer& spans) {
  auto* words = spans.mapped_as<uint32_t>();
  AttentionTexts texts{.spans = spans, .count = static_cast<uint32_t>(runs.size())};
  for (const PictureStep::Run& run : runs) {
    *words++ = run.first;
    *words++ = run.count;
    texts.longest = std::max(texts.longest, run.count);
  }
  return texts;
}

Result<const PictureStep*> PictureStaging::fill(vk::Device& device, const ModelSpec& spec, uint32_t capacity,
                                                std::span<const StepRow> step_rows,
                                                std::span<const SlicePicture> pictures) {
  PUMICE_TRY(make_room(device, spec, capacity));
  const auto count = static_cast<uint32_t>(step_rows.size());
  copy_rows(spec, count, pictures);
  auto* text_rows = text_rows_.mapped_as<StepRow>();
  std::copy(step_rows.begin(), step_rows.end(), text_rows);
  runs_.clear();
  std::vector<PictureStep::Run> between;
  uint32_t at = 0;
  const auto add_text = [&](uint32_t end) {
    if (end > at) between.push_back({at, end - at});
  };
  for (const SlicePicture& picture : pictures) {
    add_text(picture.first);
    runs_.push_back({picture.first, picture.count});
    for (uint32_t i = 0; i < picture.count; ++i) text_rows[picture.first + i].token = 0;
    at = picture.first + picture.count;
  }
  add_text(count);
  step_ = {.runs = runs_,
           .rows = rows_,
           .capacity = capacity,
           .ones = ones_,
           .text_rows = text_rows_,
           .text = write_spans(between, text_spans_),
           .pictures = write_spans(runs_, picture_spans_)};
  return &step_;
}

}  // namespace pumice
