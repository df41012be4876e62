/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of JSON objects as an aligned text table. */
#ifndef BATON_BATONCTL_TABLE_H
#define BATON_BATONCTL_TABLE_H

#include <stdio.h>
#include <jansson.h>

#define TABLE_MAX_COLUMNS 24

enum column_kind {
	COLUMN_TEXT,    /* to the left */
	COLUMN_NUMBER,  /* to the right */
	COLUMN_COUNTER, /* to the right; its growth per second is of interest */
};

struct column {
	const char *key; /* in the row; NULL ends the table */
	const char *heading;
	enum column_kind kind;
};

/*
 * Print heading and rows (an array of objects). With before, the rows of an
 * earlier moment, counters are shown as growth per second over seconds; a row
 * is found again by its first column and the texts before its first counter.
 * What a row has not is "-"; control characters are "?".
 */
void table_print(FILE *out, const struct column *columns, const json_t *rows, const json_t *before, double seconds);

#endif
