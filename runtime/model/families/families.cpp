#include "model/families/families.h"

namespace pumice {
namespace {

#define PUMICE_FAMILY(name, family) {name, describe_##family},
constexpr Family kFamilies[] = {PUMICE_FAMILIES(PUMICE_FAMILY)};
#undef PUMICE_FAMILY

}  // namespace

const Family* find_family(std::string_view name) {
  for (const Family& family : kFamilies)
    if (name == family.name) return &family;
  return nullptr;
}

std::string family_names() {
  std::string names;
  for (const Family& family : kFamilies) names += (names.empty() ? "" : ", ") + std::string(family.name);
  return names;
}

}  // namespace pumice
