#include "vk/spirv_reflect.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "vk/spirv_operation.h"

namespace pumice::vk {
namespace {

// Opcodes and enumerants of the SPIR-V specification that matter here.
enum Op : uint32_t {
  kOpExecutionMode = 16,
  kOpTypeBool = 20,
  kOpTypeInt = 21,
  kOpTypeFloat = 22,
  kOpTypeVector = 23,
  kOpTypeArray = 28,
  kOpTypeStruct = 30,
  kOpTypePointer = 32,
  kOpConstantTrue = 41,
  kOpConstantFalse = 42,
  kOpConstant = 43,
  kOpSpecConstantTrue = 48,
  kOpSpecConstantFalse = 49,
  kOpSpecConstant = 50,
  kOpSpecConstantComposite = 51,
  kOpSpecConstantOp = 52,
  kOpConstantComposite = 44,
  kOpCompositeExtract = 81,
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
constexpr uint32_t kBuiltInNumWorkgroups = 24, kBuiltInWorkgroupSize = 25, kModeLocalSize = 17;
constexpr uint32_t kStorageWorkgroup = 4, kStoragePush = 9, kStorageBuffer = 12;

struct Type {
  uint32_t op = 0, width = 0, element = 0, count = 0;  // count: components, or the id of an array's length
  std::vector<uint32_t> members;
};
struct Variable {
  uint32_t id, pointer, storage;
};

struct Extent {
  uint64_t bytes = 0, alignment = 1;
};

uint64_t round_up(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }

struct Module {
  std::span<const uint32_t> given;  // values of specialisation constants by id
  std::unordered_map<uint32_t, Type> types;
  std::unordered_map<uint32_t, uint32_t> constants, spec_ids, bindings, sets, strides;
  std::unordered_map<uint32_t, std::vector<uint32_t>> composites;
  std::unordered_map<uint32_t, std::unordered_map<uint32_t, uint32_t>> offsets;
  std::unordered_map<uint32_t, uint32_t> non_writable, non_readable;  // struct or variable -> decorated members
  std::vector<Variable> variables;
  uint32_t workgroup_size = 0;
  bool counts_groups = false;
  uint32_t local_size[3] = {1, 1, 1};

  uint32_t size_of(uint32_t id, int depth = 0) const;
  std::optional<Extent> shared_extent(uint32_t id, int depth = 0) const;
  uint32_t specialised(uint32_t id, uint32_t otherwise) const;
  void read_operation(std::span<const uint32_t> w);
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

// Of a type without explicit layout. nullopt: an array of unknown length.
std::optional<Extent> Module::shared_extent(uint32_t id, int depth) const {
  const auto found = types.find(id);
  if (found == types.end() || depth > 16) return std::nullopt;
  const Type& type = found->second;
  switch (type.op) {
    case kOpTypeBool:
      return Extent{4, 4};
    case kOpTypeInt:
    case kOpTypeFloat:
      return Extent{type.width / 8, std::max(1u, type.width / 8)};
    case kOpTypeVector: {
      const std::optional<Extent> part = shared_extent(type.element, depth + 1);
      if (!part) return std::nullopt;
      return Extent{part->bytes * type.count, part->alignment * (type.count == 2 ? 2 : 4)};
    }
    case kOpTypeArray: {
      const std::optional<Extent> part = shared_extent(type.element, depth + 1);
      const auto count = constants.find(type.count);
      if (!part || count == constants.end()) return std::nullopt;
      return Extent{round_up(part->bytes, part->alignment) * count->second, part->alignment};
    }
    case kOpTypeStruct: {
      Extent whole;
      for (const uint32_t member : type.members) {
        const std::optional<Extent> part = shared_extent(member, depth + 1);
        if (!part) return std::nullopt;
        whole.bytes = round_up(whole.bytes, part->alignment) + part->bytes;
        whole.alignment = std::max(whole.alignment, part->alignment);
      }
      return whole;
    }
    default:
      return std::nullopt;
  }
}

uint32_t Module::specialised(uint32_t id, uint32_t otherwise) const {
  const auto spec = spec_ids.find(id);
  return spec != spec_ids.end() && spec->second < given.size() ? given[spec->second] : otherwise;
}

// w: type, result, operation, operands.
void Module::read_operation(std::span<const uint32_t> w) {
  const auto value = [&](size_t i) {
    const auto found = i < w.size() ? constants.find(w[i]) : constants.end();
    return found == constants.end() ? std::optional<uint32_t>() : found->second;
  };
  if (w[2] == kOpCompositeExtract) {
    const auto whole = w.size() == 5 ? composites.find(w[3]) : composites.end();
    if (whole == composites.end() || w[4] >= whole->second.size()) return;
    const auto part = constants.find(whole->second[w[4]]);
    if (part != constants.end()) constants[w[1]] = part->second;
    return;
  }
  for (size_t i = 3; i < w.size(); ++i)
    if (!value(i)) return;
  const std::optional<uint32_t> result =
      evaluate_spirv_operation(w[2], value(3).value_or(0), value(4).value_or(0), value(5).value_or(0));
  if (result) constants[w[1]] = *result;
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
      counts_groups = counts_groups || value == kBuiltInNumWorkgroups;
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
    case kOpTypeBool:
      types[w[0]] = {.op = op};
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
    case kOpConstantTrue:
    case kOpConstantFalse:
      constants[w[1]] = op == kOpConstantTrue;
      break;
    case kOpConstant:
      constants[w[1]] = w[2];
      break;
    case kOpSpecConstantTrue:
    case kOpSpecConstantFalse:
      constants[w[1]] = specialised(w[1], op == kOpSpecConstantTrue);
      break;
    case kOpSpecConstant:
      constants[w[1]] = specialised(w[1], w[2]);
      break;
    case kOpSpecConstantOp:
      read_operation(w);
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
    case kOpTypeBool:
      return 1;
    case kOpConstantTrue:
    case kOpConstantFalse:
    case kOpSpecConstantTrue:
    case kOpSpecConstantFalse:
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
    case kOpSpecConstantOp:
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
  const ShaderBinding added{binding->second, !all(module.non_readable), !all(module.non_writable)};
  const auto same = std::find_if(shader.bindings.begin(), shader.bindings.end(),
                                 [&](const ShaderBinding& other) { return other.binding == added.binding; });
  if (same == shader.bindings.end()) {
    shader.bindings.push_back(added);
  } else {  // another view of the buffer
    same->read |= added.read;
    same->write |= added.write;
  }
  return {};
}

Result<void> add_shared(const Module& module, const Variable& variable, ShaderInterface& shader) {
  const auto pointer = module.types.find(variable.pointer);
  const std::optional<Extent> extent =
      pointer == module.types.end() ? std::nullopt : module.shared_extent(pointer->second.element);
  if (!extent) return error(Status::kMalformed, "SPIR-V: a shared variable of unknown size");
  ++shader.shared_variables;
  shader.shared_bytes = round_up(shader.shared_bytes, extent->alignment) + extent->bytes;
  return {};
}

}  // namespace

Result<ShaderInterface> reflect(std::span<const uint32_t> words, std::span<const uint32_t> constants) {
  constexpr uint32_t kMagic = 0x07230203, kHeaderWords = 5;
  if (words.size() < kHeaderWords || words[0] != kMagic) return error(Status::kMalformed, "not SPIR-V");
  Module module;
  module.given = constants;
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
    if (variable.storage == kStorageWorkgroup) PUMICE_TRY(add_shared(module, variable, shader));
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
  shader.counts_groups = module.counts_groups;
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
