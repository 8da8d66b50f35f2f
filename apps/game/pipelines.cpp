#include "game/pipelines.h"

#include <imgui.h>

#include <cstddef>
#include <span>

#include "game/meshes.h"
#include "game_shaders/overlay.frag.h"
#include "game_shaders/overlay.vert.h"
#include "game_shaders/scene.frag.h"
#include "game_shaders/scene.vert.h"

namespace pumice_game {

namespace {

class Shader {
 public:
  Shader(VkDevice device, std::span<const std::uint32_t> words) : device_(device) {
    const VkShaderModuleCreateInfo info{
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = words.size_bytes(), .pCode = words.data()};
    check_vk(vkCreateShaderModule(device, &info, nullptr, &module_), "vkCreateShaderModule");
  }
  Shader(const Shader&) = delete;
  Shader& operator=(const Shader&) = delete;
  ~Shader() { vkDestroyShaderModule(device_, module_, nullptr); }
  VkShaderModule get() const { return module_; }

 private:
  VkDevice device_;
  VkShaderModule module_ = VK_NULL_HANDLE;
};

// What they have in common.
constexpr VkPipelineInputAssemblyStateCreateInfo kAssembly{
    .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
    .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST};
constexpr VkPipelineViewportStateCreateInfo kViewport{
    .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO, .viewportCount = 1, .scissorCount = 1};
constexpr VkPipelineMultisampleStateCreateInfo kSamples{
    .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO, .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT};
constexpr VkDynamicState kChanging[] = {VK_DYNAMIC_STATE_VIEWPORT, VK_DYNAMIC_STATE_SCISSOR};
constexpr VkPipelineDynamicStateCreateInfo kDynamic{
    .sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO, .dynamicStateCount = 2, .pDynamicStates = kChanging};

// What they differ in.
struct Plan {
  std::span<const std::uint32_t> vertex_words, fragment_words;
  std::span<const VkVertexInputBindingDescription> bindings;
  std::span<const VkVertexInputAttributeDescription> attributes;
  const VkSpecializationInfo* constants = nullptr;
  bool depth = true, blend = false, culls = true;
};

VkPipeline create(VkDevice device, VkRenderPass pass, VkPipelineLayout layout, const Plan& plan) {
  const Shader vertex(device, plan.vertex_words), fragment(device, plan.fragment_words);
  VkPipelineShaderStageCreateInfo stages[2] = {};
  for (VkPipelineShaderStageCreateInfo& stage : stages)
    stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
             .pName = "main",
             .pSpecializationInfo = plan.constants};
  stages[0].stage = VK_SHADER_STAGE_VERTEX_BIT, stages[0].module = vertex.get();
  stages[1].stage = VK_SHADER_STAGE_FRAGMENT_BIT, stages[1].module = fragment.get();
  const VkPipelineVertexInputStateCreateInfo input{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
      .vertexBindingDescriptionCount = static_cast<std::uint32_t>(plan.bindings.size()),
      .pVertexBindingDescriptions = plan.bindings.data(),
      .vertexAttributeDescriptionCount = static_cast<std::uint32_t>(plan.attributes.size()),
      .pVertexAttributeDescriptions = plan.attributes.data()};
  const VkPipelineRasterizationStateCreateInfo raster{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
      .cullMode = plan.culls ? VK_CULL_MODE_BACK_BIT : VK_CULL_MODE_NONE,
      .frontFace = VK_FRONT_FACE_COUNTER_CLOCKWISE,
      .lineWidth = 1};
  const VkPipelineDepthStencilStateCreateInfo depth{.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
                                                    .depthTestEnable = plan.depth,
                                                    .depthWriteEnable = plan.depth,
                                                    .depthCompareOp = VK_COMPARE_OP_LESS_OR_EQUAL};
  const VkPipelineColorBlendAttachmentState blending{
      .blendEnable = plan.blend,
      .srcColorBlendFactor = VK_BLEND_FACTOR_SRC_ALPHA,
      .dstColorBlendFactor = VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA,
      .srcAlphaBlendFactor = VK_BLEND_FACTOR_ONE,
      .dstAlphaBlendFactor = VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA,
      .colorWriteMask =
          VK_COLOR_COMPONENT_R_BIT | VK_COLOR_COMPONENT_G_BIT | VK_COLOR_COMPONENT_B_BIT | VK_COLOR_COMPONENT_A_BIT};
  const VkPipelineColorBlendStateCreateInfo blend{.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
                                                  .attachmentCount = 1,
                                                  .pAttachments = &blending};
  const VkGraphicsPipelineCreateInfo info{.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
                                          .stageCount = 2,
                                          .pStages = stages,
                                          .pVertexInputState = &input,
                                          .pInputAssemblyState = &kAssembly,
                                          .pViewportState = &kViewport,
                                          .pRasterizationState = &raster,
                                          .pMultisampleState = &kSamples,
                                          .pDepthStencilState = &depth,
                                          .pColorBlendState = &blend,
                                          .pDynamicState = &kDynamic,
                                          .layout = layout,
                                          .renderPass = pass};
  VkPipeline pipeline = VK_NULL_HANDLE;
  check_vk(vkCreateGraphicsPipelines(device, VK_NULL_HANDLE, 1, &info, nullptr, &pipeline),
           "vkCreateGraphicsPipelines");
  return pipeline;
}

constexpr std::uint32_t at_vec4(std::uint32_t i) { return 16 * i; }

constexpr VkVertexInputBindingDescription kSceneBindings[] = {{0, sizeof(Vertex), VK_VERTEX_INPUT_RATE_VERTEX},
                                                              {1, sizeof(Instance), VK_VERTEX_INPUT_RATE_INSTANCE}};
constexpr VkVertexInputAttributeDescription kSceneAttributes[] = {
    {0, 0, VK_FORMAT_R32G32B32_SFLOAT, offsetof(Vertex, position)},
    {1, 0, VK_FORMAT_R32G32B32_SFLOAT, offsetof(Vertex, normal)},
    {2, 1, VK_FORMAT_R32G32B32A32_SFLOAT, at_vec4(0)},
    {3, 1, VK_FORMAT_R32G32B32A32_SFLOAT, at_vec4(1)},
    {4, 1, VK_FORMAT_R32G32B32A32_SFLOAT, at_vec4(2)},
    {5, 1, VK_FORMAT_R32G32B32A32_SFLOAT, at_vec4(3)},
    {6, 1, VK_FORMAT_R32G32B32A32_SFLOAT, offsetof(Instance, colour)}};

const VkVertexInputBindingDescription kOverlayBindings[] = {{0, sizeof(ImDrawVert), VK_VERTEX_INPUT_RATE_VERTEX}};
const VkVertexInputAttributeDescription kOverlayAttributes[] = {
    {0, 0, VK_FORMAT_R32G32_SFLOAT, offsetof(ImDrawVert, pos)},
    {1, 0, VK_FORMAT_R32G32_SFLOAT, offsetof(ImDrawVert, uv)},
    {2, 0, VK_FORMAT_R8G8B8A8_UNORM, offsetof(ImDrawVert, col)}};

VkAttachmentDescription attachment(VkFormat format, VkAttachmentStoreOp store, VkImageLayout final_layout) {
  return {.format = format,
          .samples = VK_SAMPLE_COUNT_1_BIT,
          .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
          .storeOp = store,
          .stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE,
          .stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE,
          .finalLayout = final_layout};
}

}  // namespace

VkRenderPass create_render_pass(VkDevice device, VkFormat colour, VkImageLayout final_layout) {
  const VkAttachmentDescription attachments[] = {
      attachment(colour, VK_ATTACHMENT_STORE_OP_STORE, final_layout),
      attachment(kDepthFormat, VK_ATTACHMENT_STORE_OP_DONT_CARE, VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL)};
  const VkAttachmentReference colours{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
  const VkAttachmentReference depths{1, VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL};
  const VkSubpassDescription subpass{.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
                                     .colorAttachmentCount = 1,
                                     .pColorAttachments = &colours,
                                     .pDepthStencilAttachment = &depths};
  constexpr VkPipelineStageFlags kDepth =
      VK_PIPELINE_STAGE_EARLY_FRAGMENT_TESTS_BIT | VK_PIPELINE_STAGE_LATE_FRAGMENT_TESTS_BIT;
  // The frame before has drawn to the same depths, and perhaps to the same colours, or has read them.
  const VkSubpassDependency dependencies[] = {
      {VK_SUBPASS_EXTERNAL, 0, VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT | kDepth,
       VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT | kDepth,
       VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT | VK_ACCESS_DEPTH_STENCIL_ATTACHMENT_WRITE_BIT,
       VK_ACCESS_COLOR_ATTACHMENT_READ_BIT | VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT |
           VK_ACCESS_DEPTH_STENCIL_ATTACHMENT_READ_BIT | VK_ACCESS_DEPTH_STENCIL_ATTACHMENT_WRITE_BIT,
       0},
      {0, VK_SUBPASS_EXTERNAL, VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT,
       VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT, VK_ACCESS_TRANSFER_READ_BIT, 0}};
  const VkRenderPassCreateInfo info{.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
                                    .attachmentCount = 2,
                                    .pAttachments = attachments,
                                    .subpassCount = 1,
                                    .pSubpasses = &subpass,
                                    .dependencyCount = 2,
                                    .pDependencies = dependencies};
  VkRenderPass pass = VK_NULL_HANDLE;
  check_vk(vkCreateRenderPass(device, &info, nullptr, &pass), "vkCreateRenderPass");
  return pass;
}

VkPipeline create_scene_pipeline(VkDevice device, VkRenderPass pass, VkPipelineLayout layout, Drawing drawing) {
  const std::int32_t values[] = {drawing == Drawing::kShadows, drawing == Drawing::kGround};
  const VkSpecializationMapEntry entries[] = {{0, 0, 4}, {1, 4, 4}};
  const VkSpecializationInfo constants{2, entries, sizeof values, values};
  return create(device, pass, layout,
                {.vertex_words = kSceneVert,
                 .fragment_words = kSceneFrag,
                 .bindings = kSceneBindings,
                 .attributes = kSceneAttributes,
                 .constants = &constants,
                 .culls = drawing == Drawing::kObjects});
}

VkPipeline create_overlay_pipeline(VkDevice device, VkRenderPass pass, VkPipelineLayout layout) {
  return create(device, pass, layout,
                {.vertex_words = kOverlayVert,
                 .fragment_words = kOverlayFrag,
                 .bindings = kOverlayBindings,
                 .attributes = kOverlayAttributes,
                 .depth = false,
                 .blend = true,
                 .culls = false});
}

VkPipelineLayout create_layout(VkDevice device, VkDescriptorSetLayout set, VkShaderStageFlags stages,
                               std::uint32_t push_bytes) {
  const VkPushConstantRange range{stages, 0, push_bytes};
  const VkPipelineLayoutCreateInfo info{.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                        .setLayoutCount = set ? 1u : 0u,
                                        .pSetLayouts = &set,
                                        .pushConstantRangeCount = 1,
                                        .pPushConstantRanges = &range};
  VkPipelineLayout layout = VK_NULL_HANDLE;
  check_vk(vkCreatePipelineLayout(device, &info, nullptr, &layout), "vkCreatePipelineLayout");
  return layout;
}

}  // namespace pumice_game
