// In the place of measure.cpp in a build without it (PUMICE_BENCH).
#include "api/handles.h"

using namespace pumice;

extern "C" {

PumiceResult pumice_device_measure_roofs(PumiceDevice* device, PumiceRoofs*) {
  if (!device) return PUMICE_INVALID_ARGUMENT;
  return guarded(&device->object->last_error, []() -> Result<void> {
    return error(Status::kUnsupported, "this build measures no device: build again with PUMICE_BENCH");
  });
}

}  // extern "C"
