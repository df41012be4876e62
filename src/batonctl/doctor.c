/* SPDX-License-Identifier: BSD-3-Clause */
#include "batonctl/doctor.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/utsname.h>

#include "batonctl/batonctl.h"

#define DOCTOR_MAX_FINDINGS 64

void doctor_say(struct doctor *d, enum doctor_level level, const char *topic, const char *format, ...)
{
	static const char *const names[] = { "ok", "warn", "fail" };
	va_list args;

	d->n_warn += level == DOCTOR_WARN;
	d->n_fail += level == DOCTOR_FAIL;
	fprintf(d->out, "%-5s %s: ", names[level], topic);
	va_start(args, format);
	vfprintf(d->out, format, args);
	va_end(args);
	fputc('\n', d->out);
}

const char *doctor_path(const struct doctor *d, const char *path, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s", d->root, path);
	return buf;
}

int doctor_read_line(const struct doctor *d, const char *path, char *buf, size_t size)
{
	char full[512];
	FILE *f = fopen(doctor_path(d, path, full, sizeof full), "re");
	int err = 0;

	if (!f)
		return -errno;
	if (!fgets(buf, (int)size, f))
		err = -ENODATA;
	else
		buf[strcspn(buf, "\n")] = 0;
	fclose(f);
	return err;
}

int doctor_read_key(const struct doctor *d, const char *path, const char *key, char *buf, size_t size)
{
	char full[512], line[8192];
	FILE *f = fopen(doctor_path(d, path, full, sizeof full), "re");
	size_t n = strlen(key);
	int err = -ENOENT;

	if (!f)
		return -errno;
	while (err && fgets(line, sizeof line, f)) {
		const char *p = line + n;

		if (strncmp(line, key, n))
			continue;
		p += strspn(p, " \t");
		if (*p != ':' && *p != '=')
			continue;
		p += 1 + strspn(p + 1, " \t");
		snprintf(buf, size, "%.*s", (int)strcspn(p, "\n"), p);
		err = 0;
	}
	fclose(f);
	return err;
}

static void examine(struct doctor *d)
{
	doctor_cpu(d);
	doctor_kernel(d);
	doctor_hugepages(d);
	doctor_rights(d);
	doctor_ports(d);
	doctor_application(d);
	doctor_secret(d);
	doctor_run_dir(d);
}

static struct config *config_examine(struct doctor *d, const char *file)
{
	static struct config_error findings[DOCTOR_MAX_FINDINGS];
	struct config *c = NULL;
	unsigned n = 0;
	int err = config_load(file, &c, findings, DOCTOR_MAX_FINDINGS, &n);

	for (unsigned i = 0; i < n; i++)
		doctor_say(d, err ? DOCTOR_FAIL : DOCTOR_WARN, "configuration", "%s", findings[i].text);
	if (!err)
		doctor_say(d, DOCTOR_OK, "configuration", "%s: %u VIPs, %u ports, %u lcores", file, c->n_vips,
			   c->n_ports, c->n_lcores);
	return c;
}

int doctor_command(const struct options *o)
{
	struct doctor d = { .out = stdout, .root = "" };
	struct utsname u = { 0 };
	struct config *c;

	uname(&u);
	d.release = u.release;
	c = config_examine(&d, options_config(o));
	d.config = c;
	examine(&d);
	config_free(c);
	if (d.n_fail)
		printf("not ready: %u to be repaired, %u to be looked at\n", d.n_fail, d.n_warn);
	else
		printf("ready%s\n", d.n_warn ? ", with warnings" : "");
	return d.n_fail ? BATONCTL_NEGATIVE : BATONCTL_OK;
}
