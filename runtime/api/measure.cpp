// Device measurement.
#include "api/handles.h"
#include "kernels/roof.h"

using namespace pumice;

extern "C" {

PumiceResult pumice_device_measure_roofs(PumiceDevice* device, PumiceRoofs* roofs) {
  if (!device) return PUMICE_INVALID_ARGUMENT;
  return guarded(&device->object->last_error, [&]() -> Result<void> {
    if (!usable(roofs)) return invalid("roofs is NULL or was not made by pumice_roofs_init()");
    PUMICE_ASSIGN(const Roofs measured, measure_roofs(*device->object->kernels));
    roofs->read_bytes_per_second = measured.read_bytes;
    roofs->copy_bytes_per_second = measured.copy_bytes;
    roofs->f32_flops = measured.f32_flops;
    roofs->f16_flops = measured.f16_flops;
    roofs->int8_ops = measured.int8_ops;
    roofs->matrix_flops = measured.matrix_flops;
    return {};
  });
}

}  // extern "C"
