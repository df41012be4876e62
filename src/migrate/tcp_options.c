/* SPDX-License-Identifier: BSD-3-Clause */
#include "migrate/tcp_options.h"

#include "base/bytes.h"

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_WSCALE = 3,
	OPTION_SACK = 4,
	OPTION_TIMESTAMPS = 8,
};

#define MSS_LEN 4
#define WSCALE_LEN 3
#define SACK_LEN 2
#define TIMESTAMPS_LEN 10

/* One option whose bytes are all there; a known kind with another length is ignored. */
static void option_take(const uint8_t *p, uint8_t len, struct tcp_options *ret)
{
	if (p[0] == OPTION_MSS && len == MSS_LEN) {
		ret->mss = bytes_load16_be(p + 2);
	} else if (p[0] == OPTION_WSCALE && len == WSCALE_LEN) {
		ret->wscale = p[2] < TCP_OPTIONS_WSCALE_MAX ? p[2] : TCP_OPTIONS_WSCALE_MAX;
	} else if (p[0] == OPTION_SACK && len == SACK_LEN) {
		ret->sack = true;
	} else if (p[0] == OPTION_TIMESTAMPS && len == TIMESTAMPS_LEN) {
		ret->timestamps = true;
		ret->tsval = bytes_load32_be(p + 2);
		ret->tsecr = bytes_load32_be(p + 6);
	}
}

bool tcp_options_parse(const uint8_t *p, uint32_t len, struct tcp_options *ret)
{
	*ret = (struct tcp_options){ .wscale = TCP_OPTIONS_NO_WSCALE };
	while (len > 0 && p[0] != OPTION_END) {
		uint8_t step = 1;

		if (p[0] != OPTION_NOP) {
			if (len < 2 || p[1] < 2 || p[1] > len)
				return false;
			step = p[1];
			option_take(p, step, ret);
		}
		p += step;
		len -= step;
	}
	return true;
}

static uint8_t *add32(uint8_t *p, uint32_t v)
{
	bytes_store32_be(p, v);
	return p + sizeof v;
}

/* In the order and with the padding that Linux uses: middle boxes know it. */
uint32_t tcp_options_write(uint8_t dst[TCP_OPTIONS_MAX], const struct tcp_options *o)
{
	uint8_t *p = dst;

	if (o->mss)
		p = add32(p, (uint32_t)OPTION_MSS << 24 | MSS_LEN << 16 | o->mss);
	if (o->timestamps) {
		uint32_t filler = (uint32_t)OPTION_NOP << 24 | OPTION_NOP << 16;

		if (o->sack)
			filler = (uint32_t)OPTION_SACK << 24 | SACK_LEN << 16;
		p = add32(p, filler | OPTION_TIMESTAMPS << 8 | TIMESTAMPS_LEN);
		p = add32(p, o->tsval);
		p = add32(p, o->tsecr);
	} else if (o->sack) {
		p = add32(p, (uint32_t)OPTION_NOP << 24 | OPTION_NOP << 16 | OPTION_SACK << 8 | SACK_LEN);
	}
	if (o->wscale != TCP_OPTIONS_NO_WSCALE)
		p = add32(p, (uint32_t)OPTION_NOP << 24 | OPTION_WSCALE << 16 | WSCALE_LEN << 8 | o->wscale);
	return (uint32_t)(p - dst);
}
