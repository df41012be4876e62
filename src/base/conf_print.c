/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/conf.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_value.h"

static const char *type_name(const struct conf_key *k)
{
	static const char *const names[] = {
		[CONF_BOOL] = "boolean", [CONF_INT] = "integer",  [CONF_STRING] = "string",
		[CONF_ENUM] = "word",    [CONF_ADDR] = "address", [CONF_PREFIX] = "address/length",
		[CONF_TEXT] = "string",  [CONF_GROUP] = "group",  [CONF_LIST] = "list of groups",
	};

	return names[k->type];
}

/* What values there are, as one phrase; "" if the type says it all. */
static void range_format(const struct conf_key *k, char *buf, size_t size)
{
	long long min, max;
	size_t n = 0;

	buf[0] = 0;
	conf_value_range(k, &min, &max);
	if (k->type == CONF_INT && (min != INT_MIN || max != INT_MAX))
		n = (size_t)snprintf(buf, size, "%lld-%lld", min, max);
	else if (k->type == CONF_STRING)
		n = (size_t)snprintf(buf, size, "%lld-%lld characters", min, max);
	for (const struct conf_name *e = k->names; e && e->name && n < size; e++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", e == k->names ? "" : ", ", e->name);
	if (k->list_max && n < size)
		snprintf(buf + n, size - n, "%s%u-%u entries", n ? "; " : "", k->list_min, k->list_max);
}

static void type_format(const struct conf_key *k, char *buf, size_t size)
{
	snprintf(buf, size, k->list_max && k->type != CONF_LIST ? "list of %s" : "%s", type_name(k));
}

static const char *default_text(const struct conf_key *k)
{
	if (k->required)
		return "required";
	return k->def ? k->def : "none";
}

static void print_text(FILE *out, const struct conf_key *k, const char *path, const char *type, const char *range)
{
	fprintf(out, "%s (%s%s%s; %s)\n\t%s\n", path, type, *range ? "; " : "", range,
		k->type == CONF_GROUP ? "group" : default_text(k), k->help);
}

static void print_markdown(FILE *out, const struct conf_key *k, const char *path, const char *type, const char *range)
{
	const char *d = k->type == CONF_GROUP && !k->required ? "" : default_text(k);

	fprintf(out, "| `%s` | %s | %s | %s%s%s | %s |\n", path, type, range, k->def ? "`" : "", d, k->def ? "`" : "",
		k->help);
}

static void print_man(FILE *out, const struct conf_key *k, const char *path, const char *type, const char *range)
{
	fprintf(out, ".TP\n.B %s\n(%s%s%s; %s) %s\n", path, type, *range ? "; " : "", range, default_text(k), k->help);
}

static void print_keys(FILE *out, const struct conf_key *keys, const char *prefix, enum conf_print_format format)
{
	char path[256], type[64], range[256];

	for (const struct conf_key *k = keys; k->name; k++) {
		snprintf(path, sizeof path, "%s%s%s%s", prefix, *prefix ? "." : "", k->name, k->list_max ? "[]" : "");
		type_format(k, type, sizeof type);
		range_format(k, range, sizeof range);
		switch (format) {
		case CONF_PRINT_TEXT:
			print_text(out, k, path, type, range);
			break;
		case CONF_PRINT_MARKDOWN:
			print_markdown(out, k, path, type, range);
			break;
		case CONF_PRINT_MAN:
			print_man(out, k, path, type, range);
			break;
		}
		if (k->keys)
			print_keys(out, k->keys, path, format);
	}
}

void conf_print(FILE *out, const struct conf_key *keys, enum conf_print_format format)
{
	if (format == CONF_PRINT_MARKDOWN)
		fprintf(out, "| Key | Type | Range | Default | Meaning |\n| --- | --- | --- | --- | --- |\n");
	print_keys(out, keys, "", format);
}

static bool size_fits(const struct conf_key *k)
{
	if (k->type == CONF_INT || k->type == CONF_ENUM)
		return k->size == 1 || k->size == 2 || k->size == 4 || k->size == 8;
	if (k->type == CONF_STRING)
		return k->size == sizeof(char *);
	if (k->type == CONF_BOOL)
		return k->size == sizeof(bool);
	if (k->type == CONF_LIST)
		return k->size > 0 && k->list_max > 0 && k->keys;
	return true;
}

static bool key_fits(const struct conf_key *k)
{
	bool names = k->type != CONF_ENUM || k->names;
	bool parse = k->type != CONF_TEXT || k->parse;
	bool keys = k->type != CONF_GROUP || k->keys;
	bool def = !k->def || (!k->list_max && k->type != CONF_GROUP);

	return size_fits(k) && names && parse && keys && def && k->help;
}

int conf_keys_check(const struct conf_key *keys, const char **ret_key)
{
	for (const struct conf_key *k = keys; k->name; k++) {
		const char *inner;

		if (!key_fits(k)) {
			*ret_key = k->name;
			return -EINVAL;
		}
		if (k->keys && conf_keys_check(k->keys, &inner) < 0) {
			*ret_key = inner;
			return -EINVAL;
		}
	}
	return 0;
}

/* Levenshtein distance without regard to case, cut off at 32 bytes of either word. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[33], m = (unsigned)strnlen(a, 32), n = (unsigned)strnlen(b, 32);

	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= m; i++) {
		unsigned corner = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			unsigned swap = corner + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
			unsigned step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

			corner = row[j];
			row[j] = swap < step ? swap : step;
		}
	}
	return row[n];
}

const char *conf_nearest(const char *text, const char *const words[])
{
	unsigned len = (unsigned)strlen(text), best = len <= 3 ? 2 : 3;
	const char *near = NULL;

	for (; *words; words++) {
		unsigned d = distance(text, *words);

		if (d < best || (len >= 3 && !near && !strncmp(text, *words, len))) {
			best = d < best ? d : best;
			near = *words;
		}
	}
	return near;
}
