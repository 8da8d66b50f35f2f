// The HTML page in a real browser: headless Chromium, where it is installed.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "bench/fixed_report.h"
#include "bench/report/render.h"
#include "support/temporary_folder.h"

namespace pumice_bench::bench_page_test {

namespace fs = std::filesystem;

std::string browser() {
  for (const char* path : {"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"}) {
    if (fs::exists(path)) return path;
  }
  return "";
}

class BenchPage : public testing::Test {
 protected:
  void SetUp() override {
    if (browser().empty()) GTEST_SKIP() << "no Chromium is installed; the page was not rendered";
    std::ofstream(folder_.file("page.html")) << render_html(fixed_report());
  }
  // Runs the browser on a page; its standard output.
  std::string run(const std::string& options, const std::string& page) {
    const std::string command = "timeout 60 " + browser() +
                                " --headless --no-sandbox --disable-gpu --user-data-dir=" + folder_.file("profile") +
                                " " + options + " file://" + page + " 2>" + folder_.file("errors");
    std::string output;
    FILE* pipe = popen(command.c_str(), "r");
    if (!pipe) return output;
    char buffer[4096];
    for (size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, got);
    const int status = pclose(pipe);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << command;
    return output;
  }
  pumice::test::TemporaryFolder folder_;
};

// A second page measures the first one with a script, which that one itself must not have.
TEST_F(BenchPage, EverythingIsShownAndNothingOverflows) {
  std::string page = render_html(fixed_report());
  const std::string probe = R"(<script>
    const wide = document.documentElement.scrollWidth > window.innerWidth;
    const charts = [...document.querySelectorAll('svg')];
    const outside = charts.filter(s => [...s.querySelectorAll('*')].some(e => {
      if (!e.getBBox || e.tagName == 'title') return false;
      const b = e.getBBox(), v = s.viewBox.baseVal;
      return b.x < -1 || b.y < -1 || b.x + b.width > v.width + 1 || b.y + b.height > v.height + 1; })).length;
    const tables = [...document.querySelectorAll('tbody tr')].length;
    const shown = charts.every(s => s.getBoundingClientRect().height > 30);
    document.title = `wide=${wide} charts=${charts.length} outside=${outside} rows=${tables} shown=${shown}`;
  </script></body>)";
  page.replace(page.find("</body>"), 7, probe);
  std::ofstream(folder_.file("probe.html")) << page;
  const std::string dom = run("--window-size=1000,1400 --dump-dom", folder_.file("probe.html"));
  const std::size_t title = dom.find("<title>");
  ASSERT_NE(title, std::string::npos) << dom.substr(0, 500);
  EXPECT_EQ(dom.substr(title + 7, dom.find("</title>") - title - 7), "wide=false charts=4 outside=0 rows=6 shown=true");
}

TEST_F(BenchPage, PrintsToPdf) {
  const std::string pdf = folder_.file("page.pdf");
  run("--print-to-pdf=" + pdf, folder_.file("page.html"));
  std::ifstream in(pdf, std::ios::binary);
  char magic[5] = {};
  in.read(magic, 4);
  EXPECT_STREQ(magic, "%PDF");
}

}  // namespace pumice_bench::bench_page_test
