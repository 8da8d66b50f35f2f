// Tasks for the window's thread, from any thread.
#pragma once

#include <QMetaObject>
#include <QObject>
#include <utility>

#include "chat/core/task_thread.h"

namespace pumice_chat {

class Poster : public QObject {
 public:
  Post post() {
    return [this](Task task) { QMetaObject::invokeMethod(this, std::move(task), Qt::QueuedConnection); };
  }
};

}  // namespace pumice_chat
