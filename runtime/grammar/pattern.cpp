#include "grammar/pattern.h"

#include <vector>

#include "grammar/pattern_class.h"

namespace pumice::grammar {
namespace {

constexpr int kMaxPatternDepth = 100;
constexpr size_t kMaxPatternBytes = 64 << 10;

// What a part matches, apart by whether it asserts the text's start and its end.
struct Edged {
  ExprId at[2][2] = {{kNever, kNever}, {kNever, kNever}};  // [start][end]
  bool looks_ahead = false;                                // at[.][1] reaches to the end because of a lookahead

  bool anchored() const { return at[0][1] != kNever || at[1][0] != kNever || at[1][1] != kNever; }
  static Edged plain(ExprId expr) {
    Edged part;
    part.at[0][0] = expr;
    return part;
  }
};

class PatternParser {
 public:
  PatternParser(Characters& characters, std::string_view text, Match match)
      : characters_(characters), arena_(characters.arena()), cursor_(text), match_(match) {}

  Result<ExprId> whole() {
    PUMICE_ASSIGN(const Edged all, alternatives(0));
    if (!cursor_.done()) return wrong("a ) without its (");
    // What matches the empty text is found in every text.
    if (match_ == Match::kSearch && arena_.nullable(all.at[0][0])) return characters_.any_text();
    const ExprId rest = match_ == Match::kSearch ? characters_.any_text() : kEmptyText;
    return arena_.any_of({arena_.concat({rest, all.at[0][0], rest}), arena_.concat(all.at[1][0], rest),
                          arena_.concat(rest, all.at[0][1]), all.at[1][1]});
  }

 private:
  struct Part {
    Edged matched;
    enum class Look : uint8_t { kNo, kAhead, kNotAhead } look = Look::kNo;
  };

  Error wrong(const char* what) const { return pattern_error(Status::kMalformed, cursor_, what); }
  Error refused(const char* what) const { return pattern_error(Status::kUnsupported, cursor_, what); }

  Result<Edged> alternatives(int depth) {
    if (depth > kMaxPatternDepth) return refused("groups are nested deeper than the limit");
    std::vector<ExprId> at[2][2];
    Edged result;
    do {
      PUMICE_ASSIGN(const Edged one, sequence(depth));
      result.looks_ahead |= one.looks_ahead;
      for (int start = 0; start < 2; ++start)
        for (int end = 0; end < 2; ++end) at[start][end].push_back(one.at[start][end]);
    } while (cursor_.take("|"));
    for (int start = 0; start < 2; ++start)
      for (int end = 0; end < 2; ++end) result.at[start][end] = arena_.any_of(std::move(at[start][end]));
    return result;
  }

  Result<Edged> sequence(int depth) {
    std::vector<Part> parts;
    while (!cursor_.done() && cursor_.peek() != '|' && cursor_.peek() != ')') {
      PUMICE_ASSIGN(Part part, atom(depth));
      if (part.look == Part::Look::kNo) {
        PUMICE_ASSIGN(part.matched, quantified(part.matched));
      }
      parts.push_back(part);
    }
    Edged all = Edged::plain(kEmptyText);
    for (size_t i = parts.size(); i-- > 0;) {
      const Part& part = parts[i];
      if (part.look != Part::Look::kNo) {
        PUMICE_ASSIGN(all, looking(part, all));
      } else if (part.matched.looks_ahead && i + 1 < parts.size()) {
        return refused("something follows a group with a lookahead in it");
      } else {
        all = joined(part.matched, all);
      }
    }
    return all;
  }

  Edged joined(const Edged& left, const Edged& right) {
    Edged result;
    result.looks_ahead = left.looks_ahead || right.looks_ahead;
    const bool left_empty = arena_.nullable(left.at[0][0]) || arena_.nullable(left.at[1][0]);
    const bool right_empty = arena_.nullable(right.at[0][0]) || arena_.nullable(right.at[0][1]);
    for (int start = 0; start < 2; ++start)
      for (int end = 0; end < 2; ++end) {
        std::vector<ExprId> parts = {arena_.concat(left.at[start][0], right.at[0][end])};
        if (start == 1 && left_empty) parts.push_back(right.at[1][end]);
        if (end == 1 && right_empty) parts.push_back(left.at[start][1]);
        result.at[start][end] = arena_.any_of(std::move(parts));
      }
    const bool ends = arena_.nullable(left.at[0][1]) || arena_.nullable(left.at[1][1]);
    const bool begins = arena_.nullable(right.at[1][0]) || arena_.nullable(right.at[1][1]);
    if (ends && begins) result.at[1][1] = arena_.optional(result.at[1][1]);  // $^: only the empty text
    return result;
  }

  // The lookahead speaks of all that follows, so what follows is taken to the end of the text.
  Result<Edged> looking(const Part& part, const Edged& right) {
    const Edged& seen = part.matched;
    if (seen.at[1][0] != kNever || seen.at[1][1] != kNever) return refused("^ in a lookahead");
    const ExprId any = characters_.any_text(), rest = match_ == Match::kSearch ? any : kEmptyText;
    ExprId condition = arena_.any_of({arena_.concat(seen.at[0][0], any), seen.at[0][1]});
    if (part.look == Part::Look::kNotAhead) condition = arena_.complement(condition);
    Edged result;
    result.looks_ahead = true;
    for (int start = 0; start < 2; ++start) {
      const ExprId to_end = arena_.any_of({arena_.concat(right.at[start][0], rest), right.at[start][1]});
      result.at[start][1] = arena_.all_of({to_end, condition});
    }
    return result;
  }

  Result<Part> atom(int depth) {
    Part part;
    if (cursor_.take("^")) {
      part.matched.at[1][0] = kEmptyText;
    } else if (cursor_.take("$")) {
      part.matched.at[0][1] = kEmptyText;
    } else if (cursor_.take("(")) {
      PUMICE_TRY(group(part, depth));
    } else {
      PUMICE_ASSIGN(const CharSet set, character());
      part.matched = Edged::plain(characters_.one_of(set));
    }
    return part;
  }

  Result<CharSet> character() {
    if (cursor_.take(".")) return CharSet{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}.complement();
    if (cursor_.take("[")) return bracket_class(cursor_);
    if (cursor_.peek() == '*' || cursor_.peek() == '+' || cursor_.peek() == '?') return wrong("nothing to repeat");
    if (cursor_.take("\\")) {
      if (cursor_.peek() == 'b' || cursor_.peek() == 'B') return refused("word boundaries are not supported");
      if (cursor_.peek() >= '1' && cursor_.peek() <= '9') return refused("back references are not supported");
      return escape(cursor_, false);
    }
    CharSet set;
    set.add(cursor_.take_character());
    return set;
  }

  Result<void> group(Part& part, int depth) {
    if (cursor_.take("?")) {
      if (cursor_.take("=")) {
        part.look = Part::Look::kAhead;
      } else if (cursor_.take("!")) {
        part.look = Part::Look::kNotAhead;
      } else if (cursor_.take("<=") || cursor_.take("<!")) {
        return refused("lookbehind is not supported");
      } else if (cursor_.take("<") || cursor_.take("P<")) {
        while (!cursor_.done() && cursor_.peek() != '>') cursor_.take_character();
        if (!cursor_.take(">")) return wrong("a group's name is not closed by >");
      } else if (!cursor_.take(":")) {
        return refused("this kind of group is not supported");
      }
    }
    PUMICE_ASSIGN(part.matched, alternatives(depth + 1));
    if (!cursor_.take(")")) return wrong("a group is not closed by )");
    const char next = cursor_.peek();
    if (part.look != Part::Look::kNo && (next == '*' || next == '+' || next == '?'))
      return refused("a lookahead is repeated");
    if (part.look != Part::Look::kNo && part.matched.looks_ahead) return refused("a lookahead inside a lookahead");
    return {};
  }

  // {n}, {n,} or {n,m}; anything else is text.
  bool take_bounds(uint32_t& min, uint32_t& max) {
    const size_t back = cursor_.at();
    if (cursor_.take("{")) {
      const auto low = cursor_.take_number();
      if (low) {
        min = max = *low;
        if (cursor_.take(",")) max = cursor_.take_number().value_or(kUnbounded);
        if (cursor_.take("}")) return true;
      }
    }
    cursor_.back_to(back);
    return false;
  }

  Result<Edged> quantified(Edged part) {
    uint32_t min = 1, max = 1;
    if (cursor_.take("*")) {
      min = 0, max = kUnbounded;
    } else if (cursor_.take("+")) {
      max = kUnbounded;
    } else if (cursor_.take("?")) {
      min = 0;
    } else if (!take_bounds(min, max)) {
      return part;
    }
    cursor_.take("?");
    if (cursor_.peek() == '*' || cursor_.peek() == '+' || cursor_.peek() == '?') return wrong("nothing to repeat");
    if (max < min) return wrong("the bounds of a repetition are the wrong way round");
    if (!part.anchored()) return Edged::plain(arena_.repeat(part.at[0][0], min, max));
    if (max > 1) return refused("an anchor or a lookahead inside a repetition");
    if (min == 0) part.at[0][0] = arena_.optional(part.at[0][0]);
    return part;
  }

  Characters& characters_;
  ExprArena& arena_;
  Cursor cursor_;
  Match match_;
};

}  // namespace

Result<ExprId> pattern(Characters& characters, std::string_view text, Match match) {
  if (text.size() > kMaxPatternBytes)
    return error(Status::kUnsupported, "a regular expression of %zu bytes is longer than the limit", text.size());
  return PatternParser(characters, text, match).whole();
}

}  // namespace pumice::grammar
