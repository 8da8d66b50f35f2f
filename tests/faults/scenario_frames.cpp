// The part of Scenario that is a host with frames: budgets of memory, another device, jobs, a file that the host reads.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "faults/scenario.h"

namespace pumice::faults {

namespace {

std::string error_of(const PumiceJob* job) {
  char text[512] = "";
  pumice_job_error(job, text, sizeof text);
  return text;
}

}  // namespace

std::vector<int32_t> Scenario::generate_in_frames(PumiceSequence* on) {
  const Request request = submit(on, 0, 70, 4);
  std::vector<int32_t> ids;
  while (!outcome_.failed()) {
    PumiceFrame frame = pumice_frame_init();
    frame.gpu_us = 1e6;
    PumicePoll poll = pumice_poll_init();
    if (!ok(pumice_step_within(context_.get(), &frame), "request (step_within)")) break;
    if (!ok(pumice_poll(request.get(), &poll), "poll")) break;
    ids.insert(ids.end(), poll.ids, poll.ids + poll.count);
    if (poll.status == PUMICE_REQUEST_FAILED) ok(poll.result, "request");
    if (poll.status != PUMICE_REQUEST_RUNNING) break;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return ids;
}

// Less memory than is in use, and all of it again: what waits meanwhile goes on.
void Scenario::squeeze() {
  if (outcome_.failed()) return;
  PumiceDeviceMemory memory = pumice_device_memory_init();
  if (!ok(pumice_device_get_memory(device_.get(), &memory), "device_get_memory")) return;
  if (!ok(pumice_device_set_budget(device_.get(), memory.used_bytes - 1), "device_set_budget")) return;
  for (int i = 0; i < 3 && !outcome_.failed(); ++i) ok(pumice_step(context_.get(), nullptr), "request (step)");
  // Also after a failure: others are asked whether they still work.
  const PumiceResult restored = pumice_device_set_budget(device_.get(), 0);
  if (!outcome_.failed()) ok(restored, "device_set_budget (0)");
}

bool Scenario::finish_job(PumiceJob* job, const char* where) {
  PumiceJobPoll poll = pumice_job_poll_init();
  while (pumice_job_poll(job, &poll) == PUMICE_OK && !poll.done)
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  if (poll.result == PUMICE_OK) return true;
  outcome_.result = poll.result, outcome_.where = where, outcome_.message = error_of(job);
  return false;
}

void Scenario::rebind() {
  if (outcome_.failed() || !ok(pumice_context_rebind(context_.get(), model_.get()), "context_rebind")) return;
  PumiceJob* job = nullptr;
  if (!ok(pumice_context_rebind_begin(context_.get(), model_.get(), nullptr, &job), "context_rebind_begin")) return;
  finish_job(job, "context_rebind (job)");
  pumice_job_destroy(job);
}

void Scenario::load_by_callback() {
  if (outcome_.failed()) return;
  std::ifstream file(setup_.model, std::ios::binary);
  PumiceModelOptions options = pumice_model_options_init();
  options.read_user = &file;
  options.read = [](void* from, uint64_t offset, void* buffer, size_t size) -> int32_t {
    auto& in = *static_cast<std::ifstream*>(from);
    in.clear();
    in.seekg(static_cast<std::streamoff>(offset));
    return in.read(static_cast<char*>(buffer), static_cast<std::streamsize>(size)) ? 0 : 1;
  };
  options.read_size = std::filesystem::file_size(setup_.model);
  PumiceJob* job = nullptr;
  if (!ok(pumice_model_load_begin(instance_.get(), device_.get(), &options, nullptr, &job), "model_load_begin")) return;
  finish_job(job, "model_load (job)");
  pumice_job_destroy(job);
}

void Scenario::frames() {
  if (outcome_.failed() || tool_) return;
  PumiceContextOptions options = pumice_context_options_init();
  options.context_tokens = shape_.context_tokens;
  options.prefill_slice = shape_.slice;
  PumiceContext* context = nullptr;
  if (!ok(pumice_context_create(model_.get(), &options, &context), "context_create (frames)")) return;
  context_.reset(context);
  for (int round = 0; round < 2; ++round) {
    Sequence fresh = sequence();
    same("first", generate_in_frames(fresh.get()));
    fresh.reset();
    if (round == 0) squeeze(), rebind(), load_by_callback();
  }
}

}  // namespace pumice::faults
