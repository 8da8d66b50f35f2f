// Draws a picture and the overlay, two frames in flight.
#pragma once

#include <memory>
#include <optional>

#include "game/meshes.h"
#include "game/overlay_painter.h"
#include "game/target.h"

namespace pumice_game {

// Rows of 4 bytes: red, green, blue, and one that means nothing.
struct Screenshot {
  VkExtent2D extent{};
  std::vector<std::uint8_t> pixels;
};

class Renderer {
 public:
  // extent: of the window, in pixels. Dear ImGui's context exists.
  Renderer(Gpu* gpu, VkExtent2D extent);
  Renderer(const Renderer&) = delete;
  Renderer& operator=(const Renderer&) = delete;
  ~Renderer();

  VkExtent2D extent() const { return target_.extent(); }
  // The window has another size; the next frame's images follow. Pumice may be at work.
  void resize(VkExtent2D extent) { wanted_ = extent, stale_ = true; }
  // False: nothing can be drawn now (minimised). capture: the frame is kept for take_screenshot().
  bool draw(const Picture& picture, const ImDrawData* overlay, bool capture);
  // Waits for the frame.
  std::optional<Screenshot> take_screenshot();
  // Of the newest frame that is known to be done; 0: there are no timestamps.
  double gpu_us() const { return gpu_us_; }

 private:
  struct Slot {
    VkCommandBuffer commands = VK_NULL_HANDLE;
    VkFence done = VK_NULL_HANDLE;
    VkSemaphore acquired = VK_NULL_HANDLE;
    VkQueryPool times = VK_NULL_HANDLE;
    Buffer instances;
    bool timed = false;
  };
  struct Range {
    std::uint32_t first_index = 0, index_count = 0;
    std::int32_t first_vertex = 0;
  };
  static constexpr std::size_t kSlots = 2;

  void create_slots();
  void create_meshes();
  void create_framebuffers();
  void destroy_framebuffers();
  void upload_letters();
  bool renew_target();
  void begin(Slot* slot);
  void record(Slot* slot, std::uint32_t image, const Picture& picture, const ImDrawData* overlay);
  void record_scene(Slot* slot, const Picture& picture);
  void record_capture(VkCommandBuffer commands, std::uint32_t image);
  void submit(Slot* slot, std::uint32_t image, bool waits);

  Gpu* gpu_;
  Target target_;
  VkExtent2D wanted_;
  bool stale_ = false;
  VkRenderPass pass_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkPipeline objects_ = VK_NULL_HANDLE, ground_ = VK_NULL_HANDLE, shadows_ = VK_NULL_HANDLE;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  std::array<Slot, kSlots> slots_;
  std::size_t next_ = 0;
  Image depth_;
  std::vector<VkFramebuffer> framebuffers_;
  Buffer vertices_, indices_, captured_;
  std::array<Range, kShapes> ranges_{};
  std::optional<std::size_t> captured_in_;
  std::unique_ptr<OverlayPainter> overlay_;
  double gpu_us_ = 0;
};

}  // namespace pumice_game
