// An image tower and its projector in double precision, written down as its makers describe it: patches in reading
// order, attention with a mask, squares gathered where they are merged. Source: those of model/towers.
// Thread rule: one thread at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "format/dequantize.h"
#include "media/picture.h"

namespace pumice::reference {

using Matrix = std::vector<std::vector<double>>;

class TowerReference {
 public:
  TowerReference(const Gguf& file, std::string kind) : file_(file), kind_(std::move(kind)) {
    patch_ = number("clip.vision.patch_size");
    width_ = number("clip.vision.embedding_length");
    heads_ = number("clip.vision.attention.head_count");
    layers_ = number("clip.vision.block_count");
    eps_ = static_cast<double>(*file.get_f32("clip.vision.attention.layer_norm_epsilon"));
    qwen_ = kind_.starts_with("qwen");
    gemma4_ = kind_ == "gemma4v";
    rms_ = kind_ == "qwen2.5vl_merger" || kind_ == "pixtral" || gemma4_;
    merge_ = gemma4_ ? 3 : kind_ == "mlp" ? 1 : 2;
  }

  // Rows in reading order, without breaks; what a deepstack adds stands behind.
  Matrix encode(const Picture& picture) {
    rows_ = picture.size.height / patch_;
    columns_ = picture.size.width / patch_;
    Matrix x = patches(picture);
    add_positions(x);
    if (has("v.pre_ln.weight")) x = norm(x, "v.pre_ln");
    Matrix deep;
    for (size_t i = 0; i < layers_ - (kind_ == "mlp" ? 1 : 0); ++i) {
      x = layer(x, i);
      const std::string stack = "v.deepstack." + std::to_string(i) + ".";
      if (has(stack + "fc1.weight"))
        deep = linear(gelu(linear(layer_norm(joined(x), stack + "norm"), stack + "fc1")), stack + "fc2");
    }
    if (has("v.post_ln.weight")) x = norm(x, "v.post_ln");
    Matrix result = project(x);
    for (size_t i = 0; i < deep.size(); ++i) result[i].insert(result[i].end(), deep[i].begin(), deep[i].end());
    return result;
  }

 private:
  size_t number(const char* key) const { return file_.get_u32(key).value(); }
  bool has(const std::string& name) const { return file_.find_tensor(name) != nullptr; }
  std::vector<float> values(const std::string& name) const {
    return fetch_values(file_, *file_.find_tensor(name)).value();
  }
  double scalar(const std::string& name, double fallback) const {
    return has(name) ? static_cast<double>(values(name)[0]) : fallback;
  }

  Matrix patches(const Picture& picture) const {
    const std::vector<float> mean = *file_.get_f32_array("clip.vision.image_mean");
    const std::vector<float> deviation = *file_.get_f32_array("clip.vision.image_std");
    std::vector<float> kernel = values("v.patch_embd.weight");
    if (has("v.patch_embd.weight.1")) {
      const std::vector<float> second = values("v.patch_embd.weight.1");
      for (size_t i = 0; i < kernel.size(); ++i) kernel[i] += second[i];
    }
    const size_t area = patch_ * patch_;
    Matrix x(rows_ * columns_, std::vector<double>(width_));
    for (size_t n = 0; n < x.size(); ++n)
      for (size_t i = 0; i < width_; ++i) {
        if (has("v.patch_embd.bias")) x[n][i] = static_cast<double>(values("v.patch_embd.bias")[i]);
        for (size_t c = 0; c < 3; ++c)
          for (size_t at = 0; at < area; ++at) {
            const size_t row = n / columns_ * patch_ + at / patch_, column = n % columns_ * patch_ + at % patch_;
            double pixel = picture.rgb[3 * (row * picture.size.width + column) + c] / 255.0;
            pixel = (pixel - static_cast<double>(mean[c])) / static_cast<double>(deviation[c]);
            if (gemma4_) pixel = 2 * pixel - 1;
            x[n][i] += pixel * static_cast<double>(kernel[(i * 3 + c) * area + at]);
          }
      }
    return x;
  }

  void add_positions(Matrix& x) const {
    if (kind_ == "mlp") {
      const std::vector<float> first = values("v.class_embd");
      x.insert(x.begin(), std::vector<double>(first.begin(), first.end()));
    }
    if (!has("v.position_embd.weight")) return;
    const std::vector<float> table = values("v.position_embd.weight");
    const auto at = [&](size_t row, size_t i) { return static_cast<double>(table[row * width_ + i]); };
    const size_t side = 5, of_sides = table.size() / width_ / 2;
    for (size_t n = 0; n < x.size(); ++n)
      for (size_t i = 0; i < width_; ++i) {
        const size_t row = n / columns_, column = n % columns_;
        if (gemma4_) {
          x[n][i] += at(column, i) + at(of_sides + row, i);
        } else if (kind_ != "qwen3vl_merger") {
          x[n][i] += at(n, i);
        } else {
          const double y = between(row, rows_, side), z = between(column, columns_, side);
          for (size_t r = 0; r < side; ++r)
            for (size_t c = 0; c < side; ++c)
              x[n][i] += std::max(0.0, 1 - std::fabs(y - static_cast<double>(r))) *
                         std::max(0.0, 1 - std::fabs(z - static_cast<double>(c))) * at(r * side + c, i);
        }
      }
  }
  static double between(size_t at, size_t count, size_t side) {
    return static_cast<double>(at) * static_cast<double>(side - 1) / static_cast<double>(count - 1);
  }

  Matrix linear(const Matrix& x, const std::string& name, bool transposed = false) const {
    const std::vector<float> w = values(name + ".weight");
    const std::vector<float> bias = has(name + ".bias") ? values(name + ".bias") : std::vector<float>();
    const size_t cols = x[0].size(), out = w.size() / cols;
    const auto clamped = [&](double v, const char* side) {
      return std::clamp(v, scalar(name + "." + side + "_min", -1e30), scalar(name + "." + side + "_max", 1e30));
    };
    Matrix y(x.size(), std::vector<double>(out));
    for (size_t n = 0; n < x.size(); ++n) {
      std::vector<double> row = x[n];
      for (double& v : row) v = clamped(v, "input");
      for (size_t j = 0; j < out; ++j) {
        double sum = bias.empty() ? 0 : static_cast<double>(bias[j]);
        for (size_t i = 0; i < cols; ++i)
          sum += row[i] * static_cast<double>(w[transposed ? i * out + j : j * cols + i]);
        y[n][j] = clamped(sum, "output");
      }
    }
    return y;
  }

  Matrix normalised(Matrix x, const std::string& name, bool rms) const {
    const std::vector<float> w = has(name + ".weight") ? values(name + ".weight") : std::vector<float>();
    const std::vector<float> bias = has(name + ".bias") ? values(name + ".bias") : std::vector<float>();
    for (std::vector<double>& row : x) {
      double mean = 0, squares = 0;
      for (const double v : row) mean += rms ? 0 : v / static_cast<double>(row.size());
      for (double& v : row) v -= mean, squares += v * v;
      const double root = std::sqrt(squares / static_cast<double>(row.size()) + eps_);
      for (size_t i = 0; i < row.size(); ++i)
        row[i] = row[i] / root * (w.empty() ? 1.0 : static_cast<double>(w[i])) +
                 (bias.empty() ? 0.0 : static_cast<double>(bias[i]));
    }
    return x;
  }
  Matrix norm(const Matrix& x, const std::string& name) const { return normalised(x, name, rms_); }
  Matrix layer_norm(const Matrix& x, const std::string& name) const { return normalised(x, name, false); }

  static Matrix each(Matrix x, const std::function<double(double)>& function) {
    for (std::vector<double>& row : x) std::transform(row.begin(), row.end(), row.begin(), function);
    return x;
  }
  static Matrix gelu(const Matrix& x) {
    return each(x, [](double v) { return 0.5 * v * (1 + std::tanh(0.7978845608028654 * v * (1 + 0.044715 * v * v))); });
  }
  Matrix activated(const Matrix& x) const {
    if (file_.get_bool("clip.use_gelu").value_or(false)) return gelu(x);
    const double steep = file_.get_bool("clip.use_silu").value_or(false) ? 1 : 1.702;
    return each(x, [=](double v) { return v / (1 + std::exp(-steep * v)); });
  }

  // Of one head's row, in place.
  void turn(double* head, size_t patch) const {
    const size_t dim = width_ / heads_, quarter = dim / 4;
    const bool pairs = kind_ == "pixtral";
    if (!qwen_ && !pairs && !gemma4_) return;
    for (size_t i = 0; i < dim / 2; ++i) {
      const bool second = i >= quarter;
      const bool by_row = second == gemma4_;  // gemma4v: the first half by the column
      const double place = static_cast<double>(by_row ? patch / columns_ : patch % columns_);
      const double exponent = -2.0 * static_cast<double>(i % quarter) / (static_cast<double>(dim) / 2);
      double angle = place * std::pow(gemma4_ ? 100.0 : 10000.0, exponent);
      if (pairs && second) angle *= std::pow(10000.0, -2.0 / static_cast<double>(dim));
      const size_t a = pairs ? 2 * i : gemma4_ ? i % quarter + (second ? dim / 2 : 0) : i;
      const size_t b = pairs ? a + 1 : gemma4_ ? a + quarter : a + dim / 2;
      const double u = head[a], v = head[b];
      head[a] = u * std::cos(angle) - v * std::sin(angle);
      head[b] = u * std::sin(angle) + v * std::cos(angle);
    }
  }

  bool sees(size_t layer, size_t a, size_t b) const {
    if (kind_ != "qwen2.5vl_merger" || (layer + 1) % number("clip.vision.n_wa_pattern") == 0) return true;
    const size_t side = 112 / patch_ / merge_ * merge_;
    return a / columns_ / side == b / columns_ / side && a % columns_ / side == b % columns_ / side;
  }

  void normalise_heads(Matrix& x, const std::string& name, bool any) const {
    const size_t dim = width_ / heads_;
    if (!any) return;
    for (std::vector<double>& row : x)
      for (size_t h = 0; h < heads_; ++h) {
        const auto begin = row.begin() + static_cast<std::ptrdiff_t>(h * dim);
        const Matrix one = normalised({{begin, begin + static_cast<std::ptrdiff_t>(dim)}}, name, true);
        std::copy(one[0].begin(), one[0].end(), begin);
      }
  }

  Matrix attend(const Matrix& x, size_t index) const {
    const std::string block = "v.blk." + std::to_string(index) + ".";
    Matrix parts[3];
    if (has(block + "attn_qkv.weight")) {
      for (const std::vector<double>& row : linear(x, block + "attn_qkv"))
        for (size_t p = 0; p < 3; ++p) {
          const auto begin = row.begin() + static_cast<std::ptrdiff_t>(p * width_);
          parts[p].emplace_back(begin, begin + static_cast<std::ptrdiff_t>(width_));
        }
    } else {
      for (size_t p = 0; p < 3; ++p) parts[p] = linear(x, block + "attn_" + "qkv"[p]);
    }
    normalise_heads(parts[0], block + "attn_q_norm", gemma4_);
    normalise_heads(parts[1], block + "attn_k_norm", gemma4_);
    normalise_heads(parts[2], "-", gemma4_);
    const size_t dim = width_ / heads_;
    const double scale = gemma4_ ? 1 : 1 / std::sqrt(static_cast<double>(dim));
    for (size_t p = 0; p < 2; ++p)
      for (size_t n = 0; n < x.size(); ++n)
        for (size_t h = 0; h < heads_; ++h) turn(parts[p][n].data() + h * dim, n);
    Matrix y(x.size(), std::vector<double>(width_));
    for (size_t n = 0; n < x.size(); ++n)
      for (size_t h = 0; h < heads_; ++h) {
        std::vector<double> weight(x.size());
        double total = 0;
        for (size_t m = 0; m < x.size(); ++m) {
          if (!sees(index, n, m)) continue;
          double score = 0;
          for (size_t d = h * dim; d < (h + 1) * dim; ++d) score += parts[0][n][d] * parts[1][m][d];
          total += weight[m] = std::exp(score * scale);
        }
        for (size_t m = 0; m < x.size(); ++m)
          for (size_t d = h * dim; d < (h + 1) * dim; ++d) y[n][d] += weight[m] / total * parts[2][m][d];
      }
    return linear(y, block + "attn_out");
  }

  static Matrix sum(Matrix a, const Matrix& b) {
    for (size_t n = 0; n < a.size(); ++n)
      for (size_t i = 0; i < a[n].size(); ++i) a[n][i] += b[n][i];
    return a;
  }

  Matrix layer(const Matrix& x, size_t index) const {
    const std::string block = "v.blk." + std::to_string(index) + ".";
    Matrix attended = attend(norm(x, block + "ln1"), index);
    if (has(block + "attn_post_norm.weight")) attended = norm(attended, block + "attn_post_norm");
    const Matrix middle = sum(x, attended);
    const Matrix normed = norm(middle, block + "ln2");
    Matrix up = linear(normed, block + "ffn_up");
    if (has(block + "ffn_gate.weight")) {
      const Matrix gate = activated(linear(normed, block + "ffn_gate"));
      for (size_t n = 0; n < up.size(); ++n)
        for (size_t i = 0; i < up[n].size(); ++i) up[n][i] *= gate[n][i];
    } else {
      up = activated(up);
    }
    Matrix down = linear(up, block + "ffn_down");
    if (has(block + "ffn_post_norm.weight")) down = norm(down, block + "ffn_post_norm");
    return sum(middle, down);
  }

  // Squares in reading order; by_channel: the patches of a square innermost.
  Matrix joined(const Matrix& x, bool by_channel = false) const {
    Matrix squares;
    const size_t area = merge_ * merge_;
    for (size_t row = 0; row < rows_ / merge_; ++row)
      for (size_t column = 0; column < columns_ / merge_; ++column) {
        std::vector<double> square(area * width_);
        for (size_t at = 0; at < area; ++at) {
          const size_t n = (row * merge_ + at / merge_) * columns_ + column * merge_ + at % merge_;
          for (size_t i = 0; i < width_; ++i) square[by_channel ? i * area + at : at * width_ + i] = x[n][i];
        }
        squares.push_back(std::move(square));
      }
    return squares;
  }

  Matrix mean(const Matrix& x) const {
    Matrix squares = joined(x);
    const size_t area = merge_ * merge_;
    for (std::vector<double>& square : squares) {
      for (size_t i = width_; i < square.size(); ++i) square[i % width_] += square[i];
      square.resize(width_);
      for (double& v : square) v /= static_cast<double>(area);
    }
    return squares;
  }

  Matrix project(const Matrix& x) const {
    if (kind_ == "gemma3") return linear(normalised(mean(x), "mm.soft_emb_norm", true), "mm.input_projection", true);
    if (kind_ == "idefics3") return linear(joined(x), "mm.model.fc");
    if (kind_ == "mlp") return linear(gelu(linear({x.begin() + 1, x.end()}, "mm.0")), "mm.2");
    if (kind_ == "pixtral") {
      const Matrix merged = linear(joined(norm(x, "mm.input_norm"), true), "mm.patch_merger");
      return linear(gelu(linear(merged, "mm.1")), "mm.2");
    }
    if (qwen_) return linear(gelu(linear(joined(x), "mm.0")), "mm.2");
    Matrix merged = mean(x);
    const std::vector<float> bias = values("v.std_bias"), scale = values("v.std_scale");
    for (std::vector<double>& row : merged)
      for (size_t i = 0; i < width_; ++i)
        row[i] = (row[i] * std::sqrt(static_cast<double>(width_)) - static_cast<double>(bias[i])) *
                 static_cast<double>(scale[i]);
    return linear(normalised(merged, "-", true), "mm.input_projection");
  }

  const Gguf& file_;
  const std::string kind_;
  size_t patch_ = 0, width_ = 0, heads_ = 0, layers_ = 0, merge_ = 1, rows_ = 0, columns_ = 0;
  double eps_ = 0;
  bool qwen_ = false, gemma4_ = false, rms_ = false;
};

}  // namespace pumice::reference
