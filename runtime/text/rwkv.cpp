#include "text/rwkv.h"

#include <algorithm>
#include <string>
#include <utility>

namespace pumice {

RwkvEncoder::RwkvEncoder(const TokenTable& table) : unknown_(table.unk) {
  std::vector<std::string> bytes;
  std::vector<int32_t> ids;
  for (int32_t id = 0; id < table.size(); ++id) {
    if (table.is_special(id)) continue;
    bytes.push_back(unescape_rwkv(table.name(id)));
    ids.push_back(id);
  }
  PrefixTree::Names tokens;
  for (size_t i = 0; i < ids.size(); ++i) tokens.emplace_back(bytes[i], ids[i]);
  tokens_ = PrefixTree(std::move(tokens));
}

void RwkvEncoder::encode(std::string_view text, std::vector<int32_t>& ids) const {
  while (!text.empty()) {
    const PrefixTree::Match match = tokens_.longest(text);
    if (match.length > 0) {
      ids.push_back(match.id);
    } else if (unknown_) {
      ids.push_back(*unknown_);
    }
    text.remove_prefix(std::max<size_t>(match.length, 1));
  }
}

}  // namespace pumice
