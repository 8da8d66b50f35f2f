// Keeps a tuning table from one start of a program to the next, in a file of vk/device_file.h: one that another device,
// driver, library version or set of shaders wrote, or that is damaged, is ignored.
#pragma once

#include <string>
#include <string_view>

#include "kernels/kernels.h"

namespace pumice {

// True when the table was taken from the file.
bool read_tuning(Kernels& kernels, const std::string& path, std::string_view library_version);
Result<void> write_tuning(Kernels& kernels, const std::string& path, std::string_view library_version);

}  // namespace pumice
