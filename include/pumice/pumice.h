/* Pumice: transformer language models on any Vulkan GPU. The C interface (C11, also valid C++).
 * This file is a flat list of the whole interface.
 *
 * Objects:  instance -> device -> model -> context -> sequence -> request, and model -> encoder. A child keeps its
 *           parents alive, so any order of destruction is safe; destroying NULL does nothing.
 * Structs:  start with `size` and `next`, and come from their pumice_..._init() function. Later versions add members at
 *           the end, whose default is zero: a program built with an older header works with a newer library, and the
 *           other way round as long as it leaves new members at zero. Structs that are filled in are filled as far as
 *           the caller's `size`. `next` is for extensions, of which there are none yet: NULL.
 * Errors:   fallible functions return PumiceResult and write a one-line explanation to the object they are called on
 *           (creation: to the parent); pumice_..._error() copies it out. Output parameters are written on success only.
 * Threads:  instances, devices, models and contexts may be used by any number of threads at once. Calls on a context,
 *           its sequences and requests take turns; pumice_request_wait() lets others have theirs while it waits for the
 *           device. pumice_poll(), pumice_request_cancel(), pumice_..._error() and destroying take no turn, so they do
 *           not wait for a long call of another thread; what that call still uses goes at its end. pumice_step() does
 *           nothing while another call has its turn. A sequence or a request belongs to one thread at a time;
 *           pumice_request_cancel() alone may be called from any. No call may use an object that has been destroyed.
 * Callbacks: are called with no lock held, and must neither throw nor jump out. Progress, sessions' `write` and a
 *           pipeline report's `write`: on the calling thread, during the call. The object of the call must not be used
 *           but for its pumice_..._error() (a sequence that is being saved: its context may be used). Logits of
 *           pumice_sequence_score(): on the calling thread, which may poll and cancel; other calls on the context are
 *           refused there, and other threads' wait. Log: on any thread; during a call on a context only after its turn.
 * Strings:  UTF-8. Functions that copy out take (buffer, capacity) and return the full length without the final zero;
 *           a buffer too small is filled and terminated.
 * The library never throws, aborts, exits, prints, reads the environment or installs signal handlers on its own. */
#ifndef PUMICE_PUMICE_H
#define PUMICE_PUMICE_H

#include <stddef.h>
#include <stdint.h>

#ifndef PUMICE_API
#if defined(__GNUC__) && !defined(_WIN32)
#define PUMICE_API __attribute__((visibility("default")))
#else
#define PUMICE_API
#endif
#endif

#ifdef __cplusplus
#define PUMICE_ZERO {} /* all members zero, without a warning in either language */
extern "C" {
#else
#define PUMICE_ZERO {0}
#endif

#define PUMICE_VERSION "0.1.0"

/* Fixed values; new ones are only added. */
typedef enum PumiceResult {
  PUMICE_OK = 0,
  PUMICE_INVALID_ARGUMENT = 1,
  PUMICE_NOT_FOUND = 2,            /* a file, a device, a name */
  PUMICE_MALFORMED = 3,            /* a file's content is damaged or hostile */
  PUMICE_UNSUPPORTED = 4,          /* well-formed, but beyond this build or device */
  PUMICE_OUT_OF_HOST_MEMORY = 5,
  PUMICE_OUT_OF_DEVICE_MEMORY = 6, /* prior state stays usable */
  PUMICE_DEVICE_LOST = 7,          /* create it again, see pumice_context_rebind() */
  PUMICE_IO = 8,
  PUMICE_CANCELLED = 9,
  PUMICE_CONTEXT_FULL = 10,        /* more tokens than the context holds */
  PUMICE_TIMEOUT = 11,
  PUMICE_INTERNAL = 12             /* a bug in Pumice */
} PumiceResult;

typedef struct PumiceInstance PumiceInstance;
typedef struct PumiceDevice PumiceDevice;
typedef struct PumiceModel PumiceModel;
typedef struct PumiceAdapter PumiceAdapter;
typedef struct PumiceContext PumiceContext;
typedef struct PumiceSequence PumiceSequence;
typedef struct PumiceGrammar PumiceGrammar;
typedef struct PumiceEncoder PumiceEncoder;
typedef struct PumiceTranslator PumiceTranslator;
typedef struct PumiceTranscriber PumiceTranscriber;
typedef struct PumiceRequest PumiceRequest;

/* Of the library: PUMICE_VERSION, and behind it the commit where that is known ("0.1.0+g0123456789ab"); static. */
PUMICE_API const char* pumice_version(void);
PUMICE_API const char* pumice_result_name(PumiceResult result);    /* "out of device memory"; static */

/* fraction in [0, 1]; return nonzero to cancel. */
typedef int32_t (*PumiceProgressCallback)(void* user, float fraction);

/* ---- Instance: the Vulkan loader. ------------------------------------------------------------------------------- */

typedef enum PumiceLogLevel { PUMICE_LOG_DEBUG = 0, PUMICE_LOG_INFO = 1, PUMICE_LOG_WARNING = 2, PUMICE_LOG_ERROR = 3 }
    PumiceLogLevel;

/* `text` is one line, which may hold bytes that a driver or a file has put there, and lives only for the call. */
typedef void (*PumiceLogCallback)(void* user, PumiceLogLevel level, const char* text);

typedef struct PumiceInstanceOptions {
  size_t size;
  const void* next;
  PumiceLogCallback log;   /* may be NULL */
  void* log_user;
  int32_t validation;      /* nonzero: Khronos validation layer, if installed; its messages go to the log as errors */
  PumiceLogLevel log_level; /* messages below it are left out */
} PumiceInstanceOptions;

static inline PumiceInstanceOptions pumice_instance_options_init(void) {
  PumiceInstanceOptions o = {sizeof(PumiceInstanceOptions), NULL, NULL, NULL, 0, PUMICE_LOG_DEBUG};
  return o;
}

/* options may be NULL. Succeeds without any Vulkan driver (then there are no devices; tokenizing still works). */
PUMICE_API PumiceResult pumice_instance_create(const PumiceInstanceOptions* options, PumiceInstance** instance);
PUMICE_API void pumice_instance_destroy(PumiceInstance* instance);
PUMICE_API size_t pumice_instance_error(const PumiceInstance* instance, char* buffer, size_t capacity);

/* ---- Devices. --------------------------------------------------------------------------------------------------- */

typedef enum PumiceDeviceType {
  PUMICE_DEVICE_OTHER = 0, PUMICE_DEVICE_INTEGRATED = 1, PUMICE_DEVICE_DISCRETE = 2, PUMICE_DEVICE_VIRTUAL = 3,
  PUMICE_DEVICE_CPU = 4    /* a software driver */
} PumiceDeviceType;

typedef struct PumiceDeviceInfo {
  size_t size;
  const void* next;
  uint32_t index;          /* as the loader enumerates */
  char name[256];
  char driver[256];        /* name and version */
  char uuid[40];           /* 8-4-4-4-12 hexadecimal digits */
  PumiceDeviceType type;
  uint32_t vendor_id, device_id, api_version;
  uint64_t memory_bytes;   /* of the largest device-local heap */
  uint64_t budget_bytes;   /* what of it the driver says this process may use; memory_bytes when it does not say */
  uint32_t subgroup_size;
  int32_t usable;          /* zero: lacks something; `reason` says what */
  char reason[128];
  int32_t is_default;      /* nonzero for the one that a NULL selector picks */
  char environment[128];   /* not usable, but it would be in a process with these variables: "A=1 B=2" */
} PumiceDeviceInfo;

static inline PumiceDeviceInfo pumice_device_info_init(void) {
  PumiceDeviceInfo i = PUMICE_ZERO;
  i.size = sizeof(PumiceDeviceInfo);
  return i;
}

PUMICE_API PumiceResult pumice_device_count(PumiceInstance* instance, uint32_t* count);
PUMICE_API PumiceResult pumice_device_get_info(PumiceInstance* instance, uint32_t index, PumiceDeviceInfo* info);

typedef struct PumiceDeviceOptions {
  size_t size;
  const void* next;
  const char* selector;            /* NULL: discrete, then integrated, then CPU. Or an index, a UUID part of a name */
  const char* pipeline_cache_path; /* NULL: none. A file written when the device is destroyed; ignored when not ours */
  int32_t disable_subgroups;       /* nonzero: use the fallback shaders without subgroup arithmetic */
  int32_t disable_autotune;        /* nonzero: neither read what tuning found (beside the pipeline cache, with ".tuning"
                                      added to its name) nor measure anything, so that every run chooses the same */
} PumiceDeviceOptions;

static inline PumiceDeviceOptions pumice_device_options_init(void) {
  PumiceDeviceOptions o = {sizeof(PumiceDeviceOptions), NULL, NULL, NULL, 0, 0};
  return o;
}

/* options may be NULL. */
PUMICE_API PumiceResult pumice_device_create_auto(PumiceInstance* instance, const PumiceDeviceOptions* options,
                                                  PumiceDevice** device);
PUMICE_API void pumice_device_destroy(PumiceDevice* device);
PUMICE_API PumiceResult pumice_device_describe(const PumiceDevice* device, PumiceDeviceInfo* info);
PUMICE_API size_t pumice_device_error(const PumiceDevice* device, char* buffer, size_t capacity);

/* Most bytes of the device's memory that Pumice takes on this device; 0: no limit of the caller's. At any time, also
 * below what is in use: what would exceed it is PUMICE_OUT_OF_DEVICE_MEMORY, and at its next steps each context of the
 * device gives up pages of its KV cache until all is within it. What the pages held goes to RAM, where
 * PumiceCacheOptions.ram_bytes leaves room, or is computed again. Requests for which the pages that are left do not do
 * are paused, as PumicePoll tells, and go on once there is room. What the driver says of other programs' needs
 * (VK_EXT_memory_budget) is followed likewise, down to a quarter of the pages, but where the device has the host's
 * memory. Weights and working memory stay. */
PUMICE_API PumiceResult pumice_device_set_budget(PumiceDevice* device, uint64_t bytes);

typedef struct PumiceDeviceMemory {
  size_t size;
  const void* next;
  uint64_t used_bytes;     /* that Pumice has of the device's memory now */
  uint64_t allowed_bytes;  /* that it may have now; UINT64_MAX: nobody says */
} PumiceDeviceMemory;

static inline PumiceDeviceMemory pumice_device_memory_init(void) {
  PumiceDeviceMemory m = PUMICE_ZERO;
  m.size = sizeof(PumiceDeviceMemory);
  return m;
}
PUMICE_API PumiceResult pumice_device_get_memory(PumiceDevice* device, PumiceDeviceMemory* memory);

/* ---- Pipelines: what the device's compiler makes of the shaders. ------------------------------------------------- */

typedef struct PumicePipelineReportOptions {
  size_t size;
  const void* next;
  const char* kernel;      /* this one alone ("matvec"); NULL: all */
  int32_t candidates;      /* nonzero: also what tuning may choose */
  PumiceProgressCallback progress; /* may be NULL */
  void* progress_user;
  void (*write)(void* user, const char* json, size_t length); /* called once; `json` lives only for the call */
  void* write_user;
} PumicePipelineReportOptions;

static inline PumicePipelineReportOptions pumice_pipeline_report_options_init(void) {
  PumicePipelineReportOptions o = PUMICE_ZERO;
  o.size = sizeof(PumicePipelineReportOptions);
  return o;
}

/* Compiles the pipelines that models of usual shapes take, which may last minutes, and writes a JSON array with an
 * object for each: kernel, variant, constants, use, workgroup, shared_bytes, push_bytes, statistics (the driver's
 * names; empty where it has no VK_KHR_pipeline_executable_properties) and problems (spills, too few resident subgroups,
 * failures). */
PUMICE_API PumiceResult pumice_device_pipeline_report(PumiceDevice* device, const PumicePipelineReportOptions* options);

/* ---- Device measurement. ---------------------------------------------------------------------------------------- */

/* What the device reaches at best, each by a micro-benchmark: the roofs that kernels are rated against. A second;
 * 0: not offered by this device or this build. A multiply-add counts as two operations. */
typedef struct PumiceRoofs {
  size_t size;
  const void* next;
  double read_bytes_per_second;
  double copy_bytes_per_second;    /* read and written together */
  double f32_flops, f16_flops;
  double int8_ops;                 /* dot products of four signed bytes */
  double matrix_flops;             /* cooperative matrices, f16 summed up in f32 */
} PumiceRoofs;

static inline PumiceRoofs pumice_roofs_init(void) {
  PumiceRoofs r = PUMICE_ZERO;
  r.size = sizeof(PumiceRoofs);
  return r;
}

/* Takes up to three seconds and up to a gigabyte of device memory for that time. PUMICE_INTERNAL when the device does
 * not compute what it should: its times then mean nothing. */
PUMICE_API PumiceResult pumice_device_measure_roofs(PumiceDevice* device, PumiceRoofs* roofs);

/* ---- Models: GGUF files. ----------------------------------------------------------------------------------------- */

/* Q8_0 and Q4_0 store 8 and 4 bits for each value, and a scale for 32 of them; Q4_0 takes heads of a multiple of 8
 * dimensions. */
typedef enum PumiceKvType {
  PUMICE_KV_AS_KEYS = -1,  /* of values: the type that keys have */
  PUMICE_KV_F16 = 0,
  PUMICE_KV_F32 = 1,
  PUMICE_KV_Q8_0 = 2,
  PUMICE_KV_Q4_0 = 3
} PumiceKvType;

/* A file that the host reads, such as of a pack file; the callback is there as long as the model. See
 * PumiceModelOptions.read. */
typedef struct PumiceFileSource {
  size_t size;
  const void* next;
  int32_t (*read)(void* user, uint64_t offset, void* buffer, size_t size);
  void* read_user;
  uint64_t read_size;
} PumiceFileSource;

static inline PumiceFileSource pumice_file_source_init(void) {
  PumiceFileSource s = PUMICE_ZERO;
  s.size = sizeof(PumiceFileSource);
  return s;
}

typedef struct PumiceModelOptions {
  size_t size;
  const void* next;
  const char* path;        /* a GGUF file; any part of a split one, whose others lie beside it. Or: */
  const void* data;        /* a whole GGUF file in memory, which must outlive the model */
  size_t data_size;
  PumiceProgressCallback progress; /* may be NULL */
  void* progress_user;
  /* Layers, the last ones, whose weights stay in the host's memory; kernels read them over the bus. More than there
   * are: all. Where the device's memory is too small for the others, more of them stay there, and a warning is logged,
   * unless `refuse_short_memory` is not zero. */
  uint32_t host_layers;
  int32_t refuse_short_memory;
  const char* projector;   /* NULL: the model sees no pictures. The path of its mmproj file; needs a device */
  /* Or: a whole GGUF file of read_size bytes that lies wherever this reads it, such as in a pack file; as long as the
   * model lives. Fills `buffer`; nonzero: PUMICE_IO. By any of Pumice's threads, but one at a time. */
  int32_t (*read)(void* user, uint64_t offset, void* buffer, size_t size);
  void* read_user;
  uint64_t read_size;
  /* Or: all parts of a split model, in their order. What is pointed at here outlives the call, or the job. */
  const PumiceFileSource* const* parts;
  size_t part_count;
  const PumiceFileSource* projector_source; /* instead of `projector` */
} PumiceModelOptions;

static inline PumiceModelOptions pumice_model_options_init(void) {
  PumiceModelOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceModelOptions);
  return o;
}

/* What a model is for. */
typedef enum PumiceModelKind {
  PUMICE_MODEL_DECODER = 0,     /* goes on with a text: pumice_context_create() */
  PUMICE_MODEL_ENCODER = 1,     /* vectors of texts: pumice_encoder_create() */
  PUMICE_MODEL_TRANSLATION = 2, /* pumice_translator_create() */
  PUMICE_MODEL_SPEECH = 3,      /* pumice_transcriber_create() */
  PUMICE_MODEL_PROJECTOR = 4    /* what another model sees pictures with: PumiceModelOptions.projector */
} PumiceModelKind;

typedef struct PumiceModelInfo {
  size_t size;
  const void* next;
  char architecture[64];
  char name[128];
  char weight_types[128];  /* "Q4_K 43, Q6_K 1, F32 13": tensors of each type, most first */
  uint32_t layers, width, heads, kv_heads, head_dim, ffn_width, vocabulary, context_length;
  uint64_t parameters;
  uint64_t file_bytes;     /* tensor data */
  uint64_t device_bytes;   /* weights on the device; 0 when opened without one */
  int32_t bos_token, eos_token; /* -1: none */
  int32_t has_weights;     /* zero: a vocabulary alone */
  uint32_t host_layers;    /* that stay in the host's memory, and */
  uint64_t host_bytes;     /* weights there: theirs, and tables of which a step reads a row a token */
  PumiceModelKind kind;    /* of families that are not known PUMICE_MODEL_DECODER */
} PumiceModelInfo;

static inline PumiceModelInfo pumice_model_info_init(void) {
  PumiceModelInfo i = PUMICE_ZERO;
  i.size = sizeof(PumiceModelInfo);
  return i;
}

/* device NULL: metadata and tokenizer only; every other use of the model is then PUMICE_INVALID_ARGUMENT. */
PUMICE_API PumiceResult pumice_model_load(PumiceInstance* instance, PumiceDevice* device,
                                          const PumiceModelOptions* options, PumiceModel** model);
PUMICE_API void pumice_model_destroy(PumiceModel* model);
PUMICE_API size_t pumice_model_error(const PumiceModel* model, char* buffer, size_t capacity);
PUMICE_API PumiceResult pumice_model_get_info(const PumiceModel* model, PumiceModelInfo* info);

typedef struct PumiceWarmUpOptions {
  size_t size;
  const void* next;
  PumiceKvType kv_type;    /* of the contexts to come */
  double autotune_seconds; /* 0: chosen by the device; < 0: measure nothing */
  PumiceProgressCallback progress; /* may be NULL; on the calling thread */
  void* progress_user;
  PumiceKvType kv_type_v;  /* as of the contexts to come */
  int32_t disable_kv_rotation;
} PumiceWarmUpOptions;

static inline PumiceWarmUpOptions pumice_warm_up_options_init(void) {
  PumiceWarmUpOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceWarmUpOptions);
  o.kv_type_v = PUMICE_KV_AS_KEYS;
  return o;
}

typedef struct PumiceWarmUpInfo {
  size_t size;
  const void* next;
  uint32_t pipelines;      /* that the model takes */
  uint32_t tuned;          /* choices between shader variants measured now; others were known or are left for later */
  uint32_t changed;        /* of them, where another variant than the default is faster */
  uint32_t excluded;       /* variants that do not compile here, or compute something else or less accurately */
} PumiceWarmUpInfo;

static inline PumiceWarmUpInfo pumice_warm_up_info_init(void) {
  PumiceWarmUpInfo i = PUMICE_ZERO;
  i.size = sizeof(PumiceWarmUpInfo);
  return i;
}

/* Makes what the first tokens would otherwise wait for: on first use on a device, which shader variants are fastest
 * there (kept beside the pipeline cache), and all pipelines. Waits until done, so call it from a thread of yours, such
 * as one that shows a loading screen; the model may be used meanwhile. Optional; without it everything is made on first
 * use, by the default variants. options and info may be NULL. PUMICE_CANCELLED when progress asked for it. */
PUMICE_API PumiceResult pumice_model_warm_up(PumiceModel* model, const PumiceWarmUpOptions* options,
                                             PumiceWarmUpInfo* info);

/* The file's metadata and tensors, in file order. Strings live as long as the model. */
typedef struct PumiceMetadata {
  size_t size;
  const void* next;
  const char* key;
  const char* type;        /* "u32", "string", "array of f32", ... */
  const char* value;       /* for people: long values are shortened */
} PumiceMetadata;

static inline PumiceMetadata pumice_metadata_init(void) {
  PumiceMetadata m = PUMICE_ZERO;
  m.size = sizeof(PumiceMetadata);
  return m;
}

typedef struct PumiceTensorInfo {
  size_t size;
  const void* next;
  const char* name;
  const char* type;        /* "Q4_K" */
  uint32_t dimensions;
  uint64_t extents[4];     /* extents[0] is the row length */
  uint64_t bytes;
} PumiceTensorInfo;

static inline PumiceTensorInfo pumice_tensor_info_init(void) {
  PumiceTensorInfo t = PUMICE_ZERO;
  t.size = sizeof(PumiceTensorInfo);
  return t;
}

PUMICE_API uint64_t pumice_model_metadata_count(const PumiceModel* model);
PUMICE_API PumiceResult pumice_model_get_metadata(const PumiceModel* model, uint64_t index, PumiceMetadata* metadata);
PUMICE_API uint64_t pumice_model_tensor_count(const PumiceModel* model);
PUMICE_API PumiceResult pumice_model_get_tensor(const PumiceModel* model, uint64_t index, PumiceTensorInfo* tensor);

/* ---- Adapters: LoRA files, which change a model's matrices for some sequences. ----------------------------------- */

typedef struct PumiceAdapterOptions {
  size_t size;
  const void* next;
  const char* path; /* a GGUF file as llama.cpp's convert_lora_to_gguf.py writes it. Or: */
  const void* data; /* the whole file in memory; needed for the call alone. Or: */
  size_t data_size;
  const PumiceFileSource* source; /* needed for the call alone */
} PumiceAdapterOptions;

static inline PumiceAdapterOptions pumice_adapter_options_init(void) {
  PumiceAdapterOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceAdapterOptions);
  return o;
}

/* Reads and checks it against the model, and keeps it in the host's memory; it comes to the device with each context
 * that is made with it. PUMICE_MALFORMED: damaged, or made for another model; PUMICE_UNSUPPORTED: not a LoRA adapter,
 * or one of something that adapters do not reach here (experts of mixtures, embeddings), by name. */
PUMICE_API PumiceResult pumice_adapter_load(PumiceModel* model, const PumiceAdapterOptions* options,
                                            PumiceAdapter** adapter);
/* At any time: contexts keep what they were made with. */
PUMICE_API void pumice_adapter_destroy(PumiceAdapter* adapter);

typedef struct PumiceAdapterInfo {
  size_t size;
  const void* next;
  char name[128];   /* as the file says; may be empty */
  uint32_t tensors; /* of the model's that it changes */
  uint32_t rank;    /* the highest */
} PumiceAdapterInfo;

static inline PumiceAdapterInfo pumice_adapter_info_init(void) {
  PumiceAdapterInfo i = PUMICE_ZERO;
  i.size = sizeof(PumiceAdapterInfo);
  return i;
}
PUMICE_API PumiceResult pumice_adapter_get_info(const PumiceAdapter* adapter, PumiceAdapterInfo* info);

/* ---- Text. ------------------------------------------------------------------------------------------------------- */

typedef enum PumiceTokenizeFlags {
  PUMICE_TOKENIZE_ADD_SPECIAL = 1,   /* BOS and EOS as the model wants them */
  PUMICE_TOKENIZE_PARSE_SPECIAL = 2  /* text such as "<|im_end|>" becomes the control token */
} PumiceTokenizeFlags;

/* Any bytes are accepted. Writes at most `capacity` ids; *count is the full number. */
PUMICE_API PumiceResult pumice_tokenize(const PumiceModel* model, const char* text, size_t length, uint32_t flags,
                                        int32_t* ids, size_t capacity, size_t* count);
/* The bytes that one token stands for; they may be part of a character. Control tokens are empty. */
PUMICE_API PumiceResult pumice_token_text(const PumiceModel* model, int32_t id, char* buffer, size_t capacity,
                                          size_t* length);
/* A pair for a classifier that ranks, a query and a text: both as plain text, between the special tokens that the model
 * wants, or in the prompt that its file has for them. */
PUMICE_API PumiceResult pumice_tokenize_pair(const PumiceModel* model, const char* first, size_t first_length,
                                             const char* second, size_t second_length, int32_t* ids, size_t capacity,
                                             size_t* count);
PUMICE_API PumiceResult pumice_detokenize(const PumiceModel* model, const int32_t* ids, size_t count, char* buffer,
                                          size_t capacity, size_t* length);

/* ---- Context: the KV cache and the recorded step. ---------------------------------------------------------------- */

typedef enum PumiceRecordMode {
  PUMICE_RECORD_REPLAY = 0,   /* the decode step's command buffer is recorded once and replayed */
  PUMICE_RECORD_EACH_STEP = 1
} PumiceRecordMode;

/* What happens to a request when its sequence has filled the context. */
typedef enum PumiceWhenFull {
  PUMICE_FULL_STOP = 0,       /* it ends: PUMICE_REQUEST_FINISHED_CONTEXT */
  PUMICE_FULL_SLIDE = 1       /* its oldest tokens are dropped, but for the first sink_tokens, and it goes on. What was
                                 computed from dropped tokens stays in the others' keys and values */
} PumiceWhenFull;

typedef enum PumiceCachePolicy {
  PUMICE_CACHE_ADAPTIVE = 0,  /* follows whichever of the others would have done best lately */
  PUMICE_CACHE_LRU = 1,
  PUMICE_CACHE_LFU = 2,
  PUMICE_CACHE_RANDOM = 3,
  PUMICE_CACHE_S3FIFO = 4,
  PUMICE_CACHE_COST = 5,      /* cost of computing it again times frequency */
  PUMICE_CACHE_LEARNED = 6    /* what is least likely to be used in the time that it would be kept, as learned */
} PumiceCachePolicy;

/* Where keys and values of texts stay after their sequences are gone, to be found again by content: a new sequence that
 * begins with the same tokens computes only what follows. What is found changes nothing but time. */
typedef struct PumiceCacheOptions {
  size_t size;
  const void* next;
  int32_t disable_reuse;      /* nonzero: nothing is found again; pages are shared by pumice_sequence_fork() alone */
  int32_t exact;              /* nonzero: logits are the same bits with and without what is found. Generated text is
                                 then not found again, as its rounding differs from a prompt's (by about 1e-5), and
                                 on GPUs short prompts take slower kernels, whose rounding does not depend on length */
  uint32_t cache_tokens;      /* room in device memory beyond context_tokens, for texts that no sequence holds */
  PumiceCachePolicy policy;   /* what is given up first when device memory is full */
  double ttl_seconds;         /* a text unused for so long is forgotten; 0: none is */
  uint64_t seed;              /* of random evictions */
  uint64_t ram_bytes;         /* host memory behind device memory; 0: none */
  const char* disk_folder;    /* survives restarts; NULL: none; made when it does not exist */
  uint64_t disk_bytes;        /* most that the folder may take; 0: 4 GiB */
  const char* redis_url;      /* redis://[user:password@]host[:port][/db] or rediss:// (TLS); NULL: none */
  const char* redis_ca_file;  /* for rediss://; NULL: the system's */
  const char* name_space;     /* of keys in Redis and on disk; NULL: "default" */
  uint64_t epoch;             /* raise it to leave all earlier pages behind */
  uint64_t redis_ttl_seconds; /* 0: a week */
  uint32_t redis_timeout_ms;  /* of one exchange; 0: 200 */
  uint32_t admit_at_use;      /* uses before a page goes to disk and to Redis; 0: 2 */
  int32_t compress;           /* nonzero: zstd, on disk and in Redis */
  int32_t encrypt;            /* nonzero: XChaCha20-Poly1305, on disk and in Redis */
  const uint8_t* secret;      /* 32 bytes that key all hashes, checks and encryption; copied. With a folder or Redis
                                 it is needed, and pages are found again only under the same one. NULL: random */
} PumiceCacheOptions;

static inline PumiceCacheOptions pumice_cache_options_init(void) {
  PumiceCacheOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceCacheOptions);
  return o;
}

typedef struct PumiceContextOptions {
  size_t size;
  const void* next;
  /* Room for tokens over all sequences; 0: the model's context length as far as its keys and values fit into a quarter
   * of the memory that a GPU has left; at most 4096 on software drivers. Two contexts with 0 may so differ in
   * length. */
  uint32_t context_tokens;
  uint32_t max_sequences;     /* at most 1024, of which 32 decode at once */
  PumiceKvType kv_type;       /* of keys, and of values where kv_type_v is PUMICE_KV_AS_KEYS */
  PumiceRecordMode record_mode;
  int32_t disable_kv_cache;   /* nonzero: every step computes the whole sequence again (for comparison) */
  uint32_t prefill_slice;     /* tokens of one prefill submission; a multiple of 32; 0: chosen by the device */
  uint32_t steps_ahead;       /* decode steps in flight; 0: chosen by the device */
  int32_t profile;            /* nonzero: GPU time of each kernel, see pumice_context_profile() */
  PumiceKvType kv_type_v;     /* of values */
  int32_t disable_kv_rotation; /* nonzero: Q8_0 and Q4_0 without the rotation that halves their error (to compare) */
  const PumiceCacheOptions* cache; /* NULL: the defaults */
  PumiceWhenFull when_full;   /* SLIDE takes keys of type F16 or F32; appended prompts make it slide, too */
  uint32_t sink_tokens;       /* in whole pages */
  const PumiceAdapter* const* adapters; /* of the same model's file, that its sequences may take */
  size_t adapter_count;
  /* Most tokens of a step that are guessed from what the text says already (prompt lookup) and checked together; 0:
   * none; at most 15. What is generated stays the same. It is done while it brings more tokens a second, as measured,
   * for a request that runs alone, and without penalties, grammar, log-probabilities, pictures, recurrent layers and
   * sliding; in pumice_step_within() it is not. */
  uint32_t lookup_tokens;
  uint32_t draft_tokens;      /* likewise guessed by a draft, where the text says nothing; at most 15 */
  const PumiceModel* draft;   /* NULL: none. A smaller model of the same vocabulary, on the same device; its memory
                               * comes on top. It stays with the device: after pumice_context_rebind() there is none */
} PumiceContextOptions;

static inline PumiceContextOptions pumice_context_options_init(void) {
  PumiceContextOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceContextOptions);
  o.max_sequences = 1;
  o.kv_type_v = PUMICE_KV_AS_KEYS;
  o.sink_tokens = 32;
  return o;
}

PUMICE_API PumiceResult pumice_context_create(PumiceModel* model, const PumiceContextOptions* options,
                                              PumiceContext** context);
PUMICE_API void pumice_context_destroy(PumiceContext* context);
PUMICE_API size_t pumice_context_error(const PumiceContext* context, char* buffer, size_t capacity);

/* After PUMICE_DEVICE_LOST, and at any other time: the context goes on with the same file's model on another device.
 * Sequences and running requests are what they were; their keys and values are computed again, or come from RAM, disk
 * or Redis. Pins are gone, and grammars belong to the former model, which may be destroyed now. A failure leaves the
 * context as it was. */
PUMICE_API PumiceResult pumice_context_rebind(PumiceContext* context, PumiceModel* model);

/* Device memory that a model with such a context would take, before anything is loaded: open the model without a
 * device first. */
typedef struct PumiceEstimate {
  size_t size;
  const void* next;
  uint64_t weights_bytes, kv_bytes, workspace_bytes;
  uint64_t adapter_bytes;
} PumiceEstimate;

static inline PumiceEstimate pumice_estimate_init(void) {
  PumiceEstimate e = PUMICE_ZERO;
  e.size = sizeof(PumiceEstimate);
  return e;
}
PUMICE_API PumiceResult pumice_model_estimate(const PumiceModel* model, const PumiceContextOptions* options,
                                              PumiceEstimate* estimate);

typedef struct PumiceContextStats {
  size_t size;
  const void* next;
  uint32_t context_tokens, page_tokens, pages_total, pages_used;
  uint64_t kv_bytes;               /* device bytes of all pages and states */
  uint64_t kv_bytes_per_token;
  uint64_t workspace_bytes;
  uint64_t prefill_tokens, decode_tokens;  /* computed since the context was made */
  uint64_t cached_tokens;          /* tokens whose keys and values were found instead of computed again */
  uint64_t submissions, recordings;
  uint32_t dispatches_per_decode_step, dispatches_per_layer;
  double host_us_per_decode_token; /* host CPU time inside the library, mean */
  uint64_t images_computed, images_found; /* parts of pictures that went through the tower, and that were cached */
  uint64_t adapter_bytes;          /* device bytes of the context's adapters */
  uint64_t guessed_tokens, accepted_tokens; /* see PumiceContextOptions.lookup_tokens, .draft */
} PumiceContextStats;

static inline PumiceContextStats pumice_context_stats_init(void) {
  PumiceContextStats s = PUMICE_ZERO;
  s.size = sizeof(PumiceContextStats);
  return s;
}
PUMICE_API PumiceResult pumice_context_get_stats(const PumiceContext* context, PumiceContextStats* stats);

typedef enum PumiceCacheSource {
  PUMICE_SOURCE_DEVICE = 0, PUMICE_SOURCE_RAM = 1, PUMICE_SOURCE_DISK = 2, PUMICE_SOURCE_REDIS = 3
} PumiceCacheSource;

/* Part of PumiceCacheStats, so it does not grow. */
typedef struct PumiceTierStats {
  int32_t present;
  uint64_t values, bytes, limit_bytes;   /* 0 where that is unknown */
  uint64_t reads, hits, writes, evictions, failures, read_bytes, written_bytes;
  double seconds_reading, seconds_writing, seconds_per_page; /* the last: moving average of loading one */
} PumiceTierStats;

/* A page holds the keys and values of page_tokens tokens. */
typedef struct PumiceCacheStats {
  size_t size;
  const void* next;
  uint32_t page_tokens;
  uint64_t page_bytes;
  uint32_t pages_total, pages_limit; /* of device memory; the most in use */
  uint32_t pages_held, pages_cached; /* of sequences; of no sequence, to be found again */
  uint64_t tokens_held;              /* tokens of the sequences, each counted once for each sequence */
  uint64_t slots_unused;             /* of pages_held: token slots that hold none */
  uint64_t lookups, looked_up_pages; /* prompts, and full pages in them */
  uint64_t hit_pages[4];             /* by PumiceCacheSource */
  uint64_t fetches;                  /* reads from RAM, disk and Redis */
  uint64_t fetches_given_up;         /* that took too long */
  uint64_t fetches_not_worth;        /* that were not begun, as computing was estimated to be faster */
  double seconds_fetching;           /* that requests waited for pages */
  double recompute_seconds_saved;    /* estimated */
  double prefill_seconds_per_token;  /* the estimate behind it */
  uint64_t sealed_pages, copied_pages, scrubbed_pages;
  uint64_t evictions_capacity, evictions_expired, evictions_quota, evictions_shrunk, evictions_cleared;
  uint64_t verification_failures;    /* pages from RAM, disk or Redis that were not genuine; they were not used */
  uint64_t dropped_writes;           /* pages not written to a tier, as too many were waiting */
  uint64_t queued_bytes;             /* waiting to be written */
  PumiceCachePolicy policy, leader;  /* leader: which policy the adaptive one follows at present */
  int32_t redis_connected;
  PumiceTierStats tiers[3];          /* RAM, disk, Redis */
  uint32_t curve_pages[5];           /* sizes that device memory might have … */
  double curve_hit_rate[5];          /* … and the share of looked-up pages that an LRU cache of each would have had */
} PumiceCacheStats;

static inline PumiceCacheStats pumice_cache_stats_init(void) {
  PumiceCacheStats s = PUMICE_ZERO;
  s.size = sizeof(PumiceCacheStats);
  return s;
}
PUMICE_API PumiceResult pumice_context_get_cache_stats(const PumiceContext* context, PumiceCacheStats* stats);
/* Why the tier is not there although it was asked for, or its last failure; empty: nothing is wrong. */
PUMICE_API size_t pumice_context_tier_problem(const PumiceContext* context, PumiceCacheSource tier, char* buffer,
                                              size_t capacity);

/* A page of the KV cache in device memory, as pumice_kv_pages() shows it. */
typedef struct PumiceKvPage {
  size_t size;
  const void* next;
  uint32_t page;           /* its place in the pool */
  uint32_t position;       /* in its text, of its first token; a page holds 32 */
  uint32_t sequences;      /* of the group that hold it */
  int32_t shared;          /* nonzero: it is found again by its content; zero: a sequence's own, as yet */
  int32_t pinned;
  uint32_t uses;           /* times that it was found again */
  int32_t origin;          /* of its content: 0 computed, 1 from RAM, 2 from disk, 3 from Redis */
  double idle_seconds;     /* since it was last used; 0 for pages that are not shared */
} PumiceKvPage;

/* Shows the pages of a group's texts (NULL: the group without a name), and nothing of other groups. Return nonzero to
 * stop. Called after the context's turn, so that it holds up no step; `page` lives only for the call. */
typedef int32_t (*PumiceKvPageCallback)(void* user, const PumiceKvPage* page);
PUMICE_API PumiceResult pumice_kv_pages(PumiceContext* context, const char* group, PumiceKvPageCallback callback,
                                        void* user);

/* All of these at any time. */
PUMICE_API PumiceResult pumice_context_set_cache_policy(PumiceContext* context, PumiceCachePolicy policy);
/* Most tokens in device memory; gives up cached texts down to it. What sequences hold stays. */
PUMICE_API PumiceResult pumice_context_set_cache_limit(PumiceContext* context, uint32_t tokens);
/* Most tokens that texts of a group (pumice_sequence_create_in()) may keep in device memory. */
PUMICE_API PumiceResult pumice_context_set_group_quota(PumiceContext* context, const char* group, uint32_t tokens);
/* Forgets all texts that no sequence holds, in device memory and (tiers nonzero) in RAM, on disk and in Redis.
 * PUMICE_TIMEOUT: the disk did not answer within 2 s; it is cleared when it does. */
PUMICE_API PumiceResult pumice_context_clear_cache(PumiceContext* context, int32_t tiers);
/* Waits until everything is written to RAM and, as far as it has been admitted, to disk and Redis. PUMICE_TIMEOUT. */
PUMICE_API PumiceResult pumice_context_flush_cache(PumiceContext* context, uint32_t timeout_ms);

/* One row per kernel of the profiled steps so far, as JSON text:
 * [{"kernel", "calls", "microseconds", "bytes", "flops"}]. */
PUMICE_API PumiceResult pumice_context_profile(const PumiceContext* context, char* buffer, size_t capacity,
                                               size_t* length);

/* ---- Encoders: vectors of texts, for search. --------------------------------------------------------------------- */

typedef enum PumicePooling {
  PUMICE_POOLING_OF_MODEL = 0, /* as its file says; else MEAN of encoders and LAST of decoders */
  PUMICE_POOLING_NONE = 1,     /* a vector for each token */
  PUMICE_POOLING_MEAN = 2,
  PUMICE_POOLING_FIRST = 3,
  PUMICE_POOLING_LAST = 4,
  PUMICE_POOLING_RANK = 5      /* what the model's classifier says of a pair of texts: pumice_tokenize_pair() */
} PumicePooling;

typedef struct PumiceEncoderOptions {
  size_t size;
  const void* next;
  PumicePooling pooling;
  int32_t disable_normalise;  /* nonzero: pooled vectors keep their length, which is 1 otherwise */
  uint32_t text_tokens;       /* most of a text; 0: as the model was trained for, at most 8192 */
  uint32_t batch_tokens;      /* of one submission; 0: chosen by the device */
  int32_t half_precision;     /* nonzero: keys and values as F16, which is faster on GPUs, instead of F32 */
  const PumiceCacheOptions* cache; /* where vectors are kept; NULL: 64 MiB of RAM. Uses ram_bytes and what follows it,
                                      and disable_reuse; admit_at_use 0 is 1 here */
  const char* group;          /* vectors of different groups are not found by each other; NULL: "" */
} PumiceEncoderOptions;

static inline PumiceEncoderOptions pumice_encoder_options_init(void) {
  PumiceEncoderOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceEncoderOptions);
  return o;
}

/* Encoders, and decoders without recurrent layers; options may be NULL. Calls on an encoder take turns. */
PUMICE_API PumiceResult pumice_encoder_create(PumiceModel* model, const PumiceEncoderOptions* options,
                                              PumiceEncoder** encoder);
PUMICE_API void pumice_encoder_destroy(PumiceEncoder* encoder);
PUMICE_API size_t pumice_encoder_error(const PumiceEncoder* encoder, char* buffer, size_t capacity);

/* A text as tokens of the model. Part of a list, so it does not grow. */
typedef struct PumiceTokens {
  const int32_t* ids;
  size_t count;
} PumiceTokens;

typedef struct PumiceEmbedOptions {
  size_t size;
  const void* next;
  const PumiceTokens* texts;
  size_t count;
  /* Pooled vectors (count, width), in the order of the texts; or NULL. */
  float* vectors;
  /* Called once for each text, in any order: (rows, width), one row if pooled; nonzero: stop with PUMICE_CANCELLED. Or
   * NULL. The encoder cannot be used in it. */
  int32_t (*on_vectors)(void* user, size_t text, const float* vectors, size_t rows, size_t width);
  void* on_vectors_user;
} PumiceEmbedOptions;

static inline PumiceEmbedOptions pumice_embed_options_init(void) {
  PumiceEmbedOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceEmbedOptions);
  return o;
}

/* Waits. A text's vector is the same bits whatever other texts are in the call. A text that is empty or too long is
 * PUMICE_INVALID_ARGUMENT before anything is computed; what has been computed before a failure is found again. */
PUMICE_API PumiceResult pumice_embed(PumiceEncoder* encoder, const PumiceEmbedOptions* options);

typedef struct PumiceEncoderInfo {
  size_t size;
  const void* next;
  PumicePooling pooling;
  uint32_t width, text_tokens;
  uint64_t texts, tokens;                  /* that were asked for */
  uint64_t computed_texts, computed_tokens; /* of them; the others were found */
  uint64_t submissions;
  double seconds;                          /* in pumice_embed() */
  PumiceTierStats tiers[3];                /* RAM, disk, Redis; values are texts */
} PumiceEncoderInfo;

static inline PumiceEncoderInfo pumice_encoder_info_init(void) {
  PumiceEncoderInfo i = PUMICE_ZERO;
  i.size = sizeof(PumiceEncoderInfo);
  return i;
}
PUMICE_API PumiceResult pumice_encoder_get_info(const PumiceEncoder* encoder, PumiceEncoderInfo* info);

/* ---- Translation: models with an encoder and a decoder. ---------------------------------------------------------- */

typedef struct PumiceTranslatorOptions {
  size_t size;
  const void* next;
  uint32_t beam;            /* hypotheses of a text; 0: as the file says, else 1 (greedy) */
  double length_penalty;    /* a score is the sum of log-probabilities / tokens^length_penalty; 0: as the file says,
                               else 1; < 0: none */
  uint32_t batch;           /* most hypotheses of a step; 0: 32 */
  uint32_t source_tokens;   /* most of a sentence; 0: as many as the model has positions, at most 512 */
  uint32_t store_tokens;    /* room in device memory for sources that were translated before; 0: 8192 */
  int32_t half_precision;   /* nonzero: keys and values as F16 instead of F32 */
  const PumiceCacheOptions* cache; /* where keys and values of sources are kept; NULL: in device memory alone. All but
                                      cache_tokens and exact; admit_at_use 0 is 1 here */
} PumiceTranslatorOptions;

static inline PumiceTranslatorOptions pumice_translator_options_init(void) {
  PumiceTranslatorOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceTranslatorOptions);
  return o;
}

/* options may be NULL. Calls on a translator take turns. */
PUMICE_API PumiceResult pumice_translator_create(PumiceModel* model, const PumiceTranslatorOptions* options,
                                                 PumiceTranslator** translator);
PUMICE_API void pumice_translator_destroy(PumiceTranslator* translator);
PUMICE_API size_t pumice_translator_error(const PumiceTranslator* translator, char* buffer, size_t capacity);

/* Part of a list, so it does not grow. */
typedef struct PumiceText {
  const char* text;
  size_t length;
} PumiceText;

/* Lives only for the callback, and is filled in as far as this version knows it. */
typedef struct PumiceTranslation {
  size_t size;
  const void* next;
  size_t text;           /* which one of the call's */
  uint32_t rank;         /* 0: the best */
  const char* output;
  size_t length;
  const int32_t* ids;    /* of the decoder, with the tokens that end sentences */
  size_t id_count;
  double score;          /* see length_penalty */
  int32_t complete;      /* zero: a sentence was cut at its limit of tokens */
} PumiceTranslation;

typedef struct PumiceTranslateOptions {
  size_t size;
  const void* next;
  const PumiceText* texts;  /* of any length: they are cut into sentences, and white space stays as it is */
  size_t count;
  const PumiceTokens* sources; /* instead of texts: sources as tokens of the encoder, each one sentence; or NULL */
  const char* to;           /* the target language of a model that has several ("pt"); NULL: none is named */
  uint32_t max_tokens;      /* of a sentence's translation; 0: by its length */
  int32_t whole;            /* nonzero: each text is one sentence */
  uint32_t alternatives;    /* translations of each text; 0: 1. More than one takes texts of one sentence, and a beam */
  /* Called for each text in their order, for the best first; nonzero: stop with PUMICE_CANCELLED. The translator must
   * not be used in it. */
  int32_t (*on_translation)(void* user, const PumiceTranslation* translation);
  void* on_translation_user;
  const char* group;        /* sources of different groups are not found by each other; NULL: "" */
} PumiceTranslateOptions;

static inline PumiceTranslateOptions pumice_translate_options_init(void) {
  PumiceTranslateOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceTranslateOptions);
  return o;
}

/* Waits. PUMICE_NOT_FOUND: there is no such target language. A sentence longer than source_tokens is cut at spaces. */
PUMICE_API PumiceResult pumice_translate(PumiceTranslator* translator, const PumiceTranslateOptions* options);

typedef struct PumiceTranslatorInfo {
  size_t size;
  const void* next;
  uint32_t beam, source_tokens;
  uint64_t sentences, encoded_sentences; /* the others' keys and values were found */
  uint64_t source_tokens_done, target_tokens, steps;
  double seconds;                        /* in pumice_translate() */
} PumiceTranslatorInfo;

static inline PumiceTranslatorInfo pumice_translator_info_init(void) {
  PumiceTranslatorInfo i = PUMICE_ZERO;
  i.size = sizeof(PumiceTranslatorInfo);
  return i;
}
PUMICE_API PumiceResult pumice_translator_get_info(const PumiceTranslator* translator, PumiceTranslatorInfo* info);
/* Of the keys and values of sources; prompts are sources here. */
PUMICE_API PumiceResult pumice_translator_get_cache_stats(const PumiceTranslator* translator, PumiceCacheStats* stats);
/* Most tokens, in whole pages of 32, that sources of a group may keep in device memory. */
PUMICE_API PumiceResult pumice_translator_set_group_quota(PumiceTranslator* translator, const char* group,
                                                          uint32_t tokens);

/* ---- Transcription: sounds to text, by models that hear (Whisper). ---------------------------------------------- */

typedef struct PumiceTranscriberOptions {
  size_t size;
  const void* next;
  uint32_t sounds;          /* most that are transcribed together; 0: 4 */
  uint32_t windows;         /* of 30 s, whose keys and values are kept in device memory, so that the same sound is not
                               encoded again; 0: as many as fit 256 MiB, at least `sounds` */
  int32_t half_precision;   /* nonzero: keys and values as F16 instead of F32 */
  uint64_t seed;            /* of what is drawn where a window fails; see disable_fallback */
  const PumiceCacheOptions* cache; /* where keys and values of windows are kept; as of PumiceTranslatorOptions */
} PumiceTranscriberOptions;

static inline PumiceTranscriberOptions pumice_transcriber_options_init(void) {
  PumiceTranscriberOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceTranscriberOptions);
  return o;
}

/* options may be NULL. Calls on a transcriber take turns. PUMICE_UNSUPPORTED: the model hears nothing. */
PUMICE_API PumiceResult pumice_transcriber_create(PumiceModel* model, const PumiceTranscriberOptions* options,
                                                  PumiceTranscriber** transcriber);
PUMICE_API void pumice_transcriber_destroy(PumiceTranscriber* transcriber);
PUMICE_API size_t pumice_transcriber_error(const PumiceTranscriber* transcriber, char* buffer, size_t capacity);

#define PUMICE_SOUND_RATE 16000 /* samples a second */

/* One of: a file by its path; its bytes; samples of one channel from -1 to 1 at PUMICE_SOUND_RATE; a function that
 * gives such samples. Files are what the build reads (libsndfile: WAV, FLAC, Ogg, MP3). Part of a list, so it does not
 * grow. */
typedef struct PumiceSound {
  const char* path;
  const void* data;
  size_t data_size;
  const float* samples;
  size_t sample_count;
  /* Gives the next samples, as many as there is room for; fewer: the sound ends. It may wait for them: the sound is
   * live, and segments are found while it goes on. PUMICE_SOUND_STOP: stop with PUMICE_CANCELLED. */
  size_t (*read)(void* user, float* samples, size_t capacity);
  void* read_user;
} PumiceSound;
#define PUMICE_SOUND_STOP SIZE_MAX

/* Part of a list, so it does not grow. */
typedef struct PumiceWord {
  uint64_t from_ms, to_ms;
  const char* text;         /* with the space before it */
  size_t length;
} PumiceWord;

/* Lives only for the callback, and is filled in as far as this version knows it. */
typedef struct PumiceSegment {
  size_t size;
  const void* next;
  size_t sound;             /* which one of the call's */
  uint64_t from_ms, to_ms;
  const char* text;         /* UTF-8 where the model keeps to it */
  size_t length;
  const int32_t* ids;       /* of the text */
  size_t id_count;
  double log_probability;   /* the mean of its tokens' */
  double no_speech;         /* probability that the window of the sound is silent */
  const char* language;     /* "en" */
  const PumiceWord* words;  /* with word_times; else NULL */
  size_t word_count;
} PumiceSegment;

/* Lives only for the callback. */
typedef struct PumiceTranscript {
  size_t size;
  const void* next;
  size_t sound;
  const char* language;         /* "en" */
  double language_probability;  /* 0: it was not detected */
  double seconds;               /* of the sound, as far as it is known */
  double done_seconds;          /* that have been transcribed */
} PumiceTranscript;

typedef struct PumiceTranscribeOptions {
  size_t size;
  const void* next;
  const PumiceSound* sounds;
  size_t count;
  const char* language;       /* of what is said ("en"); NULL: what is likeliest at its beginning */
  int32_t translate;          /* nonzero: into English */
  int32_t disable_timestamps; /* nonzero: segments are the windows of 30 s */
  int32_t disable_fallback;   /* nonzero: the likeliest tokens, even where they repeat themselves or are unlikely. Else
                                 such a window is tried again with tokens that are drawn, ever more freely */
  int32_t disable_context;    /* nonzero: a window does not see what those before it have said */
  int32_t word_times;         /* nonzero: when each word is said, by what the decoder attends to: the heads that are
                                 known to follow the sound in tiny.en and base, in other models all of the upper half
                                 of its layers, which is less exact */
  const char* prompt;         /* said before the sound: names, spelling, style; or NULL */
  /* Called as segments are found, those of a sound in their order; nonzero: stop with PUMICE_CANCELLED. The
   * transcriber must not be used in any of these. */
  int32_t (*on_segment)(void* user, const PumiceSegment* segment);
  void* on_segment_user;
  /* Called after each piece of work, and now and then within a long one; nonzero: stop. */
  int32_t (*on_progress)(void* user, const PumiceTranscript* so_far);
  void* on_progress_user;
  /* Called when a sound is at its end; nonzero: stop. */
  int32_t (*on_end)(void* user, const PumiceTranscript* transcript);
  void* on_end_user;
  const char* group;          /* sounds of different groups are not found by each other; NULL: "" */
} PumiceTranscribeOptions;

static inline PumiceTranscribeOptions pumice_transcribe_options_init(void) {
  PumiceTranscribeOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceTranscribeOptions);
  return o;
}

/* Waits. Files are read before anything is computed: PUMICE_NOT_FOUND, PUMICE_MALFORMED or PUMICE_UNSUPPORTED for the
 * first that is none. PUMICE_INVALID_ARGUMENT: the model does not know the language, or translates none. */
PUMICE_API PumiceResult pumice_transcribe(PumiceTranscriber* transcriber, const PumiceTranscribeOptions* options);

typedef struct PumiceTranscriberInfo {
  size_t size;
  const void* next;
  uint32_t languages;                /* that the model knows */
  uint64_t windows, encoded_windows; /* the others' keys and values were found */
  uint64_t attempts;                 /* at windows */
  uint64_t prompt_tokens, tokens, steps;
  double sound_seconds, seconds;     /* of sounds; in pumice_transcribe() */
  double encode_seconds, prompt_seconds, step_seconds; /* of these */
} PumiceTranscriberInfo;

static inline PumiceTranscriberInfo pumice_transcriber_info_init(void) {
  PumiceTranscriberInfo i = PUMICE_ZERO;
  i.size = sizeof(PumiceTranscriberInfo);
  return i;
}
PUMICE_API PumiceResult pumice_transcriber_get_info(const PumiceTranscriber* transcriber, PumiceTranscriberInfo* info);
/* Of the keys and values of windows; prompts are windows here, of 1504 tokens. */
PUMICE_API PumiceResult pumice_transcriber_get_cache_stats(const PumiceTranscriber* transcriber,
                                                           PumiceCacheStats* stats);
/* Most tokens, in whole pages of 32, that windows of a group's sounds may keep in device memory. */
PUMICE_API PumiceResult pumice_transcriber_set_group_quota(PumiceTranscriber* transcriber, const char* group,
                                                           uint32_t tokens);

/* ---- Chat: messages to a prompt, a reply to a message. ----------------------------------------------------------- */

/* A chat template. Belongs to one thread at a time; its model, if it has one, may be destroyed before it. */
typedef struct PumiceChat PumiceChat;
typedef struct PumiceChatReply PumiceChatReply;

typedef struct PumiceChatOptions {
  size_t size;
  const void* next;
  const char* source;       /* Jinja as Hugging Face has it; NULL: the model file's, else one for its vocabulary */
  size_t source_length;
  const char* bos_token;    /* the names that the template knows these tokens by; NULL: those of the model's */
  const char* eos_token;
  uint64_t most_steps;      /* that rendering may take; 0: ten million */
  uint64_t most_bytes;      /* of rendered text; 0: 16 MiB */
} PumiceChatOptions;

static inline PumiceChatOptions pumice_chat_options_init(void) {
  PumiceChatOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceChatOptions);
  return o;
}

/* model may be NULL where a source is given; there are no tokens then. PUMICE_MALFORMED and PUMICE_UNSUPPORTED name the
 * line of the template; PUMICE_NOT_FOUND: the model has no template, and none is known for its vocabulary. */
PUMICE_API PumiceResult pumice_chat_create(PumiceInstance* instance, const PumiceModel* model,
                                           const PumiceChatOptions* options, PumiceChat** chat);
PUMICE_API void pumice_chat_destroy(PumiceChat* chat);
PUMICE_API size_t pumice_chat_error(const PumiceChat* chat, char* buffer, size_t capacity);

/* Lives only for the callback, and is filled in as far as this version knows it. */
typedef struct PumiceChatPrompt {
  size_t size;
  const void* next;
  const char* text;
  size_t length;
  const int32_t* ids;       /* NULL without a model */
  size_t id_count;
  const size_t* pictures;   /* in the order of their marks, how many of the ids come before each; NULL: none */
  size_t picture_count;
} PumiceChatPrompt;

typedef enum PumiceThinking {
  PUMICE_THINKING_AS_TEMPLATE = 0,
  PUMICE_THINKING_ON = 1,   /* enable_thinking and thinking are true in the template, */
  PUMICE_THINKING_OFF = 2   /* or false, unless `variables` has them */
} PumiceThinking;

/* Texts of JSON, as OpenAI's interface has them; an empty one is not there. */
typedef struct PumiceChatRenderOptions {
  size_t size;
  const void* next;
  PumiceText messages;      /* an array of {"role", "content", "reasoning_content", "tool_calls", …} */
  PumiceText tools;         /* an array */
  PumiceText documents;     /* an array */
  PumiceText variables;     /* an object: further variables of the template */
  int32_t add_generation_prompt; /* nonzero: the text ends where an answer begins */
  int32_t continue_final_message; /* nonzero: it ends inside the last message, which is to be continued */
  PumiceThinking thinking;
  int32_t plain;            /* nonzero: no ids */
  int64_t now;              /* what clocks show: seconds since 1970 in the user's time zone; 0: UTC */
  void (*on_prompt)(void* user, const PumiceChatPrompt* prompt); /* called once; the chat must not be used in it */
  void* on_prompt_user;
  PumiceText picture_mark;  /* what stands for a picture in texts of messages, such as a random one that no user can
                               know; ids leave it out, and `text` has it. Empty: none */
} PumiceChatRenderOptions;

static inline PumiceChatRenderOptions pumice_chat_render_options_init(void) {
  PumiceChatRenderOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceChatRenderOptions);
  o.add_generation_prompt = 1;
  return o;
}

/* Control tokens come from the template alone: what messages, tools, documents and variables say is never one, whatever
 * the template does with it. PUMICE_INVALID_ARGUMENT: the messages are not what the template takes, in its own words
 * where it has some. PUMICE_UNSUPPORTED: beyond the limits, or something that is not known. */
PUMICE_API PumiceResult pumice_chat_render(PumiceChat* chat, const PumiceChatRenderOptions* options);

typedef struct PumiceChatReplyOptions {
  size_t size;
  const void* next;
  PumiceText prompt;        /* that the reply follows; its end says whether the reply begins with reasoning */
  PumiceText tools;         /* as of the prompt: types of parameters; may be empty */
} PumiceChatReplyOptions;

static inline PumiceChatReplyOptions pumice_chat_reply_options_init(void) {
  PumiceChatReplyOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceChatReplyOptions);
  return o;
}

/* `json` lives only for the call. */
typedef void (*PumiceJsonCallback)(void* user, const char* json, size_t length);

/* Takes a reply apart as it comes. What a push makes certain is written as an object with "content",
 * "reasoning_content" (both: new text) and "tool_calls" (whole ones); nothing is written where nothing is. */
PUMICE_API PumiceResult pumice_chat_reply_create(PumiceChat* chat, const PumiceChatReplyOptions* options,
                                                 PumiceChatReply** reply);
PUMICE_API void pumice_chat_reply_destroy(PumiceChatReply* reply);
/* Any bytes, the names of control tokens included. */
PUMICE_API PumiceResult pumice_chat_reply_push(PumiceChatReply* reply, const char* text, size_t length,
                                               PumiceJsonCallback write, void* user);
/* Tokens of a request; it needs a model. */
PUMICE_API PumiceResult pumice_chat_reply_push_ids(PumiceChatReply* reply, const int32_t* ids, size_t count,
                                                   PumiceJsonCallback write, void* user);
/* The reply is over: also what could have become something else. */
PUMICE_API PumiceResult pumice_chat_reply_finish(PumiceChatReply* reply, PumiceJsonCallback write, void* user);
/* The message so far: {"role": "assistant", "content", "reasoning_content", "tool_calls"}, the latter two where there
 * are any. */
PUMICE_API PumiceResult pumice_chat_reply_message(PumiceChatReply* reply, PumiceJsonCallback write, void* user);
/* A whole reply at once. */
PUMICE_API PumiceResult pumice_chat_parse(PumiceChat* chat, const PumiceChatReplyOptions* options, const char* text,
                                          size_t length, PumiceJsonCallback write, void* user);

/* ---- Conversion of model files. ---------------------------------------------------------------------------------- */

typedef enum PumiceConvertType {
  PUMICE_CONVERT_F16 = 0,
  PUMICE_CONVERT_F32 = 1,
  PUMICE_CONVERT_Q8_0 = 2,
  PUMICE_CONVERT_Q4_0 = 3,
  PUMICE_CONVERT_Q4_K = 4   /* as llama.cpp's Q4_K_M: some tensors have six bits a weight */
} PumiceConvertType;

typedef struct PumiceConvertOptions {
  size_t size;
  const void* next;
  const char* source;        /* a GGUF file; whisper.cpp's file; a folder of Hugging Face (bert, marian, whisper) or of
                              * CTranslate2 (translation) */
  const char* target;        /* a GGUF file, of Whisper's models whisper.cpp's; replaced as a whole when written */
  PumiceConvertType type;    /* of most matrices; norms, biases and the like keep theirs */
  PumiceProgressCallback progress; /* may be NULL */
  void* progress_user;
} PumiceConvertOptions;

static inline PumiceConvertOptions pumice_convert_options_init(void) {
  PumiceConvertOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceConvertOptions);
  return o;
}

typedef struct PumiceConvertInfo {
  size_t size;
  const void* next;
  char kind[64];               /* "llama", "bert", "marian", "Whisper" */
  uint64_t tensors;
  uint64_t converted_tensors;  /* of another type than in the source */
  uint64_t bytes;              /* of the file */
} PumiceConvertInfo;

static inline PumiceConvertInfo pumice_convert_info_init(void) {
  PumiceConvertInfo i = PUMICE_ZERO;
  i.size = sizeof(PumiceConvertInfo);
  return i;
}

/* Needs no device; `info` may be NULL. Whatever the model's size it holds some pieces of a tensor for each core, and no
 * more. PUMICE_UNSUPPORTED: a model, tensor or type that it does not know, by name; a library built without it.
 * PUMICE_IO: writing the target failed. PUMICE_CANCELLED by `progress`. After any error, and after a crash, the
 * target is what it was before. Calls on several threads do not wait for each other. */
PUMICE_API PumiceResult pumice_convert(PumiceInstance* instance, const PumiceConvertOptions* options,
                                       PumiceConvertInfo* info);

/* ---- Sequences. -------------------------------------------------------------------------------------------------- */

PUMICE_API PumiceResult pumice_sequence_create(PumiceContext* context, PumiceSequence** sequence);
/* group: sequences of different groups (users, tenants) never find each other's texts, and cannot tell by time or
 * counts what others have. NULL or empty: the common group. */
PUMICE_API PumiceResult pumice_sequence_create_in(PumiceContext* context, const char* group, PumiceSequence** sequence);
/* A new sequence of the same group with the first `tokens` tokens of this one; full pages are shared, so it costs next
 * to nothing. PUMICE_INVALID_ARGUMENT while a request runs on it. */
PUMICE_API PumiceResult pumice_sequence_fork(PumiceSequence* sequence, uint32_t tokens, PumiceSequence** copy);
/* How much of each of PumiceContextOptions.adapters (`count` of them) the sequence takes: 1 as it was trained, 0 none.
 * PUMICE_INVALID_ARGUMENT: another choice than the tokens that it has were computed with. Texts are found in the cache
 * under the same adapters and scales alone; forks and sessions keep them. Steps whose sequences take none cost nothing
 * more. */
PUMICE_API PumiceResult pumice_sequence_set_adapters(PumiceSequence* sequence, const float* scales, size_t count);
/* The full pages that the sequence has now stay in device memory until it is unpinned or destroyed, even if it is
 * truncated. */
PUMICE_API PumiceResult pumice_sequence_pin(PumiceSequence* sequence);
PUMICE_API PumiceResult pumice_sequence_unpin(PumiceSequence* sequence);
/* Savegames. A session is the sequence's tokens and pictures and, as asked for, its keys and values; it is whole or
 * refused. */
typedef enum PumiceSessionKv {
  PUMICE_SESSION_EXACT = 0,   /* going on equals never having stopped */
  PUMICE_SESSION_Q8 = 1,      /* 8 bits a value, about half of F16; PUMICE_UNSUPPORTED where the cache is quantised */
  PUMICE_SESSION_TOKENS = 2   /* tokens and pictures alone: computed again when the sequence goes on */
} PumiceSessionKv;

typedef struct PumiceSessionOptions {
  size_t size;
  const void* next;
  PumiceSessionKv kv;
  const char* path;           /* a file, replaced as a whole once all is written. Or: */
  int32_t (*write)(void* user, const void* data, size_t size); /* called in order; nonzero stops with PUMICE_IO */
  void* write_user;
} PumiceSessionOptions;

static inline PumiceSessionOptions pumice_session_options_init(void) {
  PumiceSessionOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceSessionOptions);
  return o;
}

/* PUMICE_INVALID_ARGUMENT while a request runs on it. PUMICE_IO leaves a former file as it was. */
PUMICE_API PumiceResult pumice_sequence_save(PumiceSequence* sequence, const PumiceSessionOptions* options);

typedef struct PumiceSessionSource {
  size_t size;
  const void* next;
  const char* path;           /* a file. Or: */
  const void* data;           /* a session in memory; needed for the call alone */
  size_t data_size;
  const char* group;          /* as for pumice_sequence_create_in() */
} PumiceSessionSource;

static inline PumiceSessionSource pumice_session_source_init(void) {
  PumiceSessionSource s = PUMICE_ZERO;
  s.size = sizeof(PumiceSessionSource);
  return s;
}

/* A new sequence. PUMICE_MALFORMED: damaged, or no session; PUMICE_UNSUPPORTED: of another model; PUMICE_CONTEXT_FULL:
 * too long for the context. Keys and values of another KV type are left out and computed again. What comes from a
 * session is never found by other sequences. Its adapters must be among the context's, in the same order:
 * PUMICE_UNSUPPORTED otherwise. The first call for a model reads its file once more. */
PUMICE_API PumiceResult pumice_sequence_load(PumiceContext* context, const PumiceSessionSource* source,
                                             PumiceSequence** sequence);
PUMICE_API void pumice_sequence_destroy(PumiceSequence* sequence);

typedef struct PumiceSequenceInfo {
  size_t size;
  const void* next;
  uint32_t tokens;         /* prompt and generated */
  uint32_t computed;       /* of them, tokens whose keys and values are in the cache */
  uint32_t capacity;       /* most tokens it may have */
  uint64_t dropped;        /* tokens that sliding has taken out; not in `tokens` */
} PumiceSequenceInfo;

static inline PumiceSequenceInfo pumice_sequence_info_init(void) {
  PumiceSequenceInfo i = PUMICE_ZERO;
  i.size = sizeof(PumiceSequenceInfo);
  return i;
}
PUMICE_API PumiceResult pumice_sequence_get_info(const PumiceSequence* sequence, PumiceSequenceInfo* info);
/* Its tokens as they are now. Writes at most `capacity` ids; *count is the full number. Of a session that was loaded,
 * this is what says whether it is the text that one expects. */
PUMICE_API PumiceResult pumice_sequence_get_tokens(const PumiceSequence* sequence, int32_t* ids, size_t capacity,
                                                   size_t* count);
/* The pages that hold its computed tokens, 32 each, by position: their places in the pool, as of PumiceKvPage. Writes
 * at most `capacity` places; *count is the full number. */
PUMICE_API PumiceResult pumice_sequence_get_pages(const PumiceSequence* sequence, uint32_t* pages, size_t capacity,
                                                  size_t* count);

/* Drops all tokens from `tokens` on. PUMICE_INVALID_ARGUMENT while a request runs on it. */
PUMICE_API PumiceResult pumice_sequence_truncate(PumiceSequence* sequence, uint32_t tokens);

/* ---- Pictures, of a model with a projector. ---------------------------------------------------------------------- */

/* Appends ids, at least one, without computing them: the next request or evaluation on the sequence does. */
PUMICE_API PumiceResult pumice_append_tokens(PumiceSequence* sequence, const int32_t* ids, size_t count);

typedef struct PumiceImage {
  size_t size;
  const void* next;
  const void* file;        /* the bytes of a PNG, JPEG or WebP file, as far as the library was built with those; or: */
  size_t file_size;
  const uint8_t* pixels;   /* red, green and blue, 8 bits each, row after row from the top */
  uint32_t width, height;  /* of pixels */
  size_t row_bytes;        /* of pixels, from a row to the next; 0: 3 * width */
  uint32_t min_tokens, max_tokens; /* 0: the model's own. Of models that take pictures of any size */
} PumiceImage;

static inline PumiceImage pumice_image_init(void) {
  PumiceImage i = PUMICE_ZERO;
  i.size = sizeof(PumiceImage);
  return i;
}

typedef struct PumiceImageInfo {
  size_t size;
  const void* next;
  uint32_t width, height;  /* of the picture as it is looked at */
  uint32_t parts;          /* in which the model sees it */
  uint32_t tokens;         /* that it takes in the sequence, with what stands around it */
} PumiceImageInfo;

static inline PumiceImageInfo pumice_image_info_init(void) {
  PumiceImageInfo i = PUMICE_ZERO;
  i.size = sizeof(PumiceImageInfo);
  return i;
}

/* Appends a picture with what the model wants around it, likewise. What is seen in it is computed when its tokens are,
 * in one piece, which may take long, unless it is in the cache: pictures are known by their content. Files are refused
 * beyond 32 MiB, 16384 pixels a side and 64 Mi pixels, before they are decoded. Nothing is kept of the picture's
 * memory. A sequence can be cut only before or behind a picture. info may be NULL. A failure leaves the sequence as it
 * was. */
PUMICE_API PumiceResult pumice_append_image(PumiceSequence* sequence, const PumiceImage* image, PumiceImageInfo* info);

/* The text that stands for a picture in the model's prompts ("<image>"); empty: the model has no projector. As with
 * pumice_token_text(). */
PUMICE_API PumiceResult pumice_image_placeholder(const PumiceModel* model, char* buffer, size_t capacity,
                                                 size_t* length);

/* Appends tokens, waits, and copies the logits after the last one: `vocabulary` floats. PUMICE_CONTEXT_FULL: there is
 * no room now; running requests and other sequences hold it. */
PUMICE_API PumiceResult pumice_sequence_evaluate(PumiceSequence* sequence, const int32_t* ids, size_t count,
                                                 float* logits, size_t capacity);

/* Logits of consecutive scored tokens: `count` rows of `vocabulary` floats, `stride` floats apart, the first of them
 * after ids[first]. Valid during the call. Nonzero stops. */
typedef int32_t (*PumiceLogitsCallback)(void* user, size_t first, size_t count, const float* logits, size_t stride);

typedef struct PumiceScoreOptions {
  size_t size;
  const void* next;
  const int32_t* ids;       /* appended to the sequence; at least one */
  const int32_t* targets;   /* (count) the token that is judged as the one after each id, mostly ids[i + 1]; < 0: none,
                             * and no logits are computed there */
  size_t count;
  float* log_probabilities; /* (count) natural, of the targets; not written where there is none. May be NULL */
  PumiceLogitsCallback on_logits; /* in order, where there are targets; may be NULL; on the calling thread */
  void* on_logits_user;
} PumiceScoreOptions;

static inline PumiceScoreOptions pumice_score_options_init(void) {
  PumiceScoreOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceScoreOptions);
  return o;
}

/* Appends tokens, waits, and says how likely each target was, as fast as a prompt is computed: for perplexity, for
 * ranking answers, for comparing distributions. The first call takes memory for 48 rows of logits. A failure leaves the
 * sequence as it was; PUMICE_CANCELLED when on_logits asked for it. */
PUMICE_API PumiceResult pumice_sequence_score(PumiceSequence* sequence, const PumiceScoreOptions* options);

/* ---- Grammars: what a reply must be. ----------------------------------------------------------------------------- */

typedef enum PumiceGrammarKind {
  PUMICE_GRAMMAR_JSON_SCHEMA = 1, /* draft 2020-12 or 7: the reply is JSON that it accepts */
  PUMICE_GRAMMAR_GBNF = 2,        /* llama.cpp's notation; the rule root is the reply */
  PUMICE_GRAMMAR_REGEX = 3,       /* ECMA-262's syntax; it matches the whole reply */
  PUMICE_GRAMMAR_CHOICES = 4      /* a JSON list of texts, one of which is the reply */
} PumiceGrammarKind;

typedef struct PumiceGrammarOptions {
  size_t size;
  const void* next;
  PumiceGrammarKind kind;
  int32_t disable_whitespace; /* of JSON_SCHEMA, nonzero: one line without spaces */
  const char* text;           /* UTF-8 */
  size_t text_length;
} PumiceGrammarOptions;

static inline PumiceGrammarOptions pumice_grammar_options_init(void) {
  PumiceGrammarOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceGrammarOptions);
  return o;
}

/* Compiles it. PUMICE_MALFORMED: it is wrong; PUMICE_UNSUPPORTED: it says what this version has no exact form for,
 * matches nothing, or is larger than the limits. The error names the place: a JSON pointer, or line and column.
 * Any number of requests may use one grammar, also at once and after it has been destroyed. */
PUMICE_API PumiceResult pumice_grammar_create(PumiceModel* model, const PumiceGrammarOptions* options,
                                              PumiceGrammar** grammar);
PUMICE_API void pumice_grammar_destroy(PumiceGrammar* grammar);

typedef enum PumiceToolChoice {
  PUMICE_TOOLS_AUTO = 0,     /* text, and calls behind it if the model wants any */
  PUMICE_TOOLS_NONE = 1,     /* text without calls */
  PUMICE_TOOLS_REQUIRED = 2  /* calls and no other text */
} PumiceToolChoice;

typedef struct PumiceChatGrammarOptions {
  size_t size;
  const void* next;
  PumiceText tools;        /* as of the prompt: an array; their `parameters` are JSON Schemas */
  PumiceToolChoice choice;
  int32_t one_call;        /* nonzero: at most one call in a reply */
  PumiceText name;         /* empty: any of the tools; else the only one that may be called */
} PumiceChatGrammarOptions;

static inline PumiceChatGrammarOptions pumice_chat_grammar_options_init(void) {
  PumiceChatGrammarOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceChatGrammarOptions);
  return o;
}

/* What a reply may be that calls tools: calls as the chat's template spells them, whose arguments the tools' schemas
 * accept, so that pumice_chat_parse() gives them back. Needs a chat with a model. With REQUIRED the reply begins with
 * the call: render the prompt without thinking. PUMICE_UNSUPPORTED: the template has no calls, or not in a form that is
 * known, or a schema says what has no exact form. */
PUMICE_API PumiceResult pumice_chat_grammar_create(PumiceChat* chat, const PumiceChatGrammarOptions* options,
                                                   PumiceGrammar** grammar);

/* ---- Requests. --------------------------------------------------------------------------------------------------- */

/* Part of lists, so these do not grow. */
typedef struct PumiceTokenBias {
  int32_t id;
  float bias;
} PumiceTokenBias;
typedef struct PumiceLikelyToken {
  int32_t id;
  float log_probability;   /* natural */
} PumiceLikelyToken;
#define PUMICE_MOST_BIASES 512
#define PUMICE_MOST_TOP_TOKENS 20

typedef struct PumiceRequestOptions {
  size_t size;
  const void* next;
  const int32_t* ids;      /* appended to the sequence first; copied; at least one */
  size_t count;
  uint32_t max_tokens;     /* 0: until the model ends or the context is full */
  int32_t ignore_eos;      /* nonzero: end-of-generation tokens do not stop it */
  float temperature;       /* <= 0: greedy */
  uint32_t top_k;          /* 0: off */
  float top_p;             /* >= 1: off */
  float min_p;             /* 0: off */
  float repeat_penalty;    /* 1: off */
  float frequency_penalty, presence_penalty; /* 0: off */
  uint32_t penalty_window; /* tokens looked back upon */
  uint64_t seed;
  const PumiceGrammar* grammar; /* of the same model: only such tokens are drawn, and the reply ends when it is
                                   complete; NULL: none */
  const PumiceTokenBias* biases; /* added to the logits of these tokens first of all; copied; PUMICE_MOST_BIASES */
  size_t bias_count;
  int32_t log_probabilities; /* nonzero: PumicePoll.log_probabilities. The logits go to the host, step by step */
  uint32_t top_tokens;     /* with log_probabilities: PumicePoll.top; at most PUMICE_MOST_TOP_TOKENS */
} PumiceRequestOptions;

/* Defaults: greedy. */
static inline PumiceRequestOptions pumice_request_options_init(void) {
  PumiceRequestOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceRequestOptions);
  o.top_p = 1.0f;
  o.repeat_penalty = 1.0f;
  o.penalty_window = 64;
  return o;
}

/* Sets what the model's file recommends (general.sampling.temp, top_k, top_p, min_p, penalty_repeat, penalty_last_n)
 * and leaves the rest of the options as it is. PUMICE_MALFORMED: names the first that is no such number. */
PUMICE_API PumiceResult pumice_model_get_sampling(const PumiceModel* model, PumiceRequestOptions* options);

/* Returns at once; nothing is computed before pumice_step() or pumice_request_wait(). One request a sequence. Requests
 * for which the KV cache has no room beside those that run are queued, and go on in the order of their submission; a
 * request that runs may be queued again for an older one. Sequences without a request lend their room meanwhile. Failed
 * with PUMICE_CONTEXT_FULL: nobody who has the room will give it back. */
PUMICE_API PumiceResult pumice_request_submit(PumiceSequence* sequence, const PumiceRequestOptions* options,
                                              PumiceRequest** request);
PUMICE_API void pumice_request_destroy(PumiceRequest* request); /* cancels what still runs */

/* Does what can be done without waiting: collects finished tokens, submits the next work. Call it once a frame.
 * *busy (may be NULL) is nonzero while any request of the context is unfinished, and when another call has its turn. */
PUMICE_API PumiceResult pumice_step(PumiceContext* context, int32_t* busy);

/* A host's frame, for pumice_step_within(). */
typedef struct PumiceFrame {
  size_t size;
  const void* next;
  double gpu_us;           /* in: of the device's time, that may be submitted and running; 0: none */
  double cpu_us;           /* in: nothing is begun once the call has taken so much of its thread's time; 0: no limit */
  double submitted_us;     /* out: what the submitted work takes, as far as is known */
  uint32_t chunks;         /* out: submitted now: a layer of a step each, or less */
  uint32_t held;           /* out: of begun steps, that wait for frames to come */
  int32_t busy;            /* out: as of pumice_step() */
  double finished_us;      /* out: of the device's time, what has finished since the call before took */
} PumiceFrame;

static inline PumiceFrame pumice_frame_init(void) {
  PumiceFrame f = PUMICE_ZERO;
  f.size = sizeof(PumiceFrame);
  return f;
}

/* pumice_step() within a frame's budget: steps are submitted layer by layer, as their measured times fit. A chunk that
 * has not been measured yet goes alone, and one that is longer than the budget once enough frames have let nothing go.
 * It neither waits nor compiles, and a thread of the library's records. pumice_step(), and calls that wait, submit all
 * that is held. For all contexts of a device: call it on each, in turn. Generated text does not depend on budgets; in
 * `exact` mode not a bit of it does. */
PUMICE_API PumiceResult pumice_step_within(PumiceContext* context, PumiceFrame* frame);

typedef enum PumiceRequestStatus {
  PUMICE_REQUEST_RUNNING = 0,
  PUMICE_REQUEST_FINISHED_EOS = 1,
  PUMICE_REQUEST_FINISHED_LENGTH = 2,   /* max_tokens reached */
  PUMICE_REQUEST_FINISHED_CONTEXT = 3,  /* the context is full */
  PUMICE_REQUEST_CANCELLED = 4,
  PUMICE_REQUEST_FAILED = 5             /* pumice_context_error() says why; `result` is the code */
} PumiceRequestStatus;

typedef struct PumicePoll {
  size_t size;
  const void* next;
  PumiceRequestStatus status;
  PumiceResult result;
  const int32_t* ids;      /* tokens that are new since the last poll; valid until the next call on the request */
  size_t count;
  const char* text;        /* text that is new since the last poll: whole UTF-8 characters, zero-terminated; likewise */
  size_t text_length;
  uint32_t prompt_done, prompt_total; /* tokens of the prompt computed so far, for a progress bar */
  uint32_t queued;         /* nonzero: it waits until others need fewer pages of the KV cache; 1: it is the next */
  PumiceResult paused;     /* of a running one, what it waits for. PUMICE_OUT_OF_DEVICE_MEMORY: see
                              pumice_device_set_budget(); PUMICE_DEVICE_LOST: see pumice_context_rebind() */
  /* Where PumiceRequestOptions asks for it, of the model's own distribution: without biases, penalties, grammar,
   * temperature and the like. Valid as long as ids. */
  const float* log_probabilities; /* (count) natural, of ids; NULL: not asked for */
  const PumiceLikelyToken* top;   /* (count, top_tokens) the likeliest tokens in the place of each, likeliest first */
  uint32_t top_tokens;
} PumicePoll;

static inline PumicePoll pumice_poll_init(void) {
  PumicePoll p = PUMICE_ZERO;
  p.size = sizeof(PumicePoll);
  return p;
}

/* Never blocks. */
PUMICE_API PumiceResult pumice_poll(PumiceRequest* request, PumicePoll* poll);
/* Steps until this request has something new, is finished, or timeout_ms passed (PUMICE_TIMEOUT; < 0: no limit). */
PUMICE_API PumiceResult pumice_request_wait(PumiceRequest* request, int32_t timeout_ms);
/* Lock-free, from any thread and from signal handlers. */
PUMICE_API void pumice_request_cancel(PumiceRequest* request);

typedef struct PumiceTimings {
  size_t size;
  const void* next;
  uint32_t prompt_tokens, generated_tokens;
  uint32_t cached_tokens;          /* of the prompt, found in the KV cache */
  double prefill_ms;               /* submit to first token */
  double decode_ms;                /* first token to last */
  double host_us_per_token;        /* host CPU time inside the library per generated token */
  uint32_t cached_from[4];         /* of cached_tokens, by PumiceCacheSource */
} PumiceTimings;

static inline PumiceTimings pumice_timings_init(void) {
  PumiceTimings t = PUMICE_ZERO;
  t.size = sizeof(PumiceTimings);
  return t;
}
PUMICE_API PumiceResult pumice_request_timings(const PumiceRequest* request, PumiceTimings* timings);

/* ---- Jobs: what takes long, on a thread of the library's. -------------------------------------------------------- */

typedef struct PumiceJob PumiceJob;

typedef struct PumiceJobOptions {
  size_t size;
  const void* next;
  void (*thread_begins)(void* user); /* on the job's thread, before its work: to name it, or to choose its cores */
  void (*thread_ends)(void* user);   /* after it; both may be NULL */
  void* thread_user;
} PumiceJobOptions;

static inline PumiceJobOptions pumice_job_options_init(void) {
  PumiceJobOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceJobOptions);
  return o;
}

/* The calls of these names without _begin, which return at once; what is wrong with their options may show only in the
 * job. Strings of the options are copied; callbacks come on the job's thread. A sequence that is being saved is used as
 * by pumice_sequence_save() with a `write` function: its context may be used meanwhile. job_options may be NULL. */
PUMICE_API PumiceResult pumice_model_load_begin(PumiceInstance* instance, PumiceDevice* device,
                                                const PumiceModelOptions* options,
                                                const PumiceJobOptions* job_options, PumiceJob** job);
PUMICE_API PumiceResult pumice_model_warm_up_begin(PumiceModel* model, const PumiceWarmUpOptions* options,
                                                   const PumiceJobOptions* job_options, PumiceJob** job);
PUMICE_API PumiceResult pumice_sequence_save_begin(PumiceSequence* sequence, const PumiceSessionOptions* options,
                                                   const PumiceJobOptions* job_options, PumiceJob** job);
PUMICE_API PumiceResult pumice_sequence_load_begin(PumiceContext* context, const PumiceSessionSource* source,
                                                   const PumiceJobOptions* job_options, PumiceJob** job);
/* One that has begun goes on when cancelled: after pumice_job_destroy() the context is on the one or the other. */
PUMICE_API PumiceResult pumice_context_rebind_begin(PumiceContext* context, PumiceModel* model,
                                                    const PumiceJobOptions* job_options, PumiceJob** job);

typedef struct PumiceJobPoll {
  size_t size;
  const void* next;
  int32_t done;            /* nonzero: `result` is final */
  PumiceResult result;     /* PUMICE_CANCELLED as soon as it has been cancelled */
  double fraction;         /* in [0, 1]; of sessions 0 until they are done */
} PumiceJobPoll;

static inline PumiceJobPoll pumice_job_poll_init(void) {
  PumiceJobPoll p = PUMICE_ZERO;
  p.size = sizeof(PumiceJobPoll);
  return p;
}

/* These take no lock. What a cancelled job would have made goes; a finished one is not cancelled any more. */
PUMICE_API PumiceResult pumice_job_poll(const PumiceJob* job, PumiceJobPoll* poll);
PUMICE_API void pumice_job_cancel(PumiceJob* job); /* from any thread */
PUMICE_API size_t pumice_job_error(const PumiceJob* job, char* buffer, size_t capacity);
/* What a job has made, once; PUMICE_INVALID_ARGUMENT: it has none. */
PUMICE_API PumiceResult pumice_job_take_model(PumiceJob* job, PumiceModel** model);
PUMICE_API PumiceResult pumice_job_take_sequence(PumiceJob* job, PumiceSequence** sequence);
/* Cancels it, and waits until its thread has ended: at most for one pipeline, one piece of a file, or one session that
 * is being read. */
PUMICE_API void pumice_job_destroy(PumiceJob* job);

#ifdef __cplusplus
}
#endif
#endif /* PUMICE_PUMICE_H */
