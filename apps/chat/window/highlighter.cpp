#include "chat/window/highlighter.h"

#include <QColor>

namespace pumice_chat {

namespace {

constexpr const char* kWords =
    "abstract|and|as|assert|async|auto|await|bool|boolean|break|byte|case|catch|char|class|const|constexpr|continue|"
    "crate|def|default|del|delete|do|done|double|elif|else|end|enum|esac|except|export|extends|extern|false|False|fi|"
    "final|finally|float|fn|for|foreach|from|func|function|global|go|goto|if|impl|implements|import|in|include|inline|"
    "instanceof|int|interface|is|lambda|let|local|long|loop|match|mod|module|mut|namespace|new|nil|None|not|null|"
    "nullptr|operator|or|override|package|pass|private|protected|pub|public|raise|range|ref|return|self|short|signed|"
    "sizeof|static|str|string|struct|super|switch|template|then|this|throw|throws|trait|true|True|try|type|typedef|"
    "typename|unsigned|use|using|var|virtual|void|volatile|when|where|while|with|yield";
constexpr const char* kSqlWords =
    "select|from|where|insert|into|values|update|set|delete|create|table|index|join|left|right|inner|outer|on|group|"
    "by|order|limit|and|or|not|null|as|distinct|having|union|primary|key|drop|alter|begin|commit";

bool one_of(const QString& language, const char* list) {
  return QString::fromLatin1(list).split(QLatin1Char(' ')).contains(language);
}

}  // namespace

Highlighter::Highlighter(QTextDocument* document, const QString& said, bool dark) : QSyntaxHighlighter(document) {
  const QString language = said.toLower();
  const auto coloured = [&](const char* light, const char* night) {
    QTextCharFormat format;
    format.setForeground(QColor(QLatin1String(dark ? night : light)));
    return format;
  };
  const QTextCharFormat word = coloured("#0b4fae", "#7fb4ff"), text = coloured("#0a6b2d", "#8fd6a0"),
                        number = coloured("#8a4600", "#f0b07a");
  comment_ = coloured("#6a6f76", "#98a0aa");
  if (one_of(language, "text txt plain plaintext output console")) return;
  const bool sql = language == QLatin1String("sql");
  const bool markup = one_of(language, "html xml svg");
  if (!one_of(language, "json yaml yml toml ini") && !markup)
    rules_.push_back(
        {QRegularExpression(QLatin1String("\\b(?:") + QLatin1String(sql ? kSqlWords : kWords) + QLatin1String(")\\b"),
                            sql ? QRegularExpression::CaseInsensitiveOption : QRegularExpression::NoPatternOption),
         word});
  if (markup) rules_.push_back({QRegularExpression(QLatin1String("</?[A-Za-z][\\w:-]*|/?>")), word});
  rules_.push_back(
      {QRegularExpression(QLatin1String("\\b(?:0x[0-9A-Fa-f]+|\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?)\\b")), number});
  rules_.push_back({QRegularExpression(QLatin1String("\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'")), text});
  if (one_of(language, "python py sh bash shell zsh ruby rb yaml yml toml perl r make makefile dockerfile cmake ini"))
    rules_.push_back({QRegularExpression(QLatin1String("(?:^|\\s)#.*$")), comment_});
  else if (sql || language == QLatin1String("lua"))
    rules_.push_back({QRegularExpression(QLatin1String("--.*$")), comment_});
  else if (!markup && language != QLatin1String("json"))
    rules_.push_back({QRegularExpression(QLatin1String("//.*$")), comment_});
  if (markup) {
    block_begin_ = QLatin1String("<!--");
    block_end_ = QLatin1String("-->");
  } else if (!one_of(language, "python py sh bash shell zsh ruby rb yaml yml toml json")) {
    block_begin_ = QLatin1String("/*");
    block_end_ = QLatin1String("*/");
  }
}

void Highlighter::highlightBlock(const QString& text) {
  for (const Rule& rule : rules_) {
    for (auto found = rule.pattern.globalMatch(text); found.hasNext();) {
      const QRegularExpressionMatch match = found.next();
      setFormat(static_cast<int>(match.capturedStart()), static_cast<int>(match.capturedLength()), rule.format);
    }
  }
  if (block_begin_.isEmpty()) return;
  setCurrentBlockState(0);
  qsizetype start = previousBlockState() == 1 ? 0 : text.indexOf(block_begin_);
  while (start >= 0) {
    const qsizetype end = text.indexOf(block_end_, start);
    const qsizetype length = end < 0 ? text.size() - start : end - start + block_end_.size();
    if (end < 0) setCurrentBlockState(1);
    setFormat(static_cast<int>(start), static_cast<int>(length), comment_);
    start = end < 0 ? -1 : text.indexOf(block_begin_, start + length);
  }
}

}  // namespace pumice_chat
