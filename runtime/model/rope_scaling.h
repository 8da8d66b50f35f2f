// The rotation of a decoder's heads as its keys state it: angles, and what their scaling does to attention's scores.
#pragma once

#include "model/config.h"
#include "model/config_reader.h"

namespace pumice {

// Fills rotary, rope_radians and attention_scale; head_dim and context_length stand.
Result<void> read_rope(ConfigReader& reader, ModelConfig& config);

}  // namespace pumice
