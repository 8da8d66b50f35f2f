// A very long reply from a scripted source of tokens: how long the window's event loop is held up. Printed alone.
#include <QElapsedTimer>
#include <QScrollArea>
#include <QScrollBar>
#include <QTimer>
#include <QVBoxLayout>
#include <algorithm>
#include <cstdio>
#include <utility>

#include "chat/window/message_widget.h"
#include "chat_app/long_run.h"
#include "chat_app/window_support.h"
#include "support/slice.h"

namespace pumice::test::chat_streaming {

using namespace pumice_chat;

std::string word(int i) {
  if (i % 400 == 399) return "\n\n```cpp\nint f(int x) {\n  return x + 1;  // words\n}\n```\n\n";
  if (i % 211 == 210) return "\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n";
  if (i % 60 == 59) return ".\n\n";
  return (i % 7 == 0 ? " **word" + std::to_string(i) + "**" : " word" + std::to_string(i));
}

TEST(Streaming, OfManyTokensHoldsUpTheWindowBriefly) {
  PUMICE_SLICE(2);
  const int tokens = long_run() ? 100'000 : 6'000;
  QScrollArea area;
  auto* inside = new QWidget;
  auto* column = new QVBoxLayout(inside);
  Message message;
  message.id = 1;
  message.role = Role::kAssistant;
  message.state = State::kStreaming;
  auto* widget = new MessageWidget(inside, message);
  column->addWidget(widget);
  area.setWidget(inside);
  area.setWidgetResizable(true);
  area.resize(800, 700);
  area.show();
  std::vector<double> gaps, work;
  QElapsedTimer clock;
  double worked = thread_cpu_ms();
  QTimer beat;
  beat.setInterval(0);
  QObject::connect(&beat, &QTimer::timeout, [&] {
    gaps.push_back(static_cast<double>(clock.nsecsElapsed()) / 1e6);
    work.push_back(thread_cpu_ms() - worked);
    worked += work.back();
    clock.restart();
  });
  clock.start();
  beat.start();
  // As fast as it goes: 20 tokens, as a fast GPU has in a thirtieth of a second, then a turn of the loop.
  for (int i = 0; i < tokens;) {
    for (int n = 0; n < 20; ++n) message.content += word(i++);
    widget->update_from(message, nullptr);
    area.verticalScrollBar()->setValue(area.verticalScrollBar()->maximum());
    QCoreApplication::processEvents();
  }
  message.state = State::kDone;
  widget->update_from(message, nullptr);
  for (const auto& [what, times] : {std::pair("wall clock", &gaps), std::pair("the thread's own", &work)}) {
    std::sort(times->begin(), times->end());
    std::printf("%d tokens, %zu bytes: stalls of the event loop (%s) p50 %.1f ms, p99 %.1f ms, most %.1f ms\n", tokens,
                message.content.size(), what, (*times)[times->size() / 2], (*times)[times->size() * 99 / 100],
                times->back());
  }
  EXPECT_GT(gaps.size(), static_cast<std::size_t>(tokens / 40));
}

}  // namespace pumice::test::chat_streaming
