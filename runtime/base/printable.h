// Text from outside, made fit for a terminal, a log and a message of one line.
#pragma once

#include <string>
#include <string_view>

namespace pumice {

// Whatever could steer a terminal or hide what a text says becomes visible: control characters (C0, DEL, C1), line and
// paragraph separators, marks of writing direction as \n, \t, \xNN or \u{NNNN}, and bytes that are no UTF-8 as \xNN.
// All else stays. Pure.
std::string printable(std::string_view text);

}  // namespace pumice
