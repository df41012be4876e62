/* SPDX-License-Identifier: BSD-3-Clause */
#include "batonctl/show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "baton/addr.h"
#include "batonctl/client.h"

/* A page may be empty where a filter finds nothing; more of them than this is no table of ours. */
#define SHOW_MAX_PAGES 10000000

static void request_format(const struct show_thing *t, const struct options *o, json_int_t cursor, char *buf,
			   size_t size)
{
	int n = snprintf(buf, size, "%s,%" JSON_INTEGER_FORMAT, t->request, cursor);

	if (!t->keyed)
		return;
	if (o->client)
		n += snprintf(buf + n, size - (size_t)n, ",client=%.64s", o->client);
	if (o->vip)
		n += snprintf(buf + n, size - (size_t)n, ",vip=%.95s", o->vip);
	if (o->host)
		snprintf(buf + n, size - (size_t)n, ",host=%.64s", o->host);
}

static bool addr_matches(const json_t *row, const char *key, const char *wanted)
{
	const char *text = json_string_value(json_object_get(row, key));
	struct baton_addr a, b;

	if (!wanted)
		return true;
	return text && baton_addr_parse(text, &a) == 0 && baton_addr_parse(wanted, &b) == 0 && baton_addr_equal(&a, &b);
}

/* The VIP of that name, or a pool of it: "VIP/POOL". */
static bool vip_matches(const char *vip, const char *wanted)
{
	size_t n = strlen(wanted);

	return vip && !strncmp(vip, wanted, n) && (!vip[n] || vip[n] == '/');
}

static bool row_wanted(const struct show_thing *t, const struct options *o, const json_t *row)
{
	const char *vip = json_string_value(json_object_get(row, "vip"));

	if (!json_is_object(row))
		return false;
	if (t->zero_key && !o->all && json_integer_value(json_object_get(row, t->zero_key)) == 0)
		return false;
	if (t->keyed)
		return true;
	if (t->by_vip && o->vip && !vip_matches(vip, o->vip))
		return false;
	return !t->by_host || addr_matches(row, "host", o->host);
}

/* Take a page's rows; -E2BIG when the limit is reached and more were there. */
static int page_take(const struct show_thing *t, const struct options *o, json_t *page, json_t *rows)
{
	const char *name;
	json_t *row;

	json_object_foreach(json_object_get(page, "rows"), name, row) /* in the order in which they came */
	{
		if (!row_wanted(t, o, row))
			continue;
		if (o->limit && json_array_size(rows) >= o->limit)
			return -E2BIG;
		if (json_array_append(rows, row) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Ask for the page at *cursor and set *cursor to the next, 0 after the last. */
static int page_fetch(int fd, const struct show_thing *t, const struct options *o, json_int_t *cursor, json_t *rows,
		      char *why)
{
	char request[512];
	json_t *page, *next;
	int err;

	request_format(t, o, *cursor, request, sizeof request);
	err = client_telemetry_request(fd, request, &page, why);
	if (err < 0)
		return err;
	next = json_object_get(page, "next");
	if (!json_is_object(json_object_get(page, "rows")) || !json_is_integer(next)) {
		snprintf(why, BATONCTL_WHY_SIZE, "%s: batond's reply has not the expected form", t->request);
		json_decref(page);
		return -EPROTO;
	}
	*cursor = json_integer_value(next);
	err = page_take(t, o, page, rows);
	if (err == -ENOMEM)
		snprintf(why, BATONCTL_WHY_SIZE, "%s", strerror(ENOMEM));
	json_decref(page);
	return err;
}

int show_fetch(int fd, const struct show_thing *t, const struct options *o, json_t **ret, bool *ret_more, char *why)
{
	json_t *rows = json_array();
	json_int_t cursor = 0;
	unsigned pages = 0;
	int err;

	do {
		err = page_fetch(fd, t, o, &cursor, rows, why);
	} while (!err && cursor && ++pages < SHOW_MAX_PAGES);
	if (err && err != -E2BIG) {
		json_decref(rows);
		return err;
	}
	*ret = rows;
	*ret_more = err == -E2BIG;
	return 0;
}

static int filters_check(const struct show_thing *t, const struct options *o)
{
	const char *bad = NULL;

	if (o->client && !t->by_client)
		bad = "--client";
	else if (o->vip && !t->by_vip)
		bad = "--vip";
	else if (o->host && !t->by_host)
		bad = "--host";
	else if (o->count && strcmp(t->name, "routes"))
		bad = "--count";
	if (!bad)
		return 0;
	fprintf(stderr, "batonctl: show %s: %s has no meaning here\n", t->name, bad);
	return -EINVAL;
}

static int rows_print(const struct show_thing *t, const struct options *o, const json_t *rows, bool more)
{
	if (o->json) {
		json_dumpf(rows, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		table_print(stdout, t->columns, rows, NULL, 0);
	}
	fflush(stdout); /* what follows on the other stream follows on the screen too */
	if (more)
		fprintf(stderr, "batonctl: there are more; --limit 0 shows all\n");
	return !ferror(stdout) ? BATONCTL_OK : BATONCTL_NEGATIVE;
}

static int thing_show(const struct show_thing *t, const struct options *o)
{
	char why[BATONCTL_WHY_SIZE] = "", *run_dir = NULL;
	json_t *rows = NULL;
	bool more = false;
	int fd = -1, err = options_run_dir(o, &run_dir, why), code = BATONCTL_UNREACHABLE;

	if (!err)
		fd = client_telemetry_open(run_dir, why);
	if (fd >= 0)
		err = show_fetch(fd, t, o, &rows, &more, why);
	if (rows)
		code = rows_print(t, o, rows, more);
	else
		fprintf(stderr, "batonctl: %s\n", why);
	json_decref(rows);
	if (fd >= 0)
		close(fd);
	free(run_dir);
	return code;
}

int show_command(const struct options *o)
{
	const struct show_thing *t;

	if (o->n_words != 1) {
		fprintf(stderr, "batonctl: show needs one word: what to show (batonctl help show)\n");
		return BATONCTL_USAGE;
	}
	t = show_find(o->words[0], false);
	if (!t)
		return batonctl_unknown("thing to show", o->words[0], show_names());
	if (filters_check(t, o) < 0)
		return BATONCTL_USAGE;
	return thing_show(show_find(o->words[0], o->count), o);
}
