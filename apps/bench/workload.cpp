#include "bench/workload.h"

#include <algorithm>

#include "cli/interrupt.h"
#include "cli/session.h"

namespace pumice_bench {

namespace {

constexpr std::int32_t kWaitMs = 100;  // how soon Ctrl-C is seen

pumice::Request submit(pumice::Sequence& sequence, const std::vector<std::int32_t>& ids, std::uint32_t tokens) {
  PumiceRequestOptions options = pumice_request_options_init();
  options.max_tokens = tokens;
  options.ignore_eos = 1;
  return sequence.submit(ids, options);
}

PumicePoll poll(pumice::Context& context, pumice::Request& request) {
  const PumicePoll news = request.poll();
  if (news.status == PUMICE_REQUEST_FAILED) context.check(news.result != PUMICE_OK ? news.result : PUMICE_INTERNAL);
  return news;
}

// The times at which the tokens of one request arrive.
class Arrivals {
 public:
  void add(std::size_t count, double now_ms, std::vector<double>* gaps_ms) {
    if (count == 0) return;
    const bool first = seen_ == 0;
    const std::size_t after_first = count - (first ? 1 : 0);
    for (std::size_t i = 0; i < after_first; ++i)
      gaps_ms->push_back((first ? 0 : now_ms - last_ms_) / static_cast<double>(count));
    seen_ += count;
    last_ms_ = now_ms;
  }
  std::size_t seen() const { return seen_; }

 private:
  std::size_t seen_ = 0;
  double last_ms_ = 0;
};

}  // namespace

std::vector<std::int32_t> random_tokens(std::uint32_t count, std::uint32_t vocabulary, std::mt19937* random) {
  std::vector<std::int32_t> ids(count);
  for (std::int32_t& id : ids) id = static_cast<std::int32_t>((*random)() % std::max(1u, vocabulary));
  return ids;
}

Completion complete(pumice::Context& context, pumice::Sequence& sequence, const std::vector<std::int32_t>& ids,
                    std::uint32_t tokens, PowerMeter* meter) {
  Completion done;
  const auto joules = [meter] { return meter ? meter->joules() : 0; };
  const double start_joules = joules();
  double first_joules = start_joules;
  Arrivals arrivals;
  pumice::Request request = submit(sequence, ids, tokens);
  while (true) {
    pumice_cli::throw_if_interrupted();
    request.wait(kWaitMs);
    const PumicePoll news = poll(context, request);
    if (arrivals.seen() == 0 && news.count > 0) first_joules = joules();
    arrivals.add(news.count, pumice_cli::now_ms(), &done.gaps_ms);
    done.ids.insert(done.ids.end(), news.ids, news.ids + news.count);
    if (news.status != PUMICE_REQUEST_RUNNING) break;
  }
  done.timings = request.timings();
  done.prefill_joules = first_joules - start_joules;
  done.decode_joules = joules() - first_joules;
  return done;
}

BatchCompletion complete_batch(pumice::Context& context, std::uint32_t batch, std::uint32_t tokens,
                               std::uint32_t vocabulary, std::mt19937* random, PowerMeter* meter) {
  struct Member {
    pumice::Sequence sequence;
    pumice::Request request;
    Arrivals arrivals;
    bool running = true;
  };
  std::vector<Member> members;
  const double start = pumice_cli::now_ms();
  for (std::uint32_t i = 0; i < batch; ++i) {
    pumice::Sequence sequence(context);
    pumice::Request request = submit(sequence, random_tokens(1, vocabulary, random), tokens);
    members.push_back({std::move(sequence), std::move(request), {}, true});
  }
  BatchCompletion done;
  double all_started = 0, start_joules = 0, now = start;
  std::size_t counted = 0;
  for (bool running = true; running;) {
    pumice_cli::throw_if_interrupted();
    const auto first = std::find_if(members.begin(), members.end(), [](const Member& m) { return m.running; });
    first->request.wait(kWaitMs);  // steps all of them
    now = pumice_cli::now_ms();
    running = false;
    std::size_t arrived = 0, started = 0;
    for (Member& member : members) {
      if (member.running) {
        const PumicePoll news = poll(context, member.request);
        member.arrivals.add(news.count, now, &done.gaps_ms);
        member.running = news.status == PUMICE_REQUEST_RUNNING;
        arrived += news.count;
      }
      running = running || member.running;
      started += member.arrivals.seen() > 0 ? 1 : 0;
    }
    if (all_started > 0) counted += arrived;
    if (all_started == 0 && started == members.size()) {
      all_started = now;
      start_joules = meter ? meter->joules() : 0;
    }
  }
  done.seconds = std::max(1e-9, 1e-3 * (now - all_started));
  done.tokens = static_cast<double>(counted);
  done.tokens_per_second = done.tokens / done.seconds;
  done.ttft_ms = all_started - start;
  done.joules = meter ? meter->joules() - start_joules : 0;
  for (const Member& member : members) done.host_us_per_token += member.request.timings().host_us_per_token / batch;
  return done;
}

}  // namespace pumice_bench
