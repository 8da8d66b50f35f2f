#include "vk/spirv_reflect.h"

#include <algorithm>
#include <unordered_map>

namespace pumice::vk {
namespace {

// Opcodes and enumerants of the SPIR-V specification that matter here.
enum Op : uint32_t {
  kOpExecutionMode = 16,
  kOpTypeInt = 21,
  kOpTypeFloat = 22,
  kOpTypeVector = 23,
  kOpTypeArray = 28,
  kOpTypeStruct = 30,
  kOpTypePointer = 32,
  kOpConstant = 43,
  kOpSpecConstantTrue = 48,
  kOpSpecConstantFalse = 49,
  kOpSpecConstant = 50,
  kOpSpecConstantComposite = 51,
  kOpConstantComposite = 44,
  kOpVariable = 59,
  kOpDecorate = 71,
  kOpMemberDecorate = 72,
};
enum Decoration : uint32_t {
  kSpecId = 1,
  kBuiltIn = 11,
  kNonWritable = 24,
  kNonReadable = 25,
  kBinding = 33,
  kDescriptorSet = 34,
  kOffset = 35,
  kArrayStride = 6,
};
constexpr uint32_t kBuiltInWorkgroupSize = 25, kModeLocalSize = 17;
constexpr uint32_t kStorageWorkgroup = 4, kStoragePush = 9, kStorageBuffer = 12;

struct Type {
  uint32_t op = 0, width = 0, element = 0, count = 0;  // count: components, or the id of an array's length
  std::vector<uint32_t> members;
};
struct Variable {
  uint32_t id, pointer, storage;
};

struct Module {
  std::unordered_map<uint32_t, Type> types;
  std::unordered_map<uint32_t, uint32_t> constants, spec_ids, bindings, sets, strides;
  std::unordered_map<uint32_t, std::vector<uint32_t>> composites;
  std::unordered_map<uint32_t, std::unordered_map<uint32_t, uint32_t>> offsets;
  std::unordered_map<uint32_t, uint32_t> non_writable, non_readable;  // struct or variable -> decorated members
  std::vector<Variable> variables;
  uint32_t workgroup_size = 0;
  uint32_t local_size[3] = {1, 1, 1};

  uint32_t size_of(uint32_t id, int depth = 0) const;
  void decorate(std::span<const uint32_t> w);
  void member_decorate(std::span<const uint32_t> w);
  void read(uint32_t op, std::span<const uint32_t> w);
};

uint32_t Module::size_of(uint32_t id, int depth) const {
  const auto found = types.find(id);
  if (found == types.end() || depth > 16) return 0;
  const Type& type = found->second;
  switch (type.op) {
    case kOpTypeInt:
    case kOpTypeFloat:
      return type.width / 8;
    case kOpTypeVector:
      return size_of(type.element, depth + 1) * type.count;
    case kOpTypeArray: {
      const auto count = constants.find(type.count);
      const auto stride = strides.find(id);
      return count != constants.end() && stride != strides.end() ? count->second * stride->second : 0;
    }
    case kOpTypeStruct: {
      uint32_t end = 0;
      for (uint32_t m = 0; m < type.members.size(); ++m) {
        const auto struct_offsets = offsets.find(id);
        const uint32_t offset =
            struct_offsets != offsets.end() && struct_offsets->second.count(m) ? struct_offsets->second.at(m) : 0;
        end = std::max(end, offset + size_of(type.members[m], depth + 1));
      }
      return end;
    }
    default:
      return 0;
  }
}

void Module::decorate(std::span<const uint32_t> w) {
  const uint32_t value = w.size() > 2 ? w[2] : 0;
  switch (w[1]) {
    case kSpecId:
      spec_ids[w[0]] = value;
      break;
    case kBinding:
      bindings[w[0]] = value;
      break;
    case kDescriptorSet:
      sets[w[0]] = value;
      break;
    case kArrayStride:
      strides[w[0]] = value;
      break;
    case kNonWritable:
      ++non_writable[w[0]];
      break;
    case kNonReadable:
      ++non_readable[w[0]];
      break;
    case kBuiltIn:
      if (value == kBuiltInWorkgroupSize) workgroup_size = w[0];
      break;
    default:
      break;
  }
}

void Module::member_decorate(std::span<const uint32_t> w) {
  if (w[2] == kOffset && w.size() > 3) offsets[w[0]][w[1]] = w[3];
  if (w[2] == kNonWritable) ++non_writable[w[0]];
  if (w[2] == kNonReadable) ++non_readable[w[0]];
}

void Module::read(uint32_t op, std::span<const uint32_t> w) {
  switch (op) {
    case kOpExecutionMode:
      if (w.size() >= 5 && w[1] == kModeLocalSize) std::copy_n(w.begin() + 2, 3, local_size);
      break;
    case kOpTypeInt:
    case kOpTypeFloat:
      types[w[0]] = {.op = op, .width = w[1]};
      break;
    case kOpTypeVector:
    case kOpTypeArray:
      types[w[0]] = {.op = op, .element = w[1], .count = w[2]};
      break;
    case kOpTypeStruct:
      types[w[0]] = {.op = op, .members = {w.begin() + 1, w.end()}};
      break;
    case kOpTypePointer:
      types[w[0]] = {.op = op, .element = w[2]};
      break;
    case kOpConstant:
    case kOpSpecConstant:
      constants[w[1]] = w[2];
      break;
    case kOpConstantComposite:
    case kOpSpecConstantComposite:
      composites[w[1]] = {w.begin() + 2, w.end()};
      break;
    case kOpVariable:
      variables.push_back({w[1], w[0], w[2]});
      break;
    case kOpDecorate:
      decorate(w);
      break;
    case kOpMemberDecorate:
      member_decorate(w);
      break;
    default:
      break;
  }
}

// Words after the first that an instruction of interest must have, so that read() may index them.
uint32_t minimum_words(uint32_t op) {
  switch (op) {
    case kOpTypeStruct:
      return 1;
    case kOpTypeInt:
    case kOpTypeFloat:
    case kOpDecorate:
    case kOpConstantComposite:
    case kOpSpecConstantComposite:
      return 2;
    case kOpTypeVector:
    case kOpTypeArray:
    case kOpTypePointer:
    case kOpConstant:
    case kOpSpecConstant:
    case kOpVariable:
    case kOpMemberDecorate:
      return 3;
    default:
      return 0;
  }
}

Result<void> add_binding(const Module& module, const Variable& variable, ShaderInterface& shader) {
  const auto pointer = module.types.find(variable.pointer);
  const auto binding = module.bindings.find(variable.id);
  if (pointer == module.types.end() || binding == module.bindings.end())
    return error(Status::kMalformed, "SPIR-V: a storage buffer without a binding");
  const uint32_t block = pointer->second.element;
  const auto members = module.types.find(block);
  const size_t count = members == module.types.end() ? 0 : members->second.members.size();
  const auto all = [&](const std::unordered_map<uint32_t, uint32_t>& decorated) {
    const auto of_block = decorated.find(block);
    return decorated.count(variable.id) != 0 || (of_block != decorated.end() && of_block->second >= count);
  };
  shader.bindings.push_back({binding->second, !all(module.non_readable), !all(module.non_writable)});
  return {};
}

}  // namespace

Result<ShaderInterface> reflect(std::span<const uint32_t> words) {
  constexpr uint32_t kMagic = 0x07230203, kHeaderWords = 5;
  if (words.size() < kHeaderWords || words[0] != kMagic) return error(Status::kMalformed, "not SPIR-V");
  Module module;
  for (size_t at = kHeaderWords; at < words.size();) {
    const uint32_t length = words[at] >> 16, op = words[at] & 0xffffu;
    if (length == 0 || at + length > words.size() || length - 1 < minimum_words(op))
      return error(Status::kMalformed, "SPIR-V: an instruction is cut off");
    module.read(op, words.subspan(at + 1, length - 1));
    at += length;
  }

  ShaderInterface shader;
  for (const Variable& variable : module.variables) {
    if (variable.storage == kStorageBuffer) PUMICE_TRY(add_binding(module, variable, shader));
    if (variable.storage == kStorageWorkgroup) ++shader.shared_variables;
    if (variable.storage == kStoragePush) {
      const auto pointer = module.types.find(variable.pointer);
      if (pointer != module.types.end()) shader.push_bytes = module.size_of(pointer->second.element);
    }
  }
  std::sort(shader.bindings.begin(), shader.bindings.end(),
            [](const ShaderBinding& a, const ShaderBinding& b) { return a.binding < b.binding; });
  for (uint32_t i = 0; i < shader.bindings.size(); ++i)
    if (shader.bindings[i].binding != i) return error(Status::kMalformed, "SPIR-V: binding %u is missing", i);

  for (const auto& [id, spec] : module.spec_ids) shader.spec_ids.push_back(spec);
  std::sort(shader.spec_ids.begin(), shader.spec_ids.end());
  // The local size and a constant of the shader may share an id.
  shader.spec_ids.erase(std::unique(shader.spec_ids.begin(), shader.spec_ids.end()), shader.spec_ids.end());
  const auto composite = module.composites.find(module.workgroup_size);
  for (uint32_t axis = 0; axis < 3; ++axis) {
    shader.local_size[axis] = module.local_size[axis];
    if (composite == module.composites.end() || composite->second.size() != 3) continue;
    const uint32_t id = composite->second[axis];
    if (const auto value = module.constants.find(id); value != module.constants.end())
      shader.local_size[axis] = value->second;
    if (const auto spec = module.spec_ids.find(id); spec != module.spec_ids.end())
      shader.local_size_id[axis] = spec->second;
  }
  return shader;
}

}  // namespace pumice::vk
