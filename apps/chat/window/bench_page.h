// `pumice bench` as a process of its own, and what it found, beside earlier results.
#pragma once

#include <QJsonObject>
#include <QProcess>
#include <QWidget>

class QLabel;
class QPlainTextEdit;
class QPushButton;
class QTreeWidget;

namespace pumice_chat {

// The program beside this one; empty: it is not there.
QString bench_program();

class BenchPage : public QWidget {
  Q_OBJECT
 public:
  explicit BenchPage(QWidget* parent);
  ~BenchPage() override;
  void set_model(const QString& path) { model_ = path; }
  QTreeWidget* results() const { return results_; }
  bool running() const { return process_.state() != QProcess::NotRunning; }

 private:
  void start();
  void ended(int code);
  void add(const QJsonObject& report, const QString& name);
  void open_other();
  void keep();

  QProcess process_;
  QString model_;
  QByteArray output_;
  QLabel* head_;
  QPushButton *start_, *stop_, *keep_;
  QTreeWidget* results_;
  QPlainTextEdit* log_;
};

}  // namespace pumice_chat
