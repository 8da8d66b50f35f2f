// TowerSpec: what an image tower and its projector compute, as data: from the pixels of a picture to rows as wide as
// a language model's hidden state. A kind of projector (model/towers) fills it from an mmproj file.
//
// A picture is cut into patches, in such an order that those which become one row of the result lie one after the
// other: by rows and columns of squares of `merge`, then within the square. Layers are those of ModelSpec.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/gguf.h"
#include "model/spec.h"

namespace pumice {

// To what sizes a picture is brought.
struct PictureSpec {
  enum class Sizing {
    kFixed,  // image_size both ways, the ratio is kept
    kSmart,  // multiples of patch * merge near its own size, the ratio is kept
    kTiled,  // tiles of image_size in a grid whose longer side is about `longest`, then the whole; stretched
  };
  enum class Filter { kBilinear, kBicubic, kLanczos };
  Sizing sizing = Sizing::kFixed;
  Filter filter = Filter::kBicubic;
  std::array<uint8_t, 3> padding{};  // the colour around it
  uint32_t image_size = 0;
  uint32_t longest = 0;                       // kTiled
  uint32_t least_rows = 8, most_rows = 4096;  // kSmart
  std::array<float, 3> mean{}, deviation{};
};

// What is added to a patch.
enum class PatchPositions {
  kNone,
  kTable,      // a row for each patch of the one grid, behind that of the class
  kStretched,  // a square table, stretched to the grid
  kOfSides,    // a row by its column and a row by its row
};

// How the merge * merge patches of a square become one row.
enum class PatchMerge { kMean, kJoined };

struct TowerLayer {  // y = W x + b, then GELU where asked for
  enum class Form {
    kPlain,
    kTransposed,  // the file has the matrix the other way round
    kByChannel,   // a joined row has the square's patches innermost
  };
  std::string name;
  uint32_t rows = 0, cols = 0;
  Form form = Form::kPlain;
  bool gelu = false;
};

// Behind a layer: norm of joined rows, then two layers; their result stands beside the projector's.
struct DeepStackSpec {
  uint32_t behind = 0;  // which layer
  std::string norm;
  std::array<TowerLayer, 2> layers;
};

// What stands in a text for a picture, and around its rows: each a single special token, or nothing. tiles: as Idefics3
// has it; `before` comes before and behind every part then.
struct PictureMarks {
  std::string placeholder, before, after;
  bool tiles = false;
};

struct TowerSpec {
  std::string projector;
  PictureMarks marks;
  PictureSpec picture;
  uint32_t patch = 0;  // pixels of its side
  uint32_t merge = 1;  // patches of a square's side
  ModelSpec layers;    // of patches; embedding_norm comes before them and output_norm behind
  PatchPositions positions = PatchPositions::kNone;
  uint32_t table_rows = 0;     // of positions; kOfSides: of each of the two
  bool class_row = false;      // a row before those of the patches, which is dropped in the end
  uint32_t window_side = 0;    // rows of the result along a window's side; 0: patches see all others
  std::vector<bool> windowed;  // by layer
  PatchMerge merged = PatchMerge::kJoined;
  bool standardised = false;               // merged rows become (x sqrt(width) - v.std_bias) * v.std_scale
  std::optional<std::string> merged_norm;  // RMS, of merged rows; kBareNorm: without a weight
  std::vector<TowerLayer> projection;
  std::vector<DeepStackSpec> deep;
  bool row_breaks = false;  // v.token_embd.img_break between the rows of the grid

  uint32_t text_width() const { return projection.back().rows; }
  uint32_t row_width() const { return text_width() * static_cast<uint32_t>(1 + deep.size()); }
  uint32_t patch_values() const { return 3 * patch * patch; }
};

// kMalformed or kUnsupported with the key or tensor that is at fault.
Result<TowerSpec> describe_tower(const Gguf& file);

// Whether the file is an mmproj file.
bool is_tower(const Gguf& file);

}  // namespace pumice
