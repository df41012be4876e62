/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_doc.h"
#include "base/conf_value.h"

struct parse {
	const struct conf_doc *doc;
	struct conf_findings *f;
	char path[256];
	bool no_memory;
};

static void *at(void *object, size_t offset)
{
	return (char *)object + offset;
}

static void report(struct parse *p, unsigned line, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void report(struct parse *p, unsigned line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	conf_finding_add(p->f, false, p->doc->name, line ? line : 1, p->path, format, args);
	va_end(args);
}

/* Lengthen the path; returns the length to cut it back to. */
static size_t path_push(struct parse *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static size_t path_push(struct parse *p, const char *format, ...)
{
	size_t len = strlen(p->path);
	va_list args;

	va_start(args, format);
	vsnprintf(p->path + len, sizeof p->path - len, format, args);
	va_end(args);
	return len;
}

static void path_cut(struct parse *p, size_t len)
{
	p->path[len] = 0;
}

static unsigned line_of(const config_setting_t *s)
{
	while (s && !config_setting_source_line(s))
		s = config_setting_parent(s);
	return s ? config_setting_source_line(s) : 1;
}

static struct conf_value value_of(const config_setting_t *s)
{
	struct conf_value v = { .kind = CONF_VALUE_OTHER };

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		v.kind = CONF_VALUE_INT;
		v.number = config_setting_get_int64(s);
		break;
	case CONFIG_TYPE_BOOL:
		v.kind = CONF_VALUE_BOOL;
		v.number = config_setting_get_bool(s);
		break;
	case CONFIG_TYPE_STRING:
		v.kind = CONF_VALUE_STRING;
		v.text = config_setting_get_string(s);
		break;
	case CONFIG_TYPE_FLOAT:
		v.what = "a number with a fraction";
		break;
	case CONFIG_TYPE_GROUP:
		v.what = "a group { ... }";
		break;
	default:
		v.what = "a list";
		break;
	}
	return v;
}

static void parse_value(struct parse *p, const struct conf_key *k, const config_setting_t *s, void *field, void *object)
{
	struct conf_value v = value_of(s);
	char why[CONF_WHY_SIZE] = "";
	int err = conf_value_store(k, &v, field, object, why, sizeof why);

	if (err == -ENOMEM)
		p->no_memory = true;
	if (err < 0)
		report(p, line_of(s), "%s", why);
}

static void parse_group(struct parse *p, const struct conf_key *keys, const config_setting_t *s, void *object);

static bool length_fits(struct parse *p, const struct conf_key *k, const config_setting_t *s, unsigned n)
{
	if (n > k->list_max)
		report(p, line_of(s), "%u entries, but at most %u are possible", n, k->list_max);
	else if (n < k->list_min)
		report(p, line_of(s), "%u entries, but at least %u are needed", n, k->list_min);
	else
		return true;
	return false;
}

static void parse_element(struct parse *p, const struct conf_key *k, const config_setting_t *s, void *field,
			  void *object)
{
	if (k->type != CONF_LIST)
		parse_value(p, k, s, field, object);
	else if (config_setting_is_group(s))
		parse_group(p, k->keys, s, field);
	else
		report(p, line_of(s), "must be a group { ... }, not %s",
		       value_of(s).kind == CONF_VALUE_OTHER ? "a list" : "a single value");
}

static void parse_list(struct parse *p, const struct conf_key *k, const config_setting_t *s, void *object)
{
	unsigned n;
	char *base;

	if (!config_setting_is_list(s) && !config_setting_is_array(s)) {
		report(p, line_of(s),
		       k->type == CONF_LIST ? "must be a list ( { ... }, ... )" : "must be a list [ ... ]");
		return;
	}
	n = (unsigned)config_setting_length(s);
	if (!length_fits(p, k, s, n) || !n)
		return;
	base = at(object, k->offset);
	if (k->heap) {
		base = calloc(n, k->size);
		if (!base) {
			p->no_memory = true;
			report(p, line_of(s), "%s", strerror(ENOMEM));
			return;
		}
		memcpy(at(object, k->offset), &base, sizeof base);
	}
	if (k->type != CONF_TEXT)
		memcpy(at(object, k->n_offset), &n, sizeof n);
	for (unsigned i = 0; i < n; i++) {
		size_t cut = path_push(p, "[%u]", i);

		parse_element(p, k, config_setting_get_elem(s, i), base + i * k->size, object);
		path_cut(p, cut);
	}
}

static void parse_absent(struct parse *p, const struct conf_key *k, const config_setting_t *parent, void *object)
{
	char why[CONF_WHY_SIZE] = "";

	if (k->required)
		report(p, parent ? line_of(parent) : 1, "required, but missing");
	else if (k->type == CONF_GROUP)
		parse_group(p, k->keys, NULL, at(object, k->offset));
	else if (k->def && conf_value_store_default(k, at(object, k->offset), object, why, sizeof why) < 0)
		report(p, 1, "default: %s", why);
}

static void parse_key(struct parse *p, const struct conf_key *k, const config_setting_t *group, void *object)
{
	config_setting_t *s = group ? config_setting_get_member(group, k->name) : NULL;
	size_t cut = path_push(p, "%s%s", *p->path ? "." : "", k->name);

	if (!s)
		parse_absent(p, k, group, object);
	else if (k->list_max)
		parse_list(p, k, s, object);
	else if (k->type != CONF_GROUP)
		parse_value(p, k, s, at(object, k->offset), object);
	else if (config_setting_is_group(s))
		parse_group(p, k->keys, s, at(object, k->offset));
	else
		report(p, line_of(s), "must be a group { ... }");
	path_cut(p, cut);
}

static void report_unknown(struct parse *p, const struct conf_key *keys, const config_setting_t *s)
{
	const char *words[64];
	const char *near;
	unsigned n = 0;
	size_t cut;

	for (const struct conf_key *k = keys; k->name && n + 1 < sizeof words / sizeof *words; k++)
		words[n++] = k->name;
	words[n] = NULL;
	near = conf_nearest(config_setting_name(s), words);
	cut = path_push(p, "%s%.64s", *p->path ? "." : "", config_setting_name(s));
	if (near)
		report(p, line_of(s), "unknown key; did you mean \"%s\"?", near);
	else
		report(p, line_of(s), "unknown key");
	path_cut(p, cut);
}

static bool key_known(const struct conf_key *keys, const char *name)
{
	for (const struct conf_key *k = keys; k->name; k++)
		if (!strcmp(k->name, name))
			return true;
	return false;
}

/* s is NULL for a group that the file doesn't have: it gets its defaults. */
static void parse_group(struct parse *p, const struct conf_key *keys, const config_setting_t *s, void *object)
{
	for (int i = 0; s && i < config_setting_length(s); i++) {
		const config_setting_t *member = config_setting_get_elem(s, (unsigned)i);

		if (!key_known(keys, config_setting_name(member)))
			report_unknown(p, keys, member);
	}
	for (const struct conf_key *k = keys; k->name; k++)
		parse_key(p, k, s, object);
}

int conf_parse(const struct conf_doc *doc, const struct conf_key *keys, void *object, struct conf_findings *f)
{
	struct parse p = { .doc = doc, .f = f };
	unsigned before = f->n_errors;

	parse_group(&p, keys, config_root_setting(&doc->tree), object);
	if (p.no_memory)
		return -ENOMEM;
	return f->n_errors > before ? -EINVAL : 0;
}

static void free_pointer(void *field)
{
	void *memory;

	memcpy(&memory, field, sizeof memory);
	free(memory);
	memset(field, 0, sizeof memory);
}

static void free_list(const struct conf_key *k, void *object)
{
	unsigned n, zero = 0;
	char *base = at(object, k->offset);

	if (k->type == CONF_TEXT)
		return;
	memcpy(&n, at(object, k->n_offset), sizeof n);
	if (k->heap)
		memcpy(&base, at(object, k->offset), sizeof base);
	for (unsigned i = 0; i < n; i++) {
		if (k->type == CONF_LIST)
			conf_free(k->keys, base + i * k->size);
		else if (k->type == CONF_STRING)
			free_pointer(base + i * k->size);
	}
	if (k->heap)
		free_pointer(at(object, k->offset));
	memcpy(at(object, k->n_offset), &zero, sizeof zero);
}

void conf_free(const struct conf_key *keys, void *object)
{
	for (const struct conf_key *k = keys; k->name; k++) {
		if (k->list_max)
			free_list(k, object);
		else if (k->type == CONF_GROUP)
			conf_free(k->keys, at(object, k->offset));
		else if (k->type == CONF_STRING)
			free_pointer(at(object, k->offset));
	}
}
