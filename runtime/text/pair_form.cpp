#include "text/pair_form.h"

#include <algorithm>

namespace pumice {

FilledForm fill_pair_form(std::string_view form, std::string_view query, std::string_view document) {
  constexpr std::string_view kQuery = "{query}", kDocument = "{document}";
  FilledForm filled;
  while (!form.empty()) {
    const size_t place = std::min(form.find(kQuery), form.find(kDocument));
    const size_t begin = filled.text.size();
    filled.text += form.substr(0, place);
    if (filled.text.size() > begin) filled.trusted.push_back({begin, filled.text.size()});
    if (place == std::string_view::npos) break;
    form.remove_prefix(place);
    const bool is_query = form.starts_with(kQuery);
    filled.text += is_query ? query : document;
    form.remove_prefix(is_query ? kQuery.size() : kDocument.size());
  }
  return filled;
}

}  // namespace pumice
