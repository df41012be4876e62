/* SPDX-License-Identifier: BSD-3-Clause */
#include "batond/overrides.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

struct overrides {
	char path[256], aside[256]; /* the file, and where it is written first */
	unsigned n;
	struct override list[OVERRIDES_MAX];
};

static const struct override *overrides_exact(const struct overrides *o, const struct baton_addr *host, uint16_t port)
{
	for (unsigned i = 0; i < o->n; i++)
		if (o->list[i].port == port && baton_addr_equal(&o->list[i].host, host))
			return &o->list[i];
	return NULL;
}

/* Line by line "address port since reason", written aside and renamed. */
static int overrides_write(const struct overrides *o)
{
	char host[BATON_ADDR_TEXT_MAX];
	FILE *f = fopen(o->aside, "we");
	bool good = true;

	if (!f)
		return -errno;
	for (unsigned i = 0; i < o->n && good; i++)
		good = fprintf(f, "%s %u %lu %s\n", baton_addr_format(&o->list[i].host, host, sizeof host),
			       o->list[i].port, o->list[i].since_s, o->list[i].reason) > 0;
	good = fflush(f) == 0 && fsync(fileno(f)) == 0 && good;
	if (fclose(f) != 0 || !good || rename(o->aside, o->path) < 0)
		return errno ? -errno : -EIO;
	return 0;
}

static bool overrides_parse(const char *line, struct override *ret)
{
	char host[BATON_ADDR_TEXT_MAX];
	unsigned port;
	int at = 0;

	memset(ret, 0, sizeof *ret);
	if (sscanf(line, "%63s %u %lu %n", host, &port, &ret->since_s, &at) < 3 || !at || port > UINT16_MAX)
		return false;
	ret->port = (uint16_t)port;
	snprintf(ret->reason, sizeof ret->reason, "%.*s", (int)strcspn(line + at, "\n"), line + at);
	return baton_addr_parse(host, &ret->host) == 0;
}

static void overrides_read(struct overrides *o, unsigned *ret_n_bad)
{
	FILE *f = fopen(o->path, "re");
	char line[512];

	if (!f)
		return; /* none yet */
	while (fgets(line, sizeof line, f) && o->n < OVERRIDES_MAX) {
		if (overrides_parse(line, &o->list[o->n]))
			o->n++;
		else
			++*ret_n_bad;
	}
	fclose(f);
}

struct overrides *overrides_open(const char *run_dir, unsigned *ret_n, unsigned *ret_n_bad)
{
	struct overrides *o = calloc(1, sizeof *o);

	if (!o)
		return NULL;
	snprintf(o->path, sizeof o->path, "%s/overrides", run_dir);
	snprintf(o->aside, sizeof o->aside, "%s/overrides.new", run_dir);
	*ret_n_bad = 0;
	overrides_read(o, ret_n_bad);
	*ret_n = o->n;
	return o;
}

void overrides_close(struct overrides *o)
{
	free(o);
}

static bool overrides_reason_fits(const char *reason)
{
	if (strlen(reason) >= OVERRIDE_REASON_MAX)
		return false;
	for (; *reason; reason++)
		if (iscntrl((unsigned char)*reason) || *reason == '"' || *reason == '\\')
			return false;
	return true;
}

int overrides_drain(struct overrides *o, const struct baton_addr *host, uint16_t port, const char *reason)
{
	const struct override *known = overrides_exact(o, host, port);
	struct override *e = known ? &o->list[known - o->list] : NULL;

	if (!overrides_reason_fits(reason))
		return -EINVAL;
	if (!e) {
		if (o->n == OVERRIDES_MAX)
			return -ENOSPC;
		e = &o->list[o->n++];
		memset(e, 0, sizeof *e);
		e->host = *host;
		e->port = port;
		e->since_s = clock_wall_ns() / CLOCK_NS_PER_S;
	}
	snprintf(e->reason, sizeof e->reason, "%s", reason);
	return overrides_write(o);
}

int overrides_undrain(struct overrides *o, const struct baton_addr *host, uint16_t port)
{
	const struct override *e = overrides_exact(o, host, port);

	if (!e)
		return -ENOENT;
	o->list[e - o->list] = o->list[o->n - 1];
	o->n--;
	return overrides_write(o);
}

const struct override *overrides_find(const struct overrides *o, const struct baton_addr *host, uint16_t port)
{
	const struct override *e = overrides_exact(o, host, port);

	return e ? e : overrides_exact(o, host, 0);
}
