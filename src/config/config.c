/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"
#include "peek/rules.h"

_Static_assert(sizeof(struct config_error) == CONF_FINDING_MAX, "errors are handed to conf.h as its texts");

/* path itself if absolute, else beside file. NULL if memory is short. */
static char *path_beside(const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');
	char *joined;

	if (path[0] == '/' || !slash)
		return strdup(path);
	return asprintf(&joined, "%.*s/%s", (int)(slash - file), file, path) < 0 ? NULL : joined;
}

static int path_resolve(const char *file, char **path)
{
	char *resolved;

	if (!*path)
		return 0;
	resolved = path_beside(file, *path);
	if (!resolved)
		return -ENOMEM;
	free(*path);
	*path = resolved;
	return 0;
}

static int device_assemble(struct config *c, const struct config_source *s, const char *file, struct conf_findings *f)
{
	int err = conf_parse(s->device, config_device_keys, c, f);

	if (err == -ENOMEM)
		return err;
	c->file = strdup(file);
	if (!c->file || path_resolve(file, &c->vip_dir) < 0 || path_resolve(file, &c->secret_file) < 0)
		return -ENOMEM;
	if (!err)
		config_check_device(c, s->device, f);
	return 0;
}

static void endpoints_complete(struct config_endpoint *e, unsigned n, uint16_t port)
{
	for (unsigned i = 0; i < n; i++)
		if (!e[i].port)
			e[i].port = port;
}

static int vip_assemble(struct config_vip *v, const struct conf_doc *doc, struct conf_findings *f)
{
	int err = conf_parse(doc, config_vip_keys, v, f);

	if (err < 0) {
		v->addr.family = 0; /* leaves it out of further checks */
		return err == -ENOMEM ? err : 0;
	}
	endpoints_complete(v->endpoints, v->n_endpoints, v->port);
	for (unsigned i = 0; i < v->n_pools; i++)
		endpoints_complete(v->pools[i].endpoints, v->pools[i].n_endpoints, v->port);
	return config_check_application(v, doc, f);
}

static int vips_assemble(struct config *c, const struct config_source *s, struct conf_findings *f)
{
	int err = 0;

	if (!s->n_vips)
		return 0;
	c->vips = calloc(s->n_vips, sizeof *c->vips);
	if (!c->vips)
		return -ENOMEM;
	c->n_vips = s->n_vips;
	for (unsigned i = 0; !err && i < s->n_vips; i++)
		if (s->vips[i])
			err = vip_assemble(&c->vips[i], s->vips[i], f);
	return err;
}

int config_assemble(const struct config_source *s, const char *file, struct conf_findings *f, struct config **ret)
{
	struct config *c = calloc(1, sizeof *c);
	unsigned before = f->n_errors;
	int err = c ? device_assemble(c, s, file, f) : -ENOMEM;
	bool device_ok = f->n_errors == before;

	if (!err)
		err = vips_assemble(c, s, f);
	if (!err && device_ok)
		config_check_vips(c, s, f);
	if (err == -ENOMEM)
		conf_error_plain(f, file, "%s", strerror(ENOMEM));
	if (f->n_errors) {
		config_free(c);
		return err ? err : -EINVAL;
	}
	*ret = c;
	return 0;
}

static int vip_file_wanted(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return e->d_name[0] != '.' && len > 5 && !strcmp(e->d_name + len - 5, ".conf");
}

/* The file's name is kept beside its document: findings and config_vip.file need it. */
static int vip_files_read(struct config_source *s, char **names, const char *dir, struct conf_findings *f)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, vip_file_wanted, alphasort), err = 0;

	if (n < 0) {
		conf_error_plain(f, dir, "VIP directory can't be read: %s", strerror(errno));
		return 0;
	}
	if (n > CONFIG_MAX_VIPS)
		conf_error_plain(f, dir, "%d VIP files, but at most %d are possible", n, CONFIG_MAX_VIPS);
	for (int i = 0; i < n; i++) {
		if (i < CONFIG_MAX_VIPS && !err && asprintf(&names[i], "%s/%s", dir, entries[i]->d_name) < 0) {
			names[i] = NULL;
			err = -ENOMEM;
		}
		free(entries[i]);
	}
	free(entries);
	s->n_vips = n < CONFIG_MAX_VIPS ? (unsigned)n : CONFIG_MAX_VIPS;
	for (unsigned i = 0; !err && i < s->n_vips; i++)
		conf_doc_read_file(names[i], names[i], f, &s->vips[i]);
	return err;
}

/* Where the VIP files are: needed before the rest is judged. NULL if it can't be said. */
static char *vip_dir_find(const struct conf_doc *device, const char *file)
{
	struct conf_findings ignored = { 0 };
	struct config *c = calloc(1, sizeof *c);
	char *dir = NULL;

	if (c && conf_parse(device, config_device_keys, c, &ignored) != -ENOMEM && c->vip_dir)
		dir = path_beside(file, c->vip_dir);
	if (c)
		conf_free(config_device_keys, c);
	free(c);
	return dir;
}

static int source_read(struct config_source *s, char **names, const char *file, struct conf_findings *f)
{
	int err = conf_doc_read_file(file, file, f, &s->device);
	char *dir;

	if (err < 0)
		return err;
	dir = vip_dir_find(s->device, file);
	if (dir)
		err = vip_files_read(s, names, dir, f);
	free(dir);
	return err;
}

static void files_name(struct config *c, char **names)
{
	for (unsigned i = 0; i < c->n_vips; i++) {
		c->vips[i].file = names[i];
		names[i] = NULL;
	}
}

static int load(const char *file, struct config_source *s, char **names, struct conf_findings *f, struct config **ret)
{
	int err = source_read(s, names, file, f);

	if (!err)
		err = config_assemble(s, file, f, ret);
	else if (!f->n_errors)
		conf_error_plain(f, file, "%s", strerror(-err));
	if (!err)
		files_name(*ret, names);
	return err;
}

int config_load(const char *device_file, struct config **ret, struct config_error *errors, unsigned max,
		unsigned *ret_n)
{
	struct conf_findings f = { .text = (char(*)[CONF_FINDING_MAX])errors, .max = max };
	struct config_source s = { .vips = calloc(CONFIG_MAX_VIPS, sizeof *s.vips) };
	char **names = calloc(CONFIG_MAX_VIPS, sizeof *names);
	int err = s.vips && names ? load(device_file, &s, names, &f, ret) : -ENOMEM;

	for (unsigned i = 0; i < s.n_vips; i++) {
		conf_doc_free(s.vips[i]);
		free(names[i]);
	}
	conf_doc_free(s.device);
	free(s.vips);
	free(names);
	if (f.n_errors + f.n_warnings > f.n && f.n)
		snprintf(f.text[f.n - 1], CONF_FINDING_MAX, "%s: and %u more findings", device_file,
			 f.n_errors + f.n_warnings - f.n + 1);
	*ret_n = f.n;
	return err;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->n_vips; i++) {
		rules_free(c->vips[i].compiled);
		free(c->vips[i].compiled_from);
		conf_free(config_vip_keys, &c->vips[i]);
		free(c->vips[i].file);
	}
	free(c->vips);
	conf_free(config_device_keys, c);
	free(c->file);
	free(c);
}
