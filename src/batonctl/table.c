/* SPDX-License-Identifier: BSD-3-Clause */
#include "batonctl/table.h"

#include <stdbool.h>
#include <string.h>

#define CELL_MAX 128

struct table {
	const struct column *columns;
	const json_t *before;
	double seconds;
	int width[TABLE_MAX_COLUMNS];
};

static void text_copy(char *cell, const char *text)
{
	size_t n = strnlen(text, CELL_MAX - 1);

	for (size_t i = 0; i < n; i++)
		cell[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
	cell[n] = 0;
}

static void value_format(const json_t *v, char *cell)
{
	if (json_is_string(v) && *json_string_value(v))
		text_copy(cell, json_string_value(v));
	else if (json_is_integer(v))
		snprintf(cell, CELL_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		snprintf(cell, CELL_MAX, "%.1f", json_real_value(v));
	else if (json_is_boolean(v))
		snprintf(cell, CELL_MAX, "%s", json_is_true(v) ? "yes" : "no");
	else
		snprintf(cell, CELL_MAX, "-");
}

/* The same row at the earlier moment, or NULL. */
static const json_t *row_before(const struct table *t, const json_t *row)
{
	const json_t *old;
	size_t i;

	json_array_foreach(t->before, i, old)
	{
		bool same = true;

		for (const struct column *c = t->columns; same && c->key && c->kind != COLUMN_COUNTER; c++)
			if (c->kind == COLUMN_TEXT || c == t->columns)
				same = json_equal(json_object_get(row, c->key), json_object_get(old, c->key));
		if (same)
			return old;
	}
	return NULL;
}

static void cell_format(const struct table *t, const struct column *c, const json_t *row, char *cell)
{
	const json_t *now = json_object_get(row, c->key), *old;
	double growth;

	if (!t->before || c->kind != COLUMN_COUNTER) {
		value_format(now, cell);
		return;
	}
	old = json_object_get(row_before(t, row), c->key);
	if (!json_is_integer(now) || !json_is_integer(old) || t->seconds <= 0) {
		snprintf(cell, CELL_MAX, "-");
		return;
	}
	growth = (double)(json_integer_value(now) - json_integer_value(old)) / t->seconds;
	snprintf(cell, CELL_MAX, "%.0f", growth < 0 ? 0 : growth); /* batond restarted: counters began anew */
}

static void heading_format(const struct table *t, const struct column *c, char *cell)
{
	snprintf(cell, CELL_MAX, "%s%s", c->heading, t->before && c->kind == COLUMN_COUNTER ? "/s" : "");
}

static void cell_print(FILE *out, const struct table *t, unsigned i, const char *cell)
{
	const struct column *c = &t->columns[i];

	if (c->kind != COLUMN_TEXT)
		fprintf(out, "%*s", t->width[i], cell);
	else if (c[1].key)
		fprintf(out, "%-*s", t->width[i], cell);
	else
		fputs(cell, out);
	fputs(c[1].key ? "  " : "\n", out);
}

static void widen(struct table *t, unsigned i, const char *cell)
{
	int n = (int)strlen(cell);

	if (n > t->width[i])
		t->width[i] = n;
}

void table_print(FILE *out, const struct column *columns, const json_t *rows, const json_t *before, double seconds)
{
	struct table t = { .columns = columns, .before = before, .seconds = seconds };
	char cell[CELL_MAX];
	const json_t *row;
	size_t r;

	for (unsigned i = 0; columns[i].key; i++) {
		heading_format(&t, &columns[i], cell);
		widen(&t, i, cell);
		json_array_foreach(rows, r, row)
		{
			cell_format(&t, &columns[i], row, cell);
			widen(&t, i, cell);
		}
	}
	for (unsigned i = 0; columns[i].key; i++) {
		heading_format(&t, &columns[i], cell);
		cell_print(out, &t, i, cell);
	}
	json_array_foreach(rows, r, row)
	{
		for (unsigned i = 0; columns[i].key; i++) {
			cell_format(&t, &columns[i], row, cell);
			cell_print(out, &t, i, cell);
		}
	}
}
