// Models where people have them: the caches of Hugging Face, Ollama and LM Studio, read in place.
//
// Nothing is written or copied, and no model is opened: what is found is what the stores' folders and manifests say,
// and the first bytes of the files. Folders are as hostile as what was downloaded into them: how deep they are read and
// how much has limits, and a manifest's digest is one before it is a part of a path.
// Thread rule: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pumice_apps {

struct StoredModel {
  std::string name;         // what -m takes: "org/repository:Q4_K_M", "llama3.2:1b"
  std::string store;        // "huggingface", "ollama", "lmstudio"; of models_in() "folder"
  std::string path;         // the file to open; of a split model its first
  std::string projector;    // of pictures or sounds, beside it; empty: none
  std::uint64_t bytes = 0;  // of all its files
  unsigned parts = 1;
  std::string problem;  // why it cannot be opened, and what to do; empty: nothing is known
};

struct StoreFolders {
  std::vector<std::string> hugging_face, ollama, lm_studio;
};
// Those that the environment names, or the usual ones: HF_HUB_CACHE, HF_HOME, OLLAMA_MODELS, XDG_CACHE_HOME, HOME.
StoreFolders usual_store_folders();
// Where Hugging Face's own tools would download to; empty: there is no home.
std::string hugging_face_folder();

// By store, then by name.
std::vector<StoredModel> find_models(const StoreFolders& folders);
// Those in any folder.
std::vector<StoredModel> models_in(const std::string& folder);

// Those that a name may mean, whatever its case: the whole name; or without the owner, the weight type or tag, or the
// file's. Where there is a model of the whole name, it is the only one.
std::vector<StoredModel> models_named(const std::vector<StoredModel>& models, std::string_view name);

}  // namespace pumice_apps
