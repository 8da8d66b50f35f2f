// Jobs: calls that take long, on a thread of the library's.
#include <algorithm>
#include <atomic>
#include <functional>
#include <optional>

#include "api/handles.h"
#include "base/file.h"
#include "base/thread.h"

namespace pumice {
namespace {

std::optional<std::string> copy_of(const char* text) { return text ? std::optional<std::string>(text) : std::nullopt; }
const char* text_of(const std::optional<std::string>& text) { return text ? text->c_str() : nullptr; }

std::string text_of(const LastError& error) {
  std::string text(error.copy(nullptr, 0), '\0');
  error.copy(text.data(), text.size() + 1);
  return text;
}

}  // namespace

struct JobObject {
  // Returns what the call did, and leaves its error and what it made here.
  using Work = std::function<PumiceResult(JobObject&)>;

  ~JobObject() {
    cancelled = true;
    (void)thread.join();
    pumice_model_destroy(model);
    pumice_sequence_destroy(sequence);
  }
  void run(const Work& work) noexcept;
  static int32_t on_progress(void* user, float fraction);

  std::atomic<bool> cancelled{false}, done{false};
  std::atomic<float> fraction{0};
  PumiceJobOptions options = pumice_job_options_init();
  PumiceProgressCallback progress = nullptr;  // the caller's
  void* progress_user = nullptr;
  // Written by the thread, read once it is done.
  PumiceResult result = PUMICE_OK;
  std::string error;
  PumiceModel* model = nullptr;
  PumiceSequence* sequence = nullptr;
  Thread thread;
};

}  // namespace pumice

struct PumiceJob {
  std::unique_ptr<pumice::JobObject> object;
};

namespace pumice {

int32_t JobObject::on_progress(void* user, float fraction) {
  JobObject& job = *static_cast<JobObject*>(user);
  job.fraction = fraction;
  if (job.progress && job.progress(job.progress_user, fraction)) job.cancelled = true;
  return job.cancelled ? 1 : 0;
}

void JobObject::run(const Work& work) noexcept {
  if (options.thread_begins) options.thread_begins(options.thread_user);
  LastError failure;
  PumiceResult made = PUMICE_OK;
  const PumiceResult guard = guarded(&failure, [&]() -> Result<void> {
    made = work(*this);
    return {};
  });
  result = guard == PUMICE_OK ? made : guard;
  if (options.thread_ends) options.thread_ends(options.thread_user);
  done = true;
}

namespace {

Result<void> begin(const PumiceJobOptions* options, PumiceJob** job, PumiceProgressCallback progress, void* user,
                   JobObject::Work work) {
  if (!job) return invalid("job");
  auto handle = std::make_unique<PumiceJob>();
  handle->object = std::make_unique<JobObject>();
  JobObject& object = *handle->object;
  PUMICE_ASSIGN(object.options, taken_if_given(options, pumice_job_options_init(), "job options"));
  object.progress = progress;
  object.progress_user = user;
  PUMICE_ASSIGN(object.thread, Thread::start("pumice job", [&object, work = std::move(work)] { object.run(work); }));
  *job = handle.release();
  return {};
}

// Writes a session, a piece at a time, so that it can be stopped.
struct JobWriter {
  JobObject& job;
  NewFile* file;  // null: the caller's function
  int32_t (*write)(void* user, const void* data, size_t size);
  void* user;

  static int32_t call(void* self, const void* data, size_t size) {
    const JobWriter& to = *static_cast<JobWriter*>(self);
    if (to.job.cancelled) return 1;
    if (!to.file) return to.write(to.user, data, size);
    return to.file->write({static_cast<const std::byte*>(data), size}).ok() ? 0 : 1;
  }
};

Result<void> save(JobObject& job, PumiceSequence& sequence, const char* path, PumiceSessionOptions options) {
  std::optional<NewFile> file;
  if (path) {
    PUMICE_ASSIGN(NewFile made, NewFile::create(path));
    file.emplace(std::move(made));
  }
  JobWriter writer{job, file ? &*file : nullptr, options.write, options.write_user};
  options.path = nullptr;
  options.write = JobWriter::call;
  options.write_user = &writer;
  const PumiceResult saved = pumice_sequence_save(&sequence, &options);
  if (saved != PUMICE_OK) return Error{static_cast<Status>(saved), text_of(sequence.object->context->last_error)};
  return file ? file->commit() : Result<void>();
}

}  // namespace
}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_model_load_begin(PumiceInstance* instance, PumiceDevice* device, const PumiceModelOptions* options,
                                     const PumiceJobOptions* job_options, PumiceJob** job) {
  if (!instance) return PUMICE_INVALID_ARGUMENT;
  return guarded(&instance->object->last_error, [&]() -> Result<void> {
    PUMICE_ASSIGN(PumiceModelOptions given, taken(options, pumice_model_options_init(), "options"));
    const PumiceProgressCallback progress = given.progress;
    void* const user = given.progress_user;
    given.progress = JobObject::on_progress;
    return begin(job_options, job, progress, user,
                 [from = instance->object, on = device ? device->object : nullptr, given, path = copy_of(given.path),
                  projector = copy_of(given.projector)](JobObject& made) mutable {
                   given.path = text_of(path);
                   given.projector = text_of(projector);
                   given.progress_user = &made;
                   PumiceInstance parent{from};
                   PumiceDevice lent{on};
                   const PumiceResult result = pumice_model_load(&parent, on ? &lent : nullptr, &given, &made.model);
                   if (result != PUMICE_OK) made.error = text_of(from->last_error);
                   return result;
                 });
  });
}

PumiceResult pumice_model_warm_up_begin(PumiceModel* model, const PumiceWarmUpOptions* options,
                                        const PumiceJobOptions* job_options, PumiceJob** job) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    PUMICE_ASSIGN(PumiceWarmUpOptions given, taken_if_given(options, pumice_warm_up_options_init(), "options"));
    const PumiceProgressCallback progress = given.progress;
    void* const user = given.progress_user;
    given.progress = JobObject::on_progress;
    return begin(job_options, job, progress, user, [of = model->object, given](JobObject& made) mutable {
      given.progress_user = &made;
      PumiceModel handle{of};
      const PumiceResult result = pumice_model_warm_up(&handle, &given, nullptr);
      if (result != PUMICE_OK) made.error = text_of(of->last_error);
      return result;
    });
  });
}

PumiceResult pumice_sequence_save_begin(PumiceSequence* sequence, const PumiceSessionOptions* options,
                                        const PumiceJobOptions* job_options, PumiceJob** job) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  return guarded(&sequence->object->context->last_error, [&]() -> Result<void> {
    PUMICE_ASSIGN(const PumiceSessionOptions given, taken(options, pumice_session_options_init(), "options"));
    if (!given.path && !given.write) return invalid("session options");
    return begin(job_options, job, nullptr, nullptr,
                 [of = sequence->object, given, path = copy_of(given.path)](JobObject& made) {
                   return guarded(nullptr, [&]() -> Result<void> {
                     PumiceSequence handle{of};
                     const Result<void> saved = save(made, handle, text_of(path), given);
                     if (!saved) made.error = saved.error().message;
                     return saved;
                   });
                 });
  });
}

PumiceResult pumice_sequence_load_begin(PumiceContext* context, const PumiceSessionSource* source,
                                        const PumiceJobOptions* job_options, PumiceJob** job) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  return guarded(&context->object->last_error, [&]() -> Result<void> {
    PUMICE_ASSIGN(PumiceSessionSource given, taken(source, pumice_session_source_init(), "source"));
    return begin(job_options, job, nullptr, nullptr,
                 [of = context->object, given, path = copy_of(given.path),
                  group = copy_of(given.group)](JobObject& made) mutable {
                   given.path = text_of(path);
                   given.group = text_of(group);
                   PumiceContext handle{of};
                   const PumiceResult result = pumice_sequence_load(&handle, &given, &made.sequence);
                   if (result != PUMICE_OK) made.error = text_of(of->last_error);
                   return result;
                 });
  });
}

PumiceResult pumice_context_rebind_begin(PumiceContext* context, PumiceModel* model,
                                         const PumiceJobOptions* job_options, PumiceJob** job) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  return guarded(&context->object->last_error, [&]() -> Result<void> {
    if (!model) return invalid("a model on a device");
    return begin(job_options, job, nullptr, nullptr, [of = context->object, on = model->object](JobObject& made) {
      if (made.cancelled) return PUMICE_CANCELLED;
      PumiceContext handle{of};
      PumiceModel to{on};
      const PumiceResult result = pumice_context_rebind(&handle, &to);
      if (result != PUMICE_OK) made.error = text_of(of->last_error);
      return result;
    });
  });
}

PumiceResult pumice_job_poll(const PumiceJob* job, PumiceJobPoll* poll) {
  if (!job) return PUMICE_INVALID_ARGUMENT;
  return guarded(nullptr, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(poll, "poll"));
    const JobObject& object = *job->object;
    PumiceJobPoll made = pumice_job_poll_init();
    const bool done = object.done, cancelled = object.cancelled;
    made.done = done || cancelled ? 1 : 0;
    made.result = cancelled ? PUMICE_CANCELLED : done ? object.result : PUMICE_OK;
    made.fraction = done && made.result == PUMICE_OK ? 1 : object.fraction.load();
    hand_out(made, poll);
    return {};
  });
}

void pumice_job_cancel(PumiceJob* job) {
  if (job && !job->object->done) job->object->cancelled = true;
}

size_t pumice_job_error(const PumiceJob* job, char* buffer, size_t capacity) {
  const bool known = job && job->object->done;
  return copy_text(known ? std::string_view(job->object->error) : std::string_view(), buffer, capacity);
}

PumiceResult pumice_job_take_model(PumiceJob* job, PumiceModel** model) {
  if (!job || !model || !job->object->done || job->object->cancelled || !job->object->model)
    return PUMICE_INVALID_ARGUMENT;
  *model = std::exchange(job->object->model, nullptr);
  return PUMICE_OK;
}

PumiceResult pumice_job_take_sequence(PumiceJob* job, PumiceSequence** sequence) {
  if (!job || !sequence || !job->object->done || job->object->cancelled || !job->object->sequence)
    return PUMICE_INVALID_ARGUMENT;
  *sequence = std::exchange(job->object->sequence, nullptr);
  return PUMICE_OK;
}

void pumice_job_destroy(PumiceJob* job) { delete job; }

}  // extern "C"
