// The prompt of a pair: what a user wrote is neither a place nor a control token.
#include "text/pair_form.h"

#include <gtest/gtest.h>

namespace pumice::test::pair_form_test {

TEST(PairForm, PlacesAreFilledOnceAndTheFormIsTrusted) {
  const FilledForm filled = fill_pair_form("<q>{query}</q>{document}!{query}", "{document}", "<q>");
  EXPECT_EQ(filled.text, "<q>{document}</q><q>!{document}");
  EXPECT_EQ(filled.trusted, (std::vector<ByteRange>{{0, 3}, {13, 17}, {20, 21}}));
}

TEST(PairForm, FormsWithoutPlacesAndEmptyTexts) {
  EXPECT_EQ(fill_pair_form("", "a", "b").text, "");
  EXPECT_EQ(fill_pair_form("{query}", "", "b").text, "");
  EXPECT_TRUE(fill_pair_form("{query}{document}", "a", "b").trusted.empty());
  EXPECT_EQ(fill_pair_form("plain {quer}", "a", "b").text, "plain {quer}");
}

}  // namespace pumice::test::pair_form_test
