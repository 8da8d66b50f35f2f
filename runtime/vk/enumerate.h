// What Vulkan tells: lists, asked for their size and then for what they hold, and names.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/result.h"
#include "vk/functions.h"

namespace pumice::vk {

// More than any driver has; one that says so is not believed.
inline constexpr uint32_t kMostEnumerated = 4096;

// call(&count, list) -> VkResult. The list may grow or shrink between the calls.
template <typename Item, typename Call>
Result<std::vector<Item>> enumerate(const char* name, Call&& call, const Item& blank = {}) {
  uint32_t count = 0;
  if (const VkResult result = call(&count, nullptr); result != VK_SUCCESS) return vulkan_error(result, name);
  std::vector<Item> items(std::min(count, kMostEnumerated), blank);
  count = static_cast<uint32_t>(items.size());
  const VkResult result = call(&count, items.data());
  if (result != VK_SUCCESS && result != VK_INCOMPLETE) return vulkan_error(result, name);
  items.resize(std::min<size_t>(count, items.size()));
  return items;
}

// Of one of Vulkan's fixed arrays, which a driver may have filled to the end.
template <size_t N>
std::string text_of(const char (&text)[N]) {
  return {text, strnlen(text, N)};
}

}  // namespace pumice::vk
