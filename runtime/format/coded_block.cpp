#include "format/coded_block.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace pumice {
namespace {

using Bytes = const uint8_t*;

// The `count` patterns of a codebook, 16 bits each: 8 digits below 3 or 4 digits below 8, the first value lowest. They
// ascend as numbers in base `base`; a character is the step to the next one, and '~' makes that step longer.
template <size_t count, uint32_t base>
constexpr std::array<uint16_t, count> patterns(std::string_view steps) {
  constexpr uint32_t kDigits = base == 3 ? 8 : 4, kDigitBits = 16 / kDigits;
  std::array<uint16_t, count> all{};
  size_t i = 0;
  int number = -1;
  for (const char c : steps) {
    if (c == '~') {
      number += '~' - ']';
      continue;
    }
    number += c - ']' + 1;
    uint32_t rest = static_cast<uint32_t>(number), digits = 0;
    for (uint32_t d = 0; d < kDigits; ++d, rest /= base) digits |= rest % base << (kDigitBits * d);
    all[i++] = static_cast<uint16_t>(digits);
  }
  return all;
}

constexpr auto kIq2Xxs = patterns<256, 3>(
    "]^^^^^^b^`^^^bb`^b^bhd^b`jzhh^n~_v^bf^b^`hf^bhb^`hjp^ft^nznb`^bh`^b^rtt~sf~~`^bfdnhb`jbhndf~kf~mbh`hp~e|~]j~~^^b"
    "nxv`~~^~i~g^brld^~md~k^~~j^bnj~cxp~~zth~k~~~w~o^bb`^bbd`f^bnnxd`tdtdfzbh~_lrf~w~~l^bn`~m~e`f~s|nb`b^~_btv~i~~`~~"
    "j^t~~d~a~efb|~w~w~~hbntz~c~sz~_`~~p^~i~~~~^~~~~~~l^bpxxhh~{~~b^b`jn~_|~]rpn~a~~l~~r~~dbhb~ir~c~u~mpf~~r~~~~~k~g~"
    "~~~j~]rz~~d~~z~~~~~~~}~k");
constexpr auto kIq2Xs = patterns<512, 3>(
    "]^^^^^^^^^^^^`^^^^^^^`^b^^^`^`^f^^^^^^^^^^b^^^`^bb`^bn^^^`^bf^b`jdp^^^^^^^`^b^^^`^^`f^bn^^^`^bf^bfdx^bj`^xt^^^^^"
    "^b`b^bbhnd^^bnxbpnb~g`f^^^^^^^`^b^^^`^bd^^bn^^^`^bf^bnh^j^^`nn~_^^^`^bf^`^hbx^bn~qhr~k^b^lhpr`~i~~^~e^^^^^^^bf^b"
    "nnf^bnbl|p~]t`^bl^~qxf|hl~w`b^frpj~uhth~a`^p^^^^^^^`^b^^^^^^b`b^bn^^^`^bf^bn`ld^b^j^~q^^^`^`^f^bnhl^bhb~gfdrb~i^"
    "bn`dd~]fpbl|~~h^^^`^bb`^bnx^b`j^~oz~m^^bfdnfndb~kb~c|rdhld~]xf^~~~gt^bnhdhp^~~~_jzlj~~fn`~g~~r~o~m~{~]d~]^^^`^bd"
    "^^bn^r^^^^`nfb~an~_^lb`^b^^jnlpz~ip~axblrf^rd~~z~]bdf`^bnjltpx~~dpp`vbb~{~a^~g~~t~c~a~w|~_^`^fd~i~ib~]`^`pxn~_~c"
    "~~~~hppf^`~kbb~q^~i^~al");
constexpr auto kIq2S = patterns<1024, 3>(
    "]^^^^^^^^^^^^`^^^^^^^`^^^^^^^`^b``^^^^^^^^`^b^^^`^^^^`^`^b^^b^b^^^`^bd^^^^^`j```dd^^^^^^^`^^^^^^^^^^^^^^^b^^^^`^"
    "`^b^^^^^^^^^`^`^^^^^^^`^b^^^`^bf^^^^`j`^`^bf^bn^^^`^^^^``^^^^^^^^`^b`dj^^b^^^`d`^`^bfdnf^d`^f~]h^^^^^^^`^^`^^^`^"
    "^^^^^^`^^``^`^b^^^^^^^^^^^^`^^^^^^^`^b^^^`^l^`^`b^b`b^l^bn^^^`^^^^`^`^^^^^^^`^b^^^`^bf^^^^^^^`^b^^^`^bf^bn`^`^bf"
    "^bnv^^^^^`^`d^^^`^bf^t^^^`^bf^blrfbnj~c^^^`^^^^``^^b^^dbd`j^^b^^bd^^b^bf^bndh`^`bt^l`^^^^`^`^b^^^`^bf^bn`^`^bf^b"
    "j`x^bnl~a`b^l^bvn^^b~urhxh^p^^^^^^^^^^^`^^^^^^^^^^^b^b`^`^b^^^`^^^^^^b^^^^^^^`^b^^^`^bf^b^^^bb`^`^bf^t^^^^^^^^^^"
    "^^`^^^^^^^`^b^^^`^bf^^^^^^^`^b^^^`^bd^^bn^^^`^bf^bnrb^`^^^^`^b^^^`^bhbn^^^`^bf^bnjj^bn~q^^^`^^^^^^^`^^^^^^^`^b^^"
    "^`^l^^^^^^^`^b^^^`^bf^bn`^`^bf^bl^x^^^^^^^`^b^^^`^bf^bn^^^`^bf^bnx^bj`~q^^^`^bf^bdfx^bn~ql~ep`^^`^^^`^b`^`^bhbn^"
    "^^`^bf^bnljbnj|d`^`^bf^bnx^bndljl~}l^b~cphv~~n~gd^^^`^`^`b^b^^^`d`b^l^`^^^^`^b^^^`^l^bl^``^^l^b~i^^^^^^^`d^^^`^b"
    "f^bn^^^`^bf^bndp^bl^~q`b^l^b~ad^tr~or^hnd^`^^^^bb^^^`^bf^bn`b^l^bd~a^bn~m`^^^`^bf^bnjj^bn~e`d|l~]^bj`~o^~]`~~~cn"
    "```db^^b~abxr~]bh`^z`^l`^bn~]jbl~~~_~ol~m~ipx^f^`~_p");
constexpr auto kIq1 = patterns<2048, 3>(
    "]^^^^^_a^`^ab^^da^`^aa^`^`]b^^^]ab`^`^`^^^]cb^^da^`^aa^`^abba`^^`^^__^^`^g^^dbbb``]kbbb^]]d^^d^``]]^]]^^^^^^^e_^"
    "^^^]]^j`h^b^^^_]`^bb^`g^`^aa^`^ab`da^`^aa^`^ab^`a]bd]_b^`h^^^ba^`^aa^`^abb__a^^^^aa^`^f]^`a]b^b`^`^]_h^^a_b^^^^^"
    "^^`^`b`]]]]]]^^`dd^b^l^^daa^`^^^`^db^^db`^a]^]_`a_]]^^^]]^`^^b`^_]^]]^^]_`^`^^]]^^^^^^^^]]a]]]]^]^^]]^^^]]^^]]^]"
    "]^]]^^b^]]d]]^^``^]]^^^_]]]_^]^]]b__^d`h`db^^^^`^^]]^^^bb^fj^^`^_c]]^`^]]^]]``d_]^^``^ecc^c^^^^^^``^bb`_f^`^aa^^"
    "^^abb__a^`^aa^^^^ab^`bc]`b^^^^]]daa^bba^^_a^`^ab`^bba^^_a^`^ad^^bd]]^`^^^bdb^`__hbbb^`^`^]_`^^f^_]^^^^^^ba^abbbb"
    "a]ba^`df^`^aa^`^ab^fa^`^f^`^d_^`bf^`^b^^^baa^a]a^`^f^`^ab`^ba^`^aa^`^ab`dh`^^^^^^l`_``]^^^`^]]^^`^b^^^^]]^]a^^^^"
    "^`^^a]]gb^^dbf^```eafbh_eb^^^^]]a]^^^^`^^^^a]b_]^`^^]]^^``^^]]^^]^]]]]_^]]^`]]^`^]]^]a^^^__a]^^^^`^^^^_]]^]^`^^`"
    "_``]b^^db_`aca^`^`^^^bb^^^bb_]_]_]^`^^```^]]]]^^^^]_b^`^]]`^^^ll^^b^^``jfb^]]^`^`^^`^`^`^]]^b^d^b^_]`^b^]]^^]]]]"
    "^`]]^^^]]^^]]]]]]]]^^]]^`^b^]]^^``^`b^`^^d^`^^]]^`^ea^^_]`e]b^]]]]__^^^^]]^]]]^]]]]]^]]]]^^b^^^]]^_^]`^]]]]^^]]]"
    "]]^]^^]]^^]]]]]]]^]]]]]]]]]]^]]]]]^^]_]]]^]]]]_^]]^^]]]^]]_^]^]^]]]]]]]__]]]]]]]]]]]]]^^]_`^]]]]^_`_^]]]a]]^^`^`"
    "ca^^^^]]]]^^]]ca^^^^`b_]^`^^]]^bb^]]^^]]]]]]]]^^]]^____^]]]]bd_c`]`]^b^]__]]]`^^^^c_^]]^^hd^^bdb`]]^^^^^_idb^^^`"
    "^b]_^b___]^b]_`a_^b`^h`^g]`d]]_ib`dk]^]_^`^^^^^^^^]]^]]^^d]_^^]]]]^^^`b^^^_]^j]]^^]^]]^_^]]^c^]^_]^]_^]]aabaa]]^"
    "`^^^^]]]^]`^_^^``^]]^_^_k^bbf^`^bbbada^b`b^^^^]_]]`^]]^^``_]aab^]_h`]i^`^`^^`]_cc_^b`^`^f^`^aa]^^^ba^`^aa^`^ab^^"
    "^bb^`^^^]]]a^^b_a^^ba^`^aa^`^g^`ba^`^aa^`^i`h^c_`^^`j`hb`^`b^^]_^`^]]^]a]]^^^^^^^^^dj`^bb^`]]`_]^`_abc`b^`^aa^`^"
    "^_b^`b_^^`^aa^`^a]a^^db^^^^^^`^^ff^ba^`^aa^`^ab^^i^`^aa^`^ab`]]bb`^b^^d]ab^^^bb^^^^`^^^^^^^`a]^]]^`^d^b^^`^^^bb^"
    "`bd^^^^^^d^bd^g_^^``^d`d^^]]]]^]]^d^b]]^`b^`^^]]^]]^___]^^]]^^]]]]]]]]^^]]^__^`]]]]^]]^^^^^^b`_^a^b^]_]^]^b^a]`]"
    "_]]d^^bf^bb``^^]_`]eb`^bd^^^^^^^]]^^`^^^^^^]]^`^]_^^b^^`^`deed^^^`^`hb^]]i^`^aa^`^ab^^^g^`^aa^`^a__^^^]k^__^^^^f"
    "a^_^i`^]c``^ab`^ba^`^aa^`^mbb^b_]^^^_]]]bx^^^^^d^`^b^]]^b`^^]]^`^^lb`_^_d^__^]]_^h``]^_^^`^`^f^`^g^^^g^`^aa^`^ad"
    "`__bd``^`^gai^`^f^`^g^^i^`^aa^`^");
constexpr auto kIq3Xxs = patterns<256, 8>(
    "]^^a^`]^ceu^`^a^c`_^cghd^^ac^c^`fbj`b]^g~^opagh^`bol~nsp`^qjl^a^c^a^^g]t^cc^~j^a^cc~]b^jeilg`~^~c`noh~~gj|^c^a^`"
    "_e{^^_^ccw`]d^cb]^i]ipc`~g`}jtpfw~~_^gsxc^c^qiab^jeg^w^aiqlkn~xkobbhw{nq~cqpgj^h`~~gpk]lbmz{~`g}jq~~g_^j~mssdbls"
    "{j|d~dyg`~^ds~~i~gj~ml^jy|z~`~_b~~`}~`~l~cj~m^^]nl~gf~ewarijq}l{^n~~^");
constexpr auto kIq3S = patterns<512, 8>(
    "]]]_^]]]^^^]`ba^_^^^a^c__]]]^`]`__`^`ci`ab]`^]___`_`b_^^^i_db`_^c^_b`^i^`_g`^_bb_bkf^h^`ab`^kag_^jmkc^^h^`ai`p]]"
    "^`]^^^]^c_^j^_eb]^_^`ac_bc^jb^f_^]`bb_f_fc__]_bb]`ambg^a^i^c`^`qc_bc^k~b`_i^w^a^ch`mbd]^^^]^^^_^`]^c^^_^i]_^_^b_"
    "`__`_bct__f^ac^f`f_`^_`e^a^cbjgbe_c_`u_caei]gid^afx`p`i^gavc^^^_c^^a^_^fbd^^ca^ilf`^fbf^huc`a^`]e^`bjdba`cmb`ic^"
    "gaffioo|^i^g~^`bb`__cclfa^^cbabb`p^aa`fak_bha^a^c`~^^ng]uh^f}umptaggbub`bj`__hba^^ace|befabisa]kiahbb_hfh~_ho^~r"
    "|^j~r^^h^qllcyrnbgabdhak~pjkj_upqw~d^~p`_e^h^hblcgk^x_`b_cmut_jr`bat~el|s~b");

template <typename T>
T load(Bytes at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

// Seven signs; the eighth makes the number of minus signs even.
uint32_t eight_signs(uint32_t seven) {
  seven &= 127;
  return seven | static_cast<uint32_t>(std::popcount(seven) & 1) << 7;
}

// Bit i of `signs` is set where value i is negative.
void put_eight(uint8_t* codes, uint32_t pattern, uint32_t signs) {
  for (uint32_t i = 0; i < 8; ++i) {
    const uint32_t magnitude = pattern >> (2 * i) & 3;
    codes[i] = static_cast<uint8_t>(signs >> i & 1 ? 2 - magnitude : 3 + magnitude);
  }
}

void put_four(uint8_t* codes, uint32_t pattern, uint32_t signs) {
  for (uint32_t i = 0; i < 4; ++i) {
    const uint32_t magnitude = pattern >> (4 * i) & 7;
    codes[i] = static_cast<uint8_t>(signs >> i & 1 ? 7 - magnitude : 8 + magnitude);
  }
}

// Values -1, 0 and 1, all an eighth more, or less where `less`.
void put_ternary(uint8_t* codes, uint32_t pattern, bool less) {
  for (uint32_t i = 0; i < 8; ++i) codes[i] = static_cast<uint8_t>(3 * (pattern >> (2 * i) & 3) + (less ? 0 : 1));
}

// Factors of the two halves of unit u from scales of a few bits.
void put_factors(CodedBlock& block, uint32_t u, uint32_t first, uint32_t second) {
  block.factors[2 * u] = static_cast<int8_t>(2 * first + 1);
  block.factors[2 * u + 1] = static_cast<int8_t>(2 * second + 1);
}

}  // namespace

// d; 64 bytes of indices, one for 4 values; a byte of their ninth bits for each unit of 32 values; 32 bytes of signs; a
// nibble of scale for each unit.
CodedBlock read_iq3_s(Bytes b) {
  CodedBlock block{.d = load<uint16_t>(b)};
  for (uint32_t u = 0; u < 8; ++u) {
    const uint32_t scale = b[106 + u / 2] >> (u % 2 * 4) & 15;
    put_factors(block, u, scale, scale);
    for (uint32_t i = 0; i < 8; ++i) {
      const uint32_t index = b[2 + 8 * u + i] | (b[66 + u] >> i & 1u) << 8;
      put_four(block.codes + 32 * u + 4 * i, kIq3S[index], b[74 + 4 * u + i / 2] >> (i % 2 * 4));
    }
  }
  return block;
}

// d; 64 bytes of indices, one for 4 values; for each unit a word of 4 times 7 signs and, at its top, 4 bits of scale.
CodedBlock read_iq3_xxs(Bytes b) {
  CodedBlock block{.d = load<uint16_t>(b)};
  for (uint32_t u = 0; u < 8; ++u) {
    const uint32_t word = load<uint32_t>(b + 66 + 4 * u);
    put_factors(block, u, word >> 28, word >> 28);
    for (uint32_t i = 0; i < 8; ++i) {
      const uint32_t signs = eight_signs(word >> (i / 2 * 7)) >> (i % 2 * 4);
      put_four(block.codes + 32 * u + 4 * i, kIq3Xxs[b[2 + 8 * u + i]], signs);
    }
  }
  return block;
}

// d; 32 bytes of indices, one for 8 values; 32 bytes of signs; a byte of two upper bits of the indices for each unit; a
// byte of two scales for each unit.
CodedBlock read_iq2_s(Bytes b) {
  CodedBlock block{.d = load<uint16_t>(b)};
  for (uint32_t u = 0; u < 8; ++u) {
    put_factors(block, u, b[74 + u] & 15u, b[74 + u] >> 4);
    for (uint32_t i = 0; i < 4; ++i) {
      const uint32_t index = b[2 + 4 * u + i] | (b[66 + u] >> (2 * i) & 3u) << 8;
      put_eight(block.codes + 32 * u + 8 * i, kIq2S[index], b[34 + 4 * u + i]);
    }
  }
  return block;
}

// d; for 8 values each 9 bits of index and 7 signs; a byte of two scales for each unit.
CodedBlock read_iq2_xs(Bytes b) {
  CodedBlock block{.d = load<uint16_t>(b)};
  for (uint32_t u = 0; u < 8; ++u) {
    put_factors(block, u, b[66 + u] & 15u, b[66 + u] >> 4);
    for (uint32_t i = 0; i < 4; ++i) {
      const uint32_t word = load<uint16_t>(b + 2 + 8 * u + 2 * i);
      put_eight(block.codes + 32 * u + 8 * i, kIq2Xs[word & 511], eight_signs(word >> 9));
    }
  }
  return block;
}

// d; for each unit 4 bytes of indices, and a word of signs and scale as in IQ3_XXS.
CodedBlock read_iq2_xxs(Bytes b) {
  CodedBlock block{.d = load<uint16_t>(b)};
  for (uint32_t u = 0; u < 8; ++u) {
    const uint32_t word = load<uint32_t>(b + 6 + 8 * u);
    put_factors(block, u, word >> 28, word >> 28);
    for (uint32_t i = 0; i < 4; ++i)
      put_eight(block.codes + 32 * u + 8 * i, kIq2Xxs[b[2 + 8 * u + i]], eight_signs(word >> (7 * i)));
  }
  return block;
}

// 32 bytes of indices, one for 8 values; for each of them a nibble of three upper bits and, above, the sign of an
// eighth; four words of four scales of 3 bits, whose top nibbles together are d.
CodedBlock read_iq1_m(Bytes b) {
  CodedBlock block;
  uint32_t d = 0;
  for (uint32_t w = 0; w < 4; ++w) d |= static_cast<uint32_t>(b[49 + 2 * w] >> 4) << (4 * w);
  block.d = static_cast<uint16_t>(d);
  for (uint32_t u = 0; u < 8; ++u) {
    const uint32_t scales = static_cast<uint32_t>(load<uint16_t>(b + 48 + u / 2 * 2)) >> (u % 2 * 6);
    put_factors(block, u, scales & 7, scales >> 3 & 7);
    for (uint32_t i = 0; i < 4; ++i) {
      const uint32_t upper = b[32 + 2 * u + i / 2] >> (i % 2 * 4) & 15u;
      put_ternary(block.codes + 32 * u + 8 * i, kIq1[b[4 * u + i] | (upper & 7) << 8], upper >= 8);
    }
  }
  return block;
}

// d; 32 bytes of indices, one for 8 values; for each unit 4 times three upper bits, 3 bits of scale and the sign of an
// eighth.
CodedBlock read_iq1_s(Bytes b) {
  CodedBlock block{.d = load<uint16_t>(b)};
  for (uint32_t u = 0; u < 8; ++u) {
    const uint32_t word = load<uint16_t>(b + 34 + 2 * u);
    put_factors(block, u, word >> 12 & 7, word >> 12 & 7);
    for (uint32_t i = 0; i < 4; ++i)
      put_ternary(block.codes + 32 * u + 8 * i, kIq1[b[2 + 4 * u + i] | (word >> (3 * i) & 7) << 8], word >> 15 != 0);
  }
  return block;
}

// 52 bytes of digits in base 3 and d. A byte is its digits as a fraction of 256, rounded up, so that a multiplication
// by 3 brings the next digit above it. Digit n of bytes 0 to 31 are values 32 n to 32 n + 31, of bytes 32 to 47 values
// 160 + 16 n and following, and of the last four, which have four digits, values 240 + 4 n and following.
CodedBlock read_tq1_0(Bytes b) {
  CodedBlock block{.d = load<uint16_t>(b + 52)};
  std::fill(std::begin(block.factors), std::end(block.factors), int8_t{1});
  uint8_t* to = block.codes;
  const auto put = [&](uint32_t first, uint32_t count, uint32_t digits) {
    for (uint32_t i = 0; i < count; ++i) {
      uint32_t rest = b[first + i];
      for (uint32_t n = 0; n < digits; ++n, rest = rest * 3 & 255)
        to[n * count + i] = static_cast<uint8_t>(rest * 3 >> 8);
    }
    to += count * digits;
  };
  put(0, 32, 5);
  put(32, 16, 5);
  put(48, 4, 4);
  return block;
}

}  // namespace pumice
