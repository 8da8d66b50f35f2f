#include "serve/generation.h"

#include <utility>

namespace pumice_serve {

void say(const Job& job, Event event) {
  if (!job.cancelled) job.sink(std::move(event));
}

void say_failed(const Job& job, const ApiError& error) {
  say(job, {.kind = Event::Kind::kFailed, .error = std::make_shared<ApiError>(error)});
}

ApiError api_error(const pumice::Error& error) {
  switch (error.code()) {
    case PUMICE_INVALID_ARGUMENT:
    case PUMICE_MALFORMED:
    case PUMICE_UNSUPPORTED:
    case PUMICE_NOT_FOUND:
      return {400, error.what()};
    case PUMICE_CONTEXT_FULL:
      return {400, error.what(), {}, "context_length_exceeded"};
    case PUMICE_OUT_OF_HOST_MEMORY:
    case PUMICE_OUT_OF_DEVICE_MEMORY:
    case PUMICE_DEVICE_LOST:
      return {503, error.what()};
    default:
      return {500, error.what()};
  }
}

}  // namespace pumice_serve
