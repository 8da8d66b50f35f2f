// A model beside Qt Quick, whole: the application creates the VkDevice, Qt draws the scene with it, and Pumice writes
// the text on it, within two milliseconds of each frame. Device and queue are used on one thread: the "basic" render
// loop draws on the GUI's, so that no lock is needed.
//
//   qt_quick_host MODEL.gguf [FRAMES]
#include <pumice/pumice_vulkan.h>
// Before Qt's: it brings Vulkan's types.
#include <QGuiApplication>
#include <QQmlComponent>
#include <QQmlEngine>
#include <QQuickGraphicsConfiguration>
#include <QQuickGraphicsDevice>
#include <QQuickItem>
#include <QQuickWindow>
#include <QVulkanFunctions>
#include <QVulkanInstance>
#include <cstdio>
#include <memory>
#include <pumice/pumice.hpp>

namespace {

constexpr int kSkipped = 77;
constexpr const char* kScene = R"(
import QtQuick
Rectangle {
  gradient: Gradient { GradientStop { position: 0; color: "#20304a" } GradientStop { position: 1; color: "#6a4a3a" } }
  Rectangle {
    width: 60; height: 60; radius: 12; color: "#e0b060"; anchors.centerIn: parent
    RotationAnimation on rotation { from: 0; to: 360; duration: 4000; loops: Animation.Infinite }
  }
  Text { objectName: "text"; width: parent.width - 20; x: 10; y: 10; color: "white"; wrapMode: Text.Wrap }
})";

// The application's device.
struct Host {
  QVulkanInstance instance;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  std::uint32_t family = 0;
  PumiceVkDeviceInfo* created_with = nullptr;

  PFN_vkGetInstanceProcAddr loader() {
    return reinterpret_cast<PFN_vkGetInstanceProcAddr>(instance.getInstanceProcAddr("vkGetInstanceProcAddr"));
  }
};

bool open_device(Host* host, const pumice::Instance& pumice) {
  host->instance.setApiVersion(QVersionNumber(1, 2));
  host->instance.setExtensions(QQuickGraphicsConfiguration::preferredInstanceExtensions());
  if (!host->instance.create()) return false;
  QVulkanFunctions* vk = host->instance.functions();
  std::uint32_t count = 1;
  if (vk->vkEnumeratePhysicalDevices(host->instance.vkInstance(), &count, &host->physical) < 0 || count == 0)
    return false;
  VkQueueFamilyProperties families[16];
  count = 16;
  vk->vkGetPhysicalDeviceQueueFamilyProperties(host->physical, &count, families);
  constexpr VkQueueFlags kBoth = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
  while (host->family < count && (families[host->family].queueFlags & kBoth) != kBoth) ++host->family;
  if (host->family == count) return false;
  const float priority = 1;
  const char* swapchain = VK_KHR_SWAPCHAIN_EXTENSION_NAME;
  VkDeviceQueueCreateInfo queue{};
  queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue.queueFamilyIndex = host->family;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkDeviceCreateInfo mine{};
  mine.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  mine.queueCreateInfoCount = 1;
  mine.pQueueCreateInfos = &queue;
  mine.enabledExtensionCount = 1;
  mine.ppEnabledExtensionNames = &swapchain;
  pumice.check(pumice_vk_device_info_create(pumice.get(), host->loader(), host->instance.vkInstance(), host->physical,
                                            &mine, &host->created_with));
  if (vk->vkCreateDevice(host->physical, pumice_vk_device_info_get(host->created_with), nullptr, &host->device) < 0)
    return false;
  host->instance.deviceFunctions(host->device)->vkGetDeviceQueue(host->device, host->family, 0, &host->queue);
  return true;
}

void close_device(Host* host) {
  QVulkanDeviceFunctions* vk = host->instance.deviceFunctions(host->device);
  vk->vkDeviceWaitIdle(host->device);
  vk->vkDestroyDevice(host->device, nullptr);
  host->instance.resetDeviceFunctions(host->device);
  pumice_vk_device_info_destroy(host->created_with);
}

pumice::Device lend(Host* host, const pumice::Instance& pumice) {
  PumiceVkImport import = pumice_vk_import_init();
  import.get_instance_proc_addr = host->loader();
  import.instance = host->instance.vkInstance();
  import.physical_device = host->physical;
  import.device = host->device;
  import.created_with = pumice_vk_device_info_get(host->created_with);
  import.api_version = VK_API_VERSION_1_2;
  import.queue_family = host->family;
  import.queue = host->queue;
  PumiceDevice* device = nullptr;
  pumice.check(pumice_device_import(pumice.get(), &import, nullptr, &device));
  return pumice::Device(device);
}

// The text goes on after each frame that Qt has drawn.
int show(Host* host, const pumice::Instance& pumice, const char* path, int frames) {
  const pumice::Device device = lend(host, pumice);
  const pumice::Model model(pumice, device, path);
  pumice::Context context(model);
  pumice::Sequence sequence(context);
  PumiceRequestOptions options = model.sampling();
  options.max_tokens = 40;
  pumice::Request request = sequence.submit(model.tokenize("Once upon a time there was a window that"), options);

  QQuickWindow window;
  window.setVulkanInstance(&host->instance);
  window.setGraphicsDevice(
      QQuickGraphicsDevice::fromDeviceObjects(host->physical, host->device, static_cast<int>(host->family), 0));
  QQmlEngine engine;
  QQmlComponent component(&engine);
  component.setData(kScene, {});
  const std::unique_ptr<QQuickItem> scene(qobject_cast<QQuickItem*>(component.create()));
  if (!scene) return std::fprintf(stderr, "%s\n", qPrintable(component.errorString())), kSkipped;
  scene->setParentItem(window.contentItem());
  window.resize(320, 200);
  scene->setSize(QSizeF(320, 200));
  QObject* text = scene->findChild<QObject*>("text");
  QString written;
  int drawn = 0;
  QObject::connect(&window, &QQuickWindow::frameSwapped, &window, [&] {
    context.step_within(2000);
    const PumicePoll poll = request.poll();
    written += QString::fromUtf8(poll.text, static_cast<qsizetype>(poll.text_length));
    text->setProperty("text", written);
    window.update();
    if (frames > 0 && (++drawn == frames || poll.status != PUMICE_REQUEST_RUNNING)) QGuiApplication::quit();
  });
  window.show();
  QGuiApplication::exec();
  std::printf("%s\n", qPrintable(written));
  return written.isEmpty() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: %s MODEL.gguf [FRAMES]\n", argv[0]), 2;
  qputenv("QSG_RENDER_LOOP", "basic");
  QQuickWindow::setGraphicsApi(QSGRendererInterface::Vulkan);
  QGuiApplication application(argc, argv);
  try {
    const pumice::Instance pumice;
    Host host;
    if (!open_device(&host, pumice)) return kSkipped;
    const int code = show(&host, pumice, argv[1], argc > 2 ? std::atoi(argv[2]) : 0);
    close_device(&host);
    return code;
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 1;
  }
}
