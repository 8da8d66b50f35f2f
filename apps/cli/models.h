// What -m says: a path, a folder with one model, or the name of one in a store that other programs keep.
#pragma once

#include <string>

namespace pumice_cli {

// The path of the file to open. Throws Failure: nothing or more than one thing is meant, or it is broken.
std::string path_of_model(const std::string& said);
// What the model sees pictures with, as its store has it beside the model; empty: nothing.
std::string projector_of_model(const std::string& said);

}  // namespace pumice_cli
