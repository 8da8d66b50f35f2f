// Work for which the window's thread does not wait, such as reading a file.
#pragma once

#include <QCoreApplication>
#include <QPointer>
#include <QThreadPool>
#include <utility>

namespace pumice_chat {

// work() on another thread, then `then` with what it gave on the window's, unless `receiver` is gone by then.
template <typename Work, typename Then>
void in_background(QObject* receiver, Work work, Then then) {
  QThreadPool::globalInstance()->start(
      [guard = QPointer<QObject>(receiver), work = std::move(work), then = std::move(then)] {
        auto result = work();
        QMetaObject::invokeMethod(
            QCoreApplication::instance(),
            [guard, then, result = std::move(result)] {
              if (guard) then(result);
            },
            Qt::QueuedConnection);
      });
}

}  // namespace pumice_chat
