/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers at any place in a packet: as they stand in memory, or from and to network order. */
#ifndef BATON_BASE_BYTES_H
#define BATON_BASE_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* In line whatever the optimizer thinks: the packet path reads its headers by these. */
#define BYTES_INLINE static inline __attribute__((always_inline))

BYTES_INLINE uint16_t bytes_load16(const void *p)
{
	uint16_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

BYTES_INLINE uint32_t bytes_load32(const void *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

BYTES_INLINE uint64_t bytes_load64(const void *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

BYTES_INLINE uint16_t bytes_load16_be(const void *p)
{
	return be16toh(bytes_load16(p));
}

BYTES_INLINE uint32_t bytes_load32_be(const void *p)
{
	return be32toh(bytes_load32(p));
}

BYTES_INLINE void bytes_store16_be(void *p, uint16_t v)
{
	uint16_t be = htobe16(v);

	memcpy(p, &be, sizeof be);
}

BYTES_INLINE void bytes_store32_be(void *p, uint32_t v)
{
	uint32_t be = htobe32(v);

	memcpy(p, &be, sizeof be);
}

#endif
