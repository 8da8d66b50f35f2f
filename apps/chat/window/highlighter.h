// Colours of code: words, texts, numbers and comments of the usual languages.
#pragma once

#include <QRegularExpression>
#include <QString>
#include <QSyntaxHighlighter>
#include <vector>

namespace pumice_chat {

class Highlighter : public QSyntaxHighlighter {
 public:
  Highlighter(QTextDocument* document, const QString& language, bool dark);

 protected:
  void highlightBlock(const QString& text) override;

 private:
  struct Rule {
    QRegularExpression pattern;
    QTextCharFormat format;
  };
  std::vector<Rule> rules_;
  QString block_begin_, block_end_;  // of comments over several lines; empty: there are none
  QTextCharFormat comment_;
};

}  // namespace pumice_chat
