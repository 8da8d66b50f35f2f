// What an encoder of sounds has instead of an embedding: hidden = gelu(conv(gelu(conv(mel)))) + positions, with
// convolutions of three frames, the second of which leaves every other frame out. Source: Radford et al. 2022.
//
// The three frames of a row follow one another in memory, so a convolution is a product of rows that overlap.
#pragma once

#include <string>

#include "model/spec.h"
#include "model/weight_reader.h"

namespace pumice {

struct StepContext;

struct SoundWeights {
  Projection first, second;  // (width, 3 bands) and (width, 3 width), frame after frame; or empty
};
Result<SoundWeights> bind_sound(const ModelSpec& spec, WeightReader& reader);

// Frames of mel of a window, and floats of them in SoundStep::frames, silence before and behind them.
uint32_t sound_frames(const ModelSpec& spec);
uint64_t sound_floats(const ModelSpec& spec);

// Into hidden, of all windows of the step.
void record_sound(Recorder recorder, const StepContext& context);

}  // namespace pumice
