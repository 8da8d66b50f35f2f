#include "model/blocks/adapters.h"

#include "kernels/lora.h"
#include "kernels/matmul.h"
#include "kernels/matvec.h"

namespace pumice {
namespace {

const AdaptedMatrix* find_adapted(const StepContext& context, const Projection& projection) {
  const bool may = context.step.adapters && projection.adaptable;
  return may ? context.step.adapters->find(*projection.adaptable) : nullptr;
}

}  // namespace

bool is_adapted(const StepContext& context, const Projection& projection) {
  return find_adapted(context, projection) != nullptr;
}

bool add_adapters(Recorder recorder, const StepContext& context, const AdaptedProduct& product) {
  const StepShape& step = context.step;
  if (step.adaptable && product.projection.adaptable) step.adaptable->insert(*product.projection.adaptable);
  const AdaptedMatrix* const adapted = find_adapted(context, product.projection);
  if (!adapted) return false;
  const FloatRows products = rows_of(step.adapters->products(), adapted->a.rows);
  if (product.norm)
    matvec(recorder, {.w = adapted->a,
                      .x = product.x,
                      .norm = product.norm,
                      .eps = context.spec.norm_eps,
                      .y = products,
                      .n = product.n});
  else
    linear(recorder, {.w = adapted->a, .x = product.x, .y = products, .n = product.n, .exact = step.exact});
  lora(recorder, {.products = products,
                  .columns = adapted->columns,
                  .scales = step.adapters->scales(),
                  .step_rows = step.step_rows,
                  .first_row = product.first_row,
                  .n = product.n,
                  .cols = adapted->a.rows,
                  .adapters = step.adapters->adapters()});
  linear(recorder, {.w = adapted->b,
                    .x = products,
                    .factor = product.factor,
                    .accumulate = true,
                    .y = product.y,
                    .y_offset = product.y_offset,
                    .n = product.n,
                    .exact = step.exact});
  return true;
}

}  // namespace pumice
