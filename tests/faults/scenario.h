// Scenario: a short life of the library, through its C interface, that the sweeps repeat with one fault each.
// World: an instance, a device, a model, and on them a context with a sequence whose next tokens are known; that other
// objects survive a fault is seen by asking worlds and contexts like these.
//
// Thread rule: one thread.
#pragma once

#include <pumice/pumice.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "faults/tool.h"

namespace pumice::faults {

template <auto kDestroy>
struct Destroyer {
  template <typename Object>
  void operator()(Object* object) const {
    kDestroy(object);
  }
};
using Instance = std::unique_ptr<PumiceInstance, Destroyer<pumice_instance_destroy>>;
using Device = std::unique_ptr<PumiceDevice, Destroyer<pumice_device_destroy>>;
using Model = std::unique_ptr<PumiceModel, Destroyer<pumice_model_destroy>>;
using Context = std::unique_ptr<PumiceContext, Destroyer<pumice_context_destroy>>;
using Sequence = std::unique_ptr<PumiceSequence, Destroyer<pumice_sequence_destroy>>;
using Request = std::unique_ptr<PumiceRequest, Destroyer<pumice_request_destroy>>;

struct Setup {
  std::string model, folder;  // the folder is the scenario's own; a projector lies beside its model, as "MODEL.mmproj"
  std::string redis;          // a URL; empty: no Redis
  uint64_t epoch = 0;         // other than all before: what they left in Redis is not found
};

// How a life ended: at the first call that failed, or with tokens that are not those of a life without faults.
struct Outcome {
  PumiceResult result = PUMICE_OK;
  std::string where, message;
  std::string wrong;  // empty: all tokens are right
  bool failed() const { return result != PUMICE_OK || !wrong.empty(); }
};

// Of the first life, which has no fault; later ones are compared with it.
using Golden = std::map<std::string, std::vector<int32_t>>;

class FrameHost;

class Scenario {
 public:
  Scenario(Setup setup, Golden& golden);
  ~Scenario();

  const Outcome& outcome() const { return outcome_; }
  void begin(uint64_t epoch, const std::string& redis) { outcome_ = {}, setup_.epoch = epoch, setup_.redis = redis; }

  void fail(const Outcome& how) { outcome_ = how; }

  // Each does nothing once something has failed.
  void start();      // instance, device, model
  void warm_up();    // pipelines, in threads
  void open();       // a context with all tiers
  void use();        // prompts, forks, sessions, evictions, fetches
  void use_short();  // one prompt
  void slide();      // a context of its own, which is too small
  void frames();     // likewise, in a host's frames: budgets, another device, jobs, a file that the host reads
  void recorded();   // on a host's device, in its command buffers
  void stop(bool context_alone = false);

  // Whether objects that had nothing to do with the failure give the right tokens; else what is wrong.
  std::string check_context();
  std::string check_model();

 private:
  bool ok(PumiceResult result, const char* where);
  bool same(const std::string& what, std::vector<int32_t> tokens);
  Sequence sequence();
  Request submit(PumiceSequence* on, size_t first, size_t count, uint32_t tokens, float temperature = 0);
  std::vector<int32_t> finish(PumiceRequest* request);
  std::vector<int32_t> generate(PumiceSequence* on, size_t first, size_t count, uint32_t tokens);
  void branch(PumiceSequence* trunk);
  void sessions(PumiceSequence* saved, const std::string& name);
  void judge(PumiceSequence* on);
  void crowd();
  std::vector<int32_t> generate_in_frames(PumiceSequence* on);
  void squeeze();
  void rebind();
  bool finish_job(PumiceJob* job, const char* where);
  void load_by_callback();
  std::vector<int32_t> generate_recorded(FrameHost& host, PumiceSequence* on);
  void live_on(FrameHost& host);
  std::string error() const;
  void picture();
  std::string check(PumiceContext* context);
  std::vector<int32_t> answer(Tool& tool, uint32_t input);
  std::string check(Tool& tool);

  struct Shape {
    uint32_t context_tokens = 256, sequences = 4;
    uint32_t slice = 0;          // of prompts; 0: the device's
    uint32_t slide_tokens = 96;  // of the context that slides; 0: the model cannot
  };
  Setup setup_;
  Shape shape_;
  Golden& golden_;
  Outcome outcome_;
  std::vector<int32_t> text_;  // prompts are cut out of it
  Instance instance_;
  Device device_;
  Model model_;
  Context context_, bystander_;
  // In their place where the model is no decoder of text alone.
  std::string architecture_;
  std::unique_ptr<Tool> tool_, bystander_tool_;
};

}  // namespace pumice::faults
