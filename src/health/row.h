/* SPDX-License-Identifier: BSD-3-Clause */
/* One row: its order, its canonical bytes and their checksum. Both ends must agree on it. */
#ifndef BATON_HEALTH_ROW_H
#define BATON_HEALTH_ROW_H

#include "baton/health.h"

/* CRC32C (RFC 3720, appendix B.4) of bytes that go on from crc; begin with 0. */
uint32_t health_crc32c(uint32_t crc, const uint8_t *bytes, size_t n);
/* CRC32C of the canonical bytes of a tidy row. */
uint32_t health_row_crc(const struct health_row *row);
/* Hash of a tidy id; its low bits say the chunk. */
uint32_t health_app_hash(const struct health_app_id *id);
/* Order of rows: <0, 0, >0; the same on every machine. */
int health_app_compare(const struct health_app_id *a, const struct health_app_id *b);
/* Clear all bytes that say nothing, so that equal means the same bytes. */
void health_app_tidy(struct health_app_id *id);
void health_row_tidy(struct health_row *row);

#endif
