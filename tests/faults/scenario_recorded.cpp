// The part of Scenario that is a host who takes all work into its own command buffers.
#include <chrono>
#include <thread>

#include "faults/frame_host.h"
#include "faults/scenario.h"

namespace pumice::faults {

std::vector<int32_t> Scenario::generate_recorded(FrameHost& host, PumiceSequence* on) {
  const Request request = submit(on, 0, 70, 4);
  std::vector<int32_t> ids;
  while (!outcome_.failed()) {
    bool recorded = false;
    if (!ok(host.frame(context_.get(), device_.get(), &recorded), "request (record)")) break;
    PumicePoll poll = pumice_poll_init();
    if (!ok(pumice_poll(request.get(), &poll), "poll (record)")) break;
    ids.insert(ids.end(), poll.ids, poll.ids + poll.count);
    if (poll.status == PUMICE_REQUEST_FAILED) ok(poll.result, "request");
    if (poll.status != PUMICE_REQUEST_RUNNING) break;
    if (!recorded) std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return ids;
}

void Scenario::live_on(FrameHost& host) {
  if (!ok(host.open(), "host")) return;
  PumiceInstance* instance = nullptr;
  if (!ok(pumice_instance_create(nullptr, &instance), "instance_create (record)")) return;
  instance_.reset(instance);
  PumiceDevice* device = nullptr;
  if (!ok(host.import(instance, &device), "device_import")) return;
  device_.reset(device);
  PumiceModelOptions model_options = pumice_model_options_init();
  model_options.path = setup_.model.c_str();
  PumiceModel* model = nullptr;
  if (!ok(pumice_model_load(instance, device, &model_options, &model), "model_load (record)")) return;
  model_.reset(model);
  PumiceContextOptions options = pumice_context_options_init();
  options.context_tokens = shape_.context_tokens;
  options.prefill_slice = shape_.slice;
  PumiceContext* context = nullptr;
  if (!ok(pumice_context_create(model, &options, &context), "context_create (record)")) return;
  context_.reset(context);
  Sequence fresh = sequence();
  same("first", generate_recorded(host, fresh.get()));
}

void Scenario::recorded() {
  if (outcome_.failed() || tool_) return;
  FrameHost host;
  Scenario inside(setup_, golden_);
  inside.shape_ = shape_;
  inside.live_on(host);
  outcome_ = inside.outcome_;
  if (host.own_failed()) outcome_.message = "a call of the host's own failed";
}

}  // namespace pumice::faults
