// What a context of a model is planned and made of, for the parts of Context that make it.
#pragma once

#include "engine/context.h"

namespace pumice {

StepRecorderOptions recorder_options(const ContextPlan& plan);
// For the model's device as it is now.
Result<ContextPlan> plan_for(const Model& model, const ContextOptions& asked, const ContextTower& tower);
// null: the model has no tower.
Result<std::unique_ptr<PictureEncoder>> encoder_of(const Model& model, const ContextTower& tower);

}  // namespace pumice
