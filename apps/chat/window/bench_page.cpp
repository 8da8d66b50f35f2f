#include "chat/window/bench_page.h"

#include <QCoreApplication>
#include <QFile>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QJsonArray>
#include <QJsonDocument>
#include <QLabel>
#include <QLocale>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSaveFile>
#include <QTreeWidget>
#include <QVBoxLayout>

#include "chat/window/ui.h"

namespace pumice_chat {

QString bench_program() {
  const QString beside = QCoreApplication::applicationDirPath() + QStringLiteral("/pumice");
  return QFileInfo(beside).isExecutable() ? beside : QString();
}

BenchPage::BenchPage(QWidget* parent) : QWidget(parent) {
  auto* column = new QVBoxLayout(this);
  head_ = new QLabel(tr("Measures the loaded model on this machine with “pumice bench”, a program of its own, which "
                        "checks the results first. Replies that run meanwhile make it slower."),
                     this);
  head_->setWordWrap(true);
  column->addWidget(head_);
  auto* row = new QHBoxLayout;
  start_ = new QPushButton(tr("Measure"), this);
  stop_ = new QPushButton(tr("Stop measuring"), this);
  keep_ = new QPushButton(tr("Keep the result…"), this);
  auto* other = new QPushButton(tr("Compare with a file…"), this);
  for (QPushButton* button : {start_, stop_, keep_, other}) row->addWidget(button);
  row->addStretch();
  column->addLayout(row);
  results_ = new QTreeWidget(this);
  results_->setAccessibleName(tr("Results"));
  results_->setHeaderLabels(
      {tr("Device and test"), tr("Tokens"), tr("Depth"), tr("Tokens/s"), tr("First token"), tr("Checked")});
  results_->header()->setSectionResizeMode(0, QHeaderView::Stretch);
  results_->header()->setStretchLastSection(false);
  column->addWidget(results_, 2);
  log_ = new QPlainTextEdit(this);
  log_->setReadOnly(true);
  log_->setAccessibleName(tr("What the program says"));
  log_->setMaximumBlockCount(500);
  column->addWidget(log_, 1);
  stop_->setEnabled(false);
  keep_->setEnabled(false);
  connect(start_, &QPushButton::clicked, this, &BenchPage::start);
  connect(stop_, &QPushButton::clicked, &process_, &QProcess::terminate);
  connect(keep_, &QPushButton::clicked, this, &BenchPage::keep);
  connect(other, &QPushButton::clicked, this, &BenchPage::open_other);
  connect(&process_, &QProcess::readyReadStandardError, this,
          [this] { log_->appendPlainText(QString::fromUtf8(process_.readAllStandardError()).trimmed()); });
  connect(&process_, &QProcess::finished, this, [this](int code) { ended(code); });
}

BenchPage::~BenchPage() {
  process_.disconnect(this);
  process_.kill();
  process_.waitForFinished(1000);
}

void BenchPage::start() {
  const QString program = bench_program();
  log_->clear();
  if (program.isEmpty()) return log_->appendPlainText(tr("The program “pumice” does not lie beside this one."));
  QStringList arguments = {QStringLiteral("bench"), QStringLiteral("--json"), QStringLiteral("--parts"),
                           QStringLiteral("none")};
  if (!model_.isEmpty()) arguments << QStringLiteral("-m") << model_;
  start_->setEnabled(false);
  stop_->setEnabled(true);
  log_->appendPlainText(QStringLiteral("pumice ") + arguments.join(QLatin1Char(' ')));
  process_.start(program, arguments);
}

void BenchPage::ended(int code) {
  start_->setEnabled(true);
  stop_->setEnabled(false);
  log_->appendPlainText(tr("Ended with code %1.").arg(code));
  output_ = process_.readAllStandardOutput();
  const QJsonDocument report = QJsonDocument::fromJson(output_);
  keep_->setEnabled(report.isObject());
  if (report.isObject()) add(report.object(), tr("this machine, now"));
}

void BenchPage::add(const QJsonObject& report, const QString& name) {
  const QString device = report[QStringLiteral("device")].toObject()[QStringLiteral("name")].toString();
  const QString model = report[QStringLiteral("model")].toObject()[QStringLiteral("name")].toString();
  const QString state = report[QStringLiteral("verification")].toObject()[QStringLiteral("state")].toString();
  auto* top = new QTreeWidgetItem({tr("%1, %2 (%3)").arg(device, model, name)});
  top->setText(5, state);
  results_->insertTopLevelItem(0, top);
  const QLocale locale;
  for (const QJsonValue& value : report[QStringLiteral("tests")].toArray()) {
    const QJsonObject test = value.toObject();
    const double first = test[QStringLiteral("ttft_ms")].toDouble();
    auto* item = new QTreeWidgetItem({test[QStringLiteral("test")].toString(),
                                      QString::number(test[QStringLiteral("tokens")].toInt()),
                                      QString::number(test[QStringLiteral("depth")].toInt()),
                                      locale.toString(test[QStringLiteral("tokens_per_second")].toDouble(), 'f', 1),
                                      first > 0 ? tr("%1 ms").arg(locale.toString(first, 'f', 0)) : QString()});
    top->addChild(item);
  }
  top->setExpanded(true);
}

void BenchPage::open_other() {
  const QString path = QFileDialog::getOpenFileName(this, tr("Compare with a file"), {}, tr("JSON (*.json)"));
  if (path.isEmpty()) return;
  QFile file(path);
  const QJsonDocument report =
      file.open(QIODevice::ReadOnly) ? QJsonDocument::fromJson(file.readAll()) : QJsonDocument();
  if (report.object()[QStringLiteral("format")].toString().startsWith(QStringLiteral("pumice-bench/")))
    add(report.object(), QFileInfo(path).fileName());
  else
    log_->appendPlainText(tr("%1 is no result of “pumice bench --json”.").arg(path));
}

void BenchPage::keep() {
  const QString path =
      QFileDialog::getSaveFileName(this, tr("Keep the result"), QStringLiteral("bench.json"), tr("JSON (*.json)"));
  if (path.isEmpty()) return;
  QSaveFile file(path);
  if (!file.open(QIODevice::WriteOnly) || file.write(output_) != output_.size() || !file.commit())
    log_->appendPlainText(tr("%1 cannot be written: %2").arg(path, file.errorString()));
}

}  // namespace pumice_chat
