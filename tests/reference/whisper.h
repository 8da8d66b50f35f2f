// WhisperReference: Whisper on the CPU by its definition, every sum a double, from whisper.cpp's file by its own names.
//
// Ownership: holds float copies of all weights. Thread rule: const after loading.
#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "format/dequantize.h"
#include "format/whisper_file.h"

namespace pumice::reference {

using Rows = std::vector<std::vector<float>>;

class WhisperReference {
 public:
  static Result<WhisperReference> from_file(std::span<const std::byte> bytes) {
    PUMICE_ASSIGN(const WhisperFile file, read_whisper_file(bytes));
    WhisperReference model;
    model.sizes_ = file.sizes;
    for (const WhisperTensor& tensor : file.tensors) {
      std::vector<float>& values = model.weights_[std::string(tensor.name)];
      values.resize(tensor.sizes[0] * tensor.sizes[1] * tensor.sizes[2]);
      dequantize_blocks(tensor.type, tensor.data, values);
    }
    return model;
  }

  // Rows of the encoder; mel (frames, bands).
  Rows encode(std::span<const float> mel) const {
    Rows x(mel.size() / sizes_.mels);
    for (size_t i = 0; i < x.size(); ++i) x[i].assign(&mel[i * sizes_.mels], &mel[i * sizes_.mels] + sizes_.mels);
    x = convolve(convolve(x, "encoder.conv1", 1), "encoder.conv2", 2);
    for (size_t i = 0; i < x.size(); ++i) add_row(x[i], "encoder.positional_embedding", i);
    for (uint32_t layer = 0; layer < sizes_.audio_layers; ++layer) {
      const std::string block = "encoder.blocks." + std::to_string(layer) + ".";
      Rows normed;
      for (const auto& row : x) normed.push_back(norm(row, block + "attn_ln"));
      const Rows k = linear(normed, block + "attn.key"), v = linear(normed, block + "attn.value");
      for (size_t i = 0; i < x.size(); ++i) {
        const auto heads = attend(linear(normed[i], block + "attn.query"), k, v, sizes_.audio_heads);
        add(x[i], linear(heads, block + "attn.out"));
      }
      for (auto& row : x) feed_forward(row, block);
    }
    for (auto& row : x) row = norm(row, "encoder.ln_post");
    return x;
  }

  // Logits after each of the tokens.
  Rows decode(const Rows& encoded, std::span<const int32_t> tokens) const {
    struct Layer {
      Rows cross_k, cross_v, k, v;
    };
    std::vector<Layer> layers(sizes_.text_layers);
    for (size_t i = 0; i < layers.size(); ++i) {
      layers[i].cross_k = linear(encoded, "decoder.blocks." + std::to_string(i) + ".cross_attn.key");
      layers[i].cross_v = linear(encoded, "decoder.blocks." + std::to_string(i) + ".cross_attn.value");
    }
    Rows logits;
    for (size_t at = 0; at < tokens.size(); ++at) {
      std::vector<float> x(sizes_.text_state);
      add_row(x, "decoder.token_embedding.weight", static_cast<size_t>(tokens[at]));
      add_row(x, "decoder.positional_embedding", at);
      for (size_t i = 0; i < layers.size(); ++i) {
        const std::string block = "decoder.blocks." + std::to_string(i) + ".";
        auto normed = norm(x, block + "attn_ln");
        layers[i].k.push_back(linear(normed, block + "attn.key"));
        layers[i].v.push_back(linear(normed, block + "attn.value"));
        const auto q = linear(normed, block + "attn.query");
        add(x, linear(attend(q, layers[i].k, layers[i].v, sizes_.text_heads), block + "attn.out"));
        const auto cross_q = linear(norm(x, block + "cross_attn_ln"), block + "cross_attn.query");
        add(x,
            linear(attend(cross_q, layers[i].cross_k, layers[i].cross_v, sizes_.text_heads), block + "cross_attn.out"));
        feed_forward(x, block);
      }
      logits.push_back(product(norm(x, "decoder.ln"), weights_.at("decoder.token_embedding.weight"), nullptr));
    }
    return logits;
  }

 private:
  static void add(std::vector<float>& x, const std::vector<float>& y) {
    for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  }
  void add_row(std::vector<float>& x, const std::string& table, size_t row) const {
    const std::vector<float>& values = weights_.at(table);
    for (size_t i = 0; i < x.size(); ++i) x[i] += values[row * x.size() + i];
  }
  static double gelu(double x) { return x * 0.5 * (1 + std::erf(x * std::sqrt(0.5))); }

  static std::vector<float> product(const std::vector<float>& x, const std::vector<float>& w,
                                    const std::vector<float>* bias) {
    std::vector<float> y(w.size() / x.size());
    for (size_t row = 0; row < y.size(); ++row) {
      double sum = bias ? static_cast<double>((*bias)[row]) : 0;
      for (size_t i = 0; i < x.size(); ++i)
        sum += static_cast<double>(w[row * x.size() + i]) * static_cast<double>(x[i]);
      y[row] = static_cast<float>(sum);
    }
    return y;
  }
  std::vector<float> linear(const std::vector<float>& x, const std::string& name) const {
    const auto bias = weights_.find(name + ".bias");
    return product(x, weights_.at(name + ".weight"), bias != weights_.end() ? &bias->second : nullptr);
  }
  Rows linear(const Rows& x, const std::string& name) const {
    Rows y;
    for (const auto& row : x) y.push_back(linear(row, name));
    return y;
  }
  std::vector<float> norm(const std::vector<float>& x, const std::string& name) const {
    double mean = 0, square = 0;
    for (const float value : x) mean += static_cast<double>(value) / static_cast<double>(x.size());
    for (const float value : x)
      square += std::pow(static_cast<double>(value) - mean, 2) / static_cast<double>(x.size());
    const std::vector<float>&weight = weights_.at(name + ".weight"), &bias = weights_.at(name + ".bias");
    std::vector<float> y(x.size());
    for (size_t i = 0; i < x.size(); ++i)
      y[i] = static_cast<float>((static_cast<double>(x[i]) - mean) / std::sqrt(square + 1e-5) *
                                    static_cast<double>(weight[i]) +
                                static_cast<double>(bias[i]));
    return y;
  }
  void feed_forward(std::vector<float>& x, const std::string& block) const {
    std::vector<float> inner = linear(norm(x, block + "mlp_ln"), block + "mlp.0");
    for (float& value : inner) value = static_cast<float>(gelu(static_cast<double>(value)));
    add(x, linear(inner, block + "mlp.2"));
  }
  // Kernel 3, padding 1; then GELU.
  Rows convolve(const Rows& x, const std::string& name, size_t step) const {
    const std::vector<float>&weight = weights_.at(name + ".weight"), &bias = weights_.at(name + ".bias");
    const size_t inputs = x[0].size(), outputs = bias.size();
    Rows y;
    for (size_t at = 0; at < x.size(); at += step) {
      std::vector<float>& row = y.emplace_back(outputs);
      for (size_t output = 0; output < outputs; ++output) {
        double sum = static_cast<double>(bias[output]);
        for (size_t tap = 0; tap < 3; ++tap) {
          if (at + tap < 1 || at + tap - 1 >= x.size()) continue;
          for (size_t input = 0; input < inputs; ++input)
            sum += static_cast<double>(weight[(output * inputs + input) * 3 + tap]) *
                   static_cast<double>(x[at + tap - 1][input]);
        }
        row[output] = static_cast<float>(gelu(sum));
      }
    }
    return y;
  }
  static std::vector<float> attend(const std::vector<float>& q, const Rows& k, const Rows& v, uint32_t heads) {
    const size_t dims = q.size() / heads;
    std::vector<float> y(q.size());
    for (size_t head = 0; head < heads; ++head) {
      std::vector<double> weights, sums(dims);
      double highest = -INFINITY, total = 0;
      for (const auto& key : k) {
        double score = 0;
        for (size_t i = head * dims; i < (head + 1) * dims; ++i)
          score += static_cast<double>(q[i]) * static_cast<double>(key[i]);
        weights.push_back(score / std::sqrt(static_cast<double>(dims)));
        highest = std::max(highest, weights.back());
      }
      for (size_t row = 0; row < v.size(); ++row) {
        const double weight = std::exp(weights[row] - highest);
        total += weight;
        for (size_t i = 0; i < dims; ++i) sums[i] += weight * static_cast<double>(v[row][head * dims + i]);
      }
      for (size_t i = 0; i < dims; ++i) y[head * dims + i] = static_cast<float>(sums[i] / total);
    }
    return y;
  }

  WhisperSizes sizes_;
  std::map<std::string, std::vector<float>> weights_;
};

}  // namespace pumice::reference
