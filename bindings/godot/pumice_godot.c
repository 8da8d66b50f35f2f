/* A GDExtension for Godot 4.2 and newer, in plain C: a class PumiceStory whose model goes on with a text within the
 * game's frames.
 *
 *   var story := PumiceStory.new()
 *   story.load_model("/…/model.gguf")        waits: call it from a thread
 *   story.begin("Once upon a time", 100)
 *   label.text += story.poll()               once a frame: takes at most 2 ms of the device's time, and never waits
 *
 * load_model() and begin() return whether all went well; error() says why not. */
#include <gdextension_interface.h>
#include <pumice/pumice.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { kMostIds = 4096, kBudgetUs = 2000 };

/* As large as Godot's own, on 64 bits. */
typedef struct { uint64_t opaque; } String;
typedef struct { uint64_t opaque; } StringName;

static struct {
  GDExtensionClassLibraryPtr library;
  GDExtensionInterfaceStringNewWithUtf8CharsAndLen string_new;
  GDExtensionInterfaceStringToUtf8Chars string_to_utf8;
  GDExtensionInterfaceStringNameNewWithLatin1Chars name_new;
  GDExtensionInterfaceClassdbConstructObject construct;
  GDExtensionInterfaceObjectSetInstance set_instance;
  GDExtensionInterfaceClassdbRegisterExtensionClass2 register_class;
  GDExtensionInterfaceClassdbRegisterExtensionClassMethod register_method;
  GDExtensionInterfaceClassdbUnregisterExtensionClass unregister_class;
  GDExtensionPtrDestructor string_destroy, name_destroy;
  GDExtensionVariantFromTypeConstructorFunc variant_of_bool, variant_of_string;
  GDExtensionTypeFromVariantConstructorFunc string_of_variant, int_of_variant;
} godot;

typedef struct Story {
  PumiceInstance* instance;
  PumiceDevice* device;
  PumiceModel* model;
  PumiceContext* context;
  PumiceSequence* sequence;
  PumiceRequest* request;
  int running;
  char error[512];
} Story;

/* ---- What the class does. --------------------------------------------------------------------------------------- */

static void forget(Story* story) {
  pumice_request_destroy(story->request);
  pumice_sequence_destroy(story->sequence);
  pumice_context_destroy(story->context);
  pumice_model_destroy(story->model);
  pumice_device_destroy(story->device);
  pumice_instance_destroy(story->instance);
  memset(story, 0, sizeof(*story));
}

static int story_load(Story* story, const char* path) {
  PumiceModelOptions options = pumice_model_options_init();
  options.path = path;
  forget(story);
  PumiceResult result = pumice_instance_create(NULL, &story->instance);
  if (result == PUMICE_OK) result = pumice_device_create_auto(story->instance, NULL, &story->device);
  if (result == PUMICE_OK) result = pumice_model_load(story->instance, story->device, &options, &story->model);
  if (result != PUMICE_OK) pumice_instance_error(story->instance, story->error, sizeof(story->error));
  if (result == PUMICE_OK) {
    result = pumice_context_create(story->model, NULL, &story->context);
    if (result != PUMICE_OK) pumice_model_error(story->model, story->error, sizeof(story->error));
  }
  return result == PUMICE_OK;
}

static int story_begin(Story* story, const char* prompt, uint32_t max_tokens) {
  if (!story->context) return 0;
  int32_t* ids = malloc(kMostIds * sizeof(*ids));
  size_t count = 0;
  PumiceRequestOptions options = pumice_request_options_init();
  pumice_request_destroy(story->request);
  pumice_sequence_destroy(story->sequence);
  story->request = NULL, story->sequence = NULL;
  PumiceResult result = ids ? PUMICE_OK : PUMICE_OUT_OF_HOST_MEMORY;
  if (result == PUMICE_OK)
    result = pumice_tokenize(story->model, prompt, strlen(prompt), PUMICE_TOKENIZE_ADD_SPECIAL, ids, kMostIds, &count);
  if (result == PUMICE_OK) result = pumice_model_get_sampling(story->model, &options);
  if (result == PUMICE_OK && count > kMostIds) result = PUMICE_CONTEXT_FULL;
  options.ids = ids, options.count = count, options.max_tokens = max_tokens;
  if (result == PUMICE_OK) result = pumice_sequence_create(story->context, &story->sequence);
  if (result == PUMICE_OK) result = pumice_request_submit(story->sequence, &options, &story->request);
  if (result != PUMICE_OK) strncpy(story->error, pumice_result_name(result), sizeof(story->error) - 1);
  free(ids);
  return story->running = result == PUMICE_OK;
}

static void story_poll(Story* story, PumicePoll* poll) {
  PumiceFrame frame = pumice_frame_init();
  frame.gpu_us = kBudgetUs;
  if (!story->request) return;
  pumice_step_within(story->context, &frame);
  pumice_poll(story->request, poll);
  story->running = poll->status == PUMICE_REQUEST_RUNNING;
  if (poll->status == PUMICE_REQUEST_FAILED) pumice_context_error(story->context, story->error, sizeof(story->error));
}

/* ---- Godot's calls. `which`: an entry of kMethods. --------------------------------------------------------------- */

enum { kLoad, kBegin, kPoll, kRunning, kError, kMethods };

typedef struct Method {
  const char* name;
  uint32_t arguments;
  GDExtensionVariantType types[2], result;
} Method;

static const Method kTable[kMethods] = {
    {"load_model", 1, {GDEXTENSION_VARIANT_TYPE_STRING, GDEXTENSION_VARIANT_TYPE_NIL}, GDEXTENSION_VARIANT_TYPE_BOOL},
    {"begin", 2, {GDEXTENSION_VARIANT_TYPE_STRING, GDEXTENSION_VARIANT_TYPE_INT}, GDEXTENSION_VARIANT_TYPE_BOOL},
    {"poll", 0, {GDEXTENSION_VARIANT_TYPE_NIL, GDEXTENSION_VARIANT_TYPE_NIL}, GDEXTENSION_VARIANT_TYPE_STRING},
    {"is_running", 0, {GDEXTENSION_VARIANT_TYPE_NIL, GDEXTENSION_VARIANT_TYPE_NIL}, GDEXTENSION_VARIANT_TYPE_BOOL},
    {"error", 0, {GDEXTENSION_VARIANT_TYPE_NIL, GDEXTENSION_VARIANT_TYPE_NIL}, GDEXTENSION_VARIANT_TYPE_STRING}};

static char* utf8_of(const String* text) {
  const GDExtensionInt length = godot.string_to_utf8(text, NULL, 0);
  char* copy = calloc(1, (size_t)length + 1);
  if (copy) godot.string_to_utf8(text, copy, length);
  return copy;
}

/* text: the first argument, or NULL. `result`: an uninitialised value of the method's type. */
static void call(size_t which, Story* story, const String* text, int64_t number, void* result) {
  char* utf8 = text ? utf8_of(text) : NULL;
  if (which == kLoad) *(GDExtensionBool*)result = utf8 && story_load(story, utf8);
  if (which == kBegin) {
    const int fits = utf8 && number > 0 && number <= UINT32_MAX;
    *(GDExtensionBool*)result = fits && story_begin(story, utf8, (uint32_t)number);
  }
  if (which == kPoll) {
    PumicePoll poll = pumice_poll_init();
    story_poll(story, &poll);
    godot.string_new(result, poll.text ? poll.text : "", (GDExtensionInt)poll.text_length);
  }
  if (which == kRunning) *(GDExtensionBool*)result = story->running != 0;
  if (which == kError) godot.string_new(result, story->error, (GDExtensionInt)strlen(story->error));
  free(utf8);
}

static void call_with_types(void* which, GDExtensionClassInstancePtr story, const GDExtensionConstTypePtr* arguments,
                            GDExtensionTypePtr result) {
  const Method* method = &kTable[(size_t)which];
  call((size_t)which, story, method->arguments > 0 ? arguments[0] : NULL,
       method->arguments > 1 ? *(const int64_t*)arguments[1] : 0, result);
}

static void call_with_variants(void* which, GDExtensionClassInstancePtr story,
                               const GDExtensionConstVariantPtr* arguments, GDExtensionInt count,
                               GDExtensionVariantPtr result, GDExtensionCallError* error) {
  const Method* method = &kTable[(size_t)which];
  String text = {0}, made = {0};
  int64_t number = 0;
  error->error = GDEXTENSION_CALL_OK;
  if (count != method->arguments) {
    error->error = count < method->arguments ? GDEXTENSION_CALL_ERROR_TOO_FEW_ARGUMENTS
                                             : GDEXTENSION_CALL_ERROR_TOO_MANY_ARGUMENTS;
    error->expected = (int32_t)method->arguments;
    return;
  }
  if (count > 0) godot.string_of_variant(&text, (GDExtensionVariantPtr)arguments[0]);
  if (count > 1) godot.int_of_variant(&number, (GDExtensionVariantPtr)arguments[1]);
  call((size_t)which, story, count > 0 ? &text : NULL, number, &made);
  if (count > 0) godot.string_destroy(&text);
  if (method->result == GDEXTENSION_VARIANT_TYPE_BOOL) {
    godot.variant_of_bool(result, &made);
  } else {
    godot.variant_of_string(result, &made);
    godot.string_destroy(&made);
  }
}

static GDExtensionObjectPtr create(void* userdata) {
  StringName parent, name;
  (void)userdata;
  Story* story = calloc(1, sizeof(*story));
  if (!story) return NULL;
  godot.name_new(&parent, "RefCounted", 0);
  godot.name_new(&name, "PumiceStory", 0);
  GDExtensionObjectPtr object = godot.construct(&parent);
  godot.set_instance(object, &name, story);
  godot.name_destroy(&parent), godot.name_destroy(&name);
  return object;
}

static void destroy(void* userdata, GDExtensionClassInstancePtr story) {
  (void)userdata;
  forget(story);
  free(story);
}

static void add_method(const StringName* class_name, size_t which) {
  const Method* method = &kTable[which];
  GDExtensionClassMethodArgumentMetadata metadata[2] = {GDEXTENSION_METHOD_ARGUMENT_METADATA_NONE,
                                                        GDEXTENSION_METHOD_ARGUMENT_METADATA_NONE};
  StringName name, empty;
  String hint;
  godot.name_new(&name, method->name, 0);
  godot.name_new(&empty, "", 0);
  godot.string_new(&hint, "", 0);
  GDExtensionPropertyInfo arguments[2], result = {method->result, &empty, &empty, 0, &hint, 6};
  for (uint32_t i = 0; i < 2; ++i) arguments[i] = result, arguments[i].type = method->types[i];
  GDExtensionClassMethodInfo info = {0};
  info.name = &name;
  info.method_userdata = (void*)which;
  info.call_func = call_with_variants;
  info.ptrcall_func = call_with_types;
  info.method_flags = GDEXTENSION_METHOD_FLAGS_DEFAULT;
  info.has_return_value = 1;
  info.return_value_info = &result;
  info.argument_count = method->arguments;
  info.arguments_info = arguments;
  info.arguments_metadata = metadata;
  godot.register_method(godot.library, class_name, &info);
  godot.name_destroy(&name), godot.name_destroy(&empty), godot.string_destroy(&hint);
}

static void initialize(void* userdata, GDExtensionInitializationLevel level) {
  StringName name, parent;
  (void)userdata;
  if (level != GDEXTENSION_INITIALIZATION_SCENE) return;
  godot.name_new(&name, "PumiceStory", 0);
  godot.name_new(&parent, "RefCounted", 0);
  GDExtensionClassCreationInfo2 info = {0};
  info.is_exposed = 1;
  info.create_instance_func = create;
  info.free_instance_func = destroy;
  godot.register_class(godot.library, &name, &parent, &info);
  for (size_t which = 0; which < kMethods; ++which) add_method(&name, which);
  godot.name_destroy(&name), godot.name_destroy(&parent);
}

static void deinitialize(void* userdata, GDExtensionInitializationLevel level) {
  StringName name;
  (void)userdata;
  if (level != GDEXTENSION_INITIALIZATION_SCENE) return;
  godot.name_new(&name, "PumiceStory", 0);
  godot.unregister_class(godot.library, &name);
  godot.name_destroy(&name);
}

GDExtensionBool
#ifdef __GNUC__
    __attribute__((visibility("default")))
#else
    __declspec(dllexport)
#endif
    pumice_godot_init(GDExtensionInterfaceGetProcAddress get, GDExtensionClassLibraryPtr library,
                      GDExtensionInitialization* initialization) {
  godot.library = library;
  godot.string_new = (GDExtensionInterfaceStringNewWithUtf8CharsAndLen)get("string_new_with_utf8_chars_and_len");
  godot.string_to_utf8 = (GDExtensionInterfaceStringToUtf8Chars)get("string_to_utf8_chars");
  godot.name_new = (GDExtensionInterfaceStringNameNewWithLatin1Chars)get("string_name_new_with_latin1_chars");
  godot.construct = (GDExtensionInterfaceClassdbConstructObject)get("classdb_construct_object");
  godot.set_instance = (GDExtensionInterfaceObjectSetInstance)get("object_set_instance");
  godot.register_class =
      (GDExtensionInterfaceClassdbRegisterExtensionClass2)get("classdb_register_extension_class2");
  godot.register_method =
      (GDExtensionInterfaceClassdbRegisterExtensionClassMethod)get("classdb_register_extension_class_method");
  godot.unregister_class =
      (GDExtensionInterfaceClassdbUnregisterExtensionClass)get("classdb_unregister_extension_class");
  const GDExtensionInterfaceVariantGetPtrDestructor destructor =
      (GDExtensionInterfaceVariantGetPtrDestructor)get("variant_get_ptr_destructor");
  const GDExtensionInterfaceGetVariantFromTypeConstructor from =
      (GDExtensionInterfaceGetVariantFromTypeConstructor)get("get_variant_from_type_constructor");
  const GDExtensionInterfaceGetVariantToTypeConstructor to =
      (GDExtensionInterfaceGetVariantToTypeConstructor)get("get_variant_to_type_constructor");
  if (!godot.string_new || !godot.register_class || !destructor || !from || !to) return 0;
  godot.string_destroy = destructor(GDEXTENSION_VARIANT_TYPE_STRING);
  godot.name_destroy = destructor(GDEXTENSION_VARIANT_TYPE_STRING_NAME);
  godot.variant_of_bool = from(GDEXTENSION_VARIANT_TYPE_BOOL);
  godot.variant_of_string = from(GDEXTENSION_VARIANT_TYPE_STRING);
  godot.string_of_variant = to(GDEXTENSION_VARIANT_TYPE_STRING);
  godot.int_of_variant = to(GDEXTENSION_VARIANT_TYPE_INT);
  initialization->minimum_initialization_level = GDEXTENSION_INITIALIZATION_SCENE;
  initialization->initialize = initialize;
  initialization->deinitialize = deinitialize;
  return 1;
}
