// Decoding allocates nothing on the host, from pumice_step() to the text that pumice_poll() returns.
#include <gtest/gtest.h>

#include <pumice/pumice.hpp>
#include <string>
#include <vector>

#include "support/allocation_count.h"
#include "test_paths.h"

namespace pumice::test::allocation_test {

// Without the validation layer, which allocates in the caller's thread.
struct CApi {
  PumiceInstance* instance = nullptr;
  PumiceDevice* device = nullptr;
  PumiceModel* model = nullptr;
  PumiceContext* context = nullptr;
  ~CApi() {
    pumice_context_destroy(context);
    pumice_model_destroy(model);
    pumice_device_destroy(device);
    pumice_instance_destroy(instance);
  }
};

struct Generation {
  PumiceSequence* sequence = nullptr;
  PumiceRequest* request = nullptr;
  size_t tokens = 0;
  ~Generation() {
    pumice_request_destroy(request);
    pumice_sequence_destroy(sequence);
  }
};

TEST(AllocationTest, DecodingAllocatesNothing) {
  CApi api;
  ASSERT_EQ(pumice_instance_create(nullptr, &api.instance), PUMICE_OK);
  if (pumice_device_create_auto(api.instance, nullptr, &api.device) != PUMICE_OK)
    GTEST_SKIP() << "no usable Vulkan device";
  PumiceModelOptions model = pumice_model_options_init();
  model.path = PUMICE_MODELS_DIR "/storyteller-5m-Q4_K_M.gguf";
  ASSERT_EQ(pumice_model_load(api.instance, api.device, &model, &api.model), PUMICE_OK);
  PumiceContextOptions context = pumice_context_options_init();
  context.context_tokens = 1024;
  context.max_sequences = 3;
  ASSERT_EQ(pumice_context_create(api.model, &context, &api.context), PUMICE_OK);

  Generation generations[3];
  for (Generation& g : generations) {
    const std::vector<int32_t> ids(5 + static_cast<size_t>(&g - generations), 20);
    ASSERT_EQ(pumice_sequence_create(api.context, &g.sequence), PUMICE_OK);
    PumiceRequestOptions request = pumice_request_options_init();
    request.ids = ids.data();
    request.count = ids.size();
    request.max_tokens = 200;
    request.ignore_eos = 1;
    ASSERT_EQ(pumice_request_submit(g.sequence, &request, &g.request), PUMICE_OK);
  }
  const auto decode_until = [&](size_t tokens) {
    while (generations[0].tokens < tokens) {
      ASSERT_EQ(pumice_request_wait(generations[0].request, 60000), PUMICE_OK);
      for (Generation& g : generations) {
        PumicePoll poll = pumice_poll_init();
        ASSERT_EQ(pumice_poll(g.request, &poll), PUMICE_OK);
        g.tokens += poll.count;
      }
    }
  };
  decode_until(40);
  const AllocationCount count;
  decode_until(160);
  EXPECT_EQ(count.allocations(), 0u);
  { const std::string text(1000, 'x'); }
  EXPECT_EQ(count.allocations(), 1u) << "the count counts";
}

}  // namespace pumice::test::allocation_test
