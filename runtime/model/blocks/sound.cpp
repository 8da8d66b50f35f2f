#include "model/blocks/sound.h"

#include "kernels/activation.h"
#include "kernels/matmul.h"
#include "model/step.h"

namespace pumice {
namespace {

constexpr uint32_t kTaps = 3, kSecondStep = 2;
// Of the offsets at which windows begin: what storage buffers ask for at most.
constexpr uint32_t kWindowAlignment = 256 / sizeof(float);

// y = gelu(convolution of x), n rows from the one at `x` on, `step` frames apart.
void convolve(Recorder recorder, const Projection& taps, FloatRows x, FloatRows y, uint32_t n) {
  linear(recorder,
         {.w = taps.w, .x = x, .bias = taps.bias ? &*taps.bias : nullptr, .y = y, .n = n, .exact = Exactness::kMany});
  activation(recorder, {.gate = y, .y = y, .n = n, .cols = taps.w.rows, .activation = Activation::kGeluErf});
}

vk::BufferView part(const vk::BufferView& all, uint64_t first_float, uint64_t floats) {
  vk::BufferView view = all;
  view.offset += 4 * first_float;
  view.size = 4 * floats;
  return view;
}

}  // namespace

Result<SoundWeights> bind_sound(const ModelSpec& spec, WeightReader& reader) {
  SoundWeights weights;
  if (spec.sound_bands == 0) return weights;
  PUMICE_ASSIGN(weights.first, reader.convolution(spec.prefix + "conv1", spec.width, spec.sound_bands, kTaps));
  PUMICE_ASSIGN(weights.second, reader.convolution(spec.prefix + "conv2", spec.width, spec.width, kTaps));
  return weights;
}

uint32_t sound_frames(const ModelSpec& spec) { return kSecondStep * spec.context_length; }

// Behind the last frame is room for whole units of weights.
uint64_t sound_floats(const ModelSpec& spec) {
  const uint64_t floats = uint64_t{sound_frames(spec) + 2} * spec.sound_bands + kUnitValues;
  return (floats + kWindowAlignment - 1) / kWindowAlignment * kWindowAlignment;
}

void record_sound(Recorder recorder, const StepContext& context) {
  const ModelSpec& spec = context.spec;
  const SoundWeights& weights = context.weights.sound;
  const uint32_t frames = sound_frames(spec), rows = spec.context_length, width = spec.width;
  // (frames + 2, width), the first and the last of them zeros.
  const vk::BufferView middle = context.work.gate;
  for (const uint32_t row : {0u, frames + 1})
    if (!recorder.list) recorder.stream.fill(part(middle, uint64_t{row} * width, width), 0);
  for (uint32_t window = 0; window < context.step.sound.windows; ++window) {
    const vk::BufferView mel = part(context.step.sound.frames, window * sound_floats(spec), sound_floats(spec));
    convolve(recorder, weights.first, {mel, spec.sound_bands}, {part(middle, width, uint64_t{frames} * width), width},
             frames);
    convolve(recorder, weights.second, {part(middle, 0, uint64_t{frames + 2} * width), kSecondStep * width},
             {part(context.work.hidden, uint64_t{window} * rows * width, uint64_t{rows} * width), width}, rows);
  }
}

}  // namespace pumice
