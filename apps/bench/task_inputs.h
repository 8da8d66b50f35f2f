// What tasks other than generation are measured on: made by code, the same in each run of the program, and another one
// for each number.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pumice_bench {

std::string made_up_words(std::uint32_t count, std::uint32_t number);
// Something like a voice: (samples) of a tone with overtones that glides and pauses, with some noise.
std::vector<float> made_up_sound(double seconds, std::uint32_t rate, std::uint32_t number);
// Rings over colours that change slowly: (side, side, 3).
std::vector<std::uint8_t> made_up_picture(std::uint32_t side, std::uint32_t number);

}  // namespace pumice_bench
