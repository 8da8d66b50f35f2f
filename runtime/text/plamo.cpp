#include "text/plamo.h"

#include <cmath>
#include <utility>

#include "text/unicode.h"

namespace pumice {
namespace {

constexpr double kStepsPerScore = 1e4;
constexpr int64_t kUnknownCost = 10'000'000;
constexpr double kHighestCost = 20'000'000;  // of a token that can be used

struct Step {
  int64_t cost = int64_t{1} << 60;  // from here to the end
  uint32_t length = 0;              // of the token that begins here
  int32_t id = -1;                  // none: of bytes
};

}  // namespace

Result<PlamoEncoder> PlamoEncoder::create(const TokenTable& table) {
  PlamoEncoder encoder;
  encoder.byte_ids_.fill(-1);
  encoder.costs_.resize(static_cast<size_t>(table.size()));
  PrefixTree::Names names;
  for (int32_t id = 0; id < table.size(); ++id) {
    if (table.type(id) == TokenType::kByte) {
      if (const auto byte = byte_of_name(table.name(id))) encoder.byte_ids_[*byte] = id;
      continue;
    }
    const double cost = -std::round(double{table.score(id)} * kStepsPerScore);
    if (table.is_special(id) || !(cost < kHighestCost && cost > -kHighestCost)) continue;
    encoder.costs_[static_cast<size_t>(id)] = static_cast<int32_t>(cost);
    names.emplace_back(table.name(id), id);
  }
  for (size_t byte = 0; byte < 256; ++byte)
    if (encoder.byte_ids_[byte] < 0)
      return error(Status::kMalformed, "the plamo2 vocabulary has no token <0x%02zX>; convert the model again", byte);
  encoder.names_ = PrefixTree(std::move(names));
  return encoder;
}

void PlamoEncoder::encode(std::string_view text, std::vector<int32_t>& ids) const {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<uint32_t> starts;  // of characters
  for (size_t at = 0; at < text.size();) {
    starts.push_back(static_cast<uint32_t>(at));
    const Utf8Unit unit = first_unit(text.substr(at, 4));
    at += unit.state == Utf8State::kValid ? unit.length : 1;
  }
  std::vector<Step> best(text.size() + 1);
  best[text.size()].cost = 0;
  for (size_t i = starts.size(); i-- > 0;) {
    const size_t at = starts[i];
    const size_t character = (i + 1 < starts.size() ? starts[i + 1] : text.size()) - at;
    Step& here = best[at];
    here = {best[at + character].cost + kUnknownCost, static_cast<uint32_t>(character), -1};
    uint32_t node = PrefixTree::kRoot;
    for (size_t end = at; end < text.size();) {
      node = names_.step(node, static_cast<uint8_t>(text[end++]));
      if (node == PrefixTree::kNone) break;
      const int32_t id = names_.id(node);
      const int64_t cost = id < 0 ? here.cost + 1 : best[end].cost + costs_[static_cast<size_t>(id)];
      if (cost <= here.cost) here = {cost, static_cast<uint32_t>(end - at), id};
    }
  }
  for (size_t at = 0; at < text.size(); at += best[at].length) {
    if (best[at].id >= 0) {
      ids.push_back(best[at].id);
      continue;
    }
    for (const char c : text.substr(at, best[at].length)) ids.push_back(byte_ids_[static_cast<uint8_t>(c)]);
  }
}

}  // namespace pumice
