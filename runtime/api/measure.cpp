// Device measurement.
#include "api/handles.h"
#include "kernels/roof.h"

using namespace pumice;

extern "C" {

PumiceResult pumice_device_measure_roofs(PumiceDevice* device, PumiceRoofs* roofs) {
  if (!device) return PUMICE_INVALID_ARGUMENT;
  return guarded(&device->object->last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(roofs, "roofs"));
    PUMICE_ASSIGN(const Roofs measured, measure_roofs(*device->object->kernels));
    PumiceRoofs made = pumice_roofs_init();
    made.read_bytes_per_second = measured.read_bytes;
    made.copy_bytes_per_second = measured.copy_bytes;
    made.f32_flops = measured.f32_flops;
    made.f16_flops = measured.f16_flops;
    made.int8_ops = measured.int8_ops;
    made.matrix_flops = measured.matrix_flops;
    hand_out(made, roofs);
    return {};
  });
}

}  // extern "C"
