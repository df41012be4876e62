/* SPDX-License-Identifier: BSD-3-Clause */
#include "peek/chars.h"

#define T CHAR_TOKEN
#define G CHAR_TARGET
#define V CHAR_VALUE
#define H CHAR_HOST
#define ALL (T | G | V | H)

/* clang-format off */
const uint8_t chars_classes[256] = {
	['\t'] = V, [' '] = V, ['!'] = ALL, ['"'] = G | V, ['#'] = T | V, ['$' ... '\''] = ALL,
	['(' ... ')'] = G | V | H, ['*' ... '+'] = ALL, [','] = G | V | H, ['-' ... '.'] = ALL, ['/'] = G | V,
	['0' ... '9'] = ALL, [':'] = G | V, [';'] = G | V | H, ['<'] = G | V, ['='] = G | V | H, ['>' ... '@'] = G | V,
	['A' ... 'Z'] = ALL, ['[' ... ']'] = G | V, ['^'] = T | G | V, ['_'] = ALL, ['`'] = T | G | V,
	['a' ... 'z'] = ALL, ['{'] = G | V, ['|'] = T | G | V, ['}'] = G | V, ['~'] = ALL, [0x80 ... 0xff] = G | V,
};
/* clang-format on */
