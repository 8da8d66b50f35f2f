// The report of pipelines: of one kernel it makes that one's alone.
#include "kernels/pipeline_report.h"

#include "model/catalogue.h"
#include "support/device_fixture.h"

namespace pumice::test::pipeline_report_test {

class PipelineReportTest : public DeviceTest {};

TEST_F(PipelineReportTest, MakesNoOtherKernel) {
  size_t begun = 0;  // a call before each
  const auto reports =
      report_pipelines(device(), pipeline_catalogue(caps(), false), {.kernel = "rms_norm", .progress = [&](float) {
                                                                       ++begun;
                                                                       return false;
                                                                     }});
  ASSERT_TRUE(reports.ok()) << reports.error().message;
  ASSERT_FALSE(reports->empty());
  EXPECT_EQ(begun, reports->size());
  for (const PipelineReport& report : *reports) EXPECT_TRUE(report.pipeline.key.shader.is(ShaderKernel::kRmsNorm));
  EXPECT_LT(reports->size(), pipeline_catalogue(caps(), false).size() / 10);
}

TEST_F(PipelineReportTest, RefusesUnknownNames) {
  const auto reports = report_pipelines(device(), {}, {.kernel = "rms"});
  ASSERT_FALSE(reports.ok());
  EXPECT_EQ(reports.error().status, Status::kNotFound);
}

}  // namespace pumice::test::pipeline_report_test
