/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/conf_doc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf_scan.h"

/* Values come from a file anybody may have written: keep terminals and logs to one plain line. */
static void finding_clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

void conf_finding_add(struct conf_findings *f, bool warning, const char *name, unsigned line, const char *path,
		      const char *format, va_list args)
{
	char *text;
	int n;

	if (warning)
		f->n_warnings++;
	else
		f->n_errors++;
	if (f->n >= f->max)
		return;
	text = f->text[f->n++];
	if (line)
		n = snprintf(text, CONF_FINDING_MAX, "%.200s:%u: ", name, line);
	else
		n = snprintf(text, CONF_FINDING_MAX, "%.200s: ", name);
	if (path && *path)
		n += snprintf(text + n, CONF_FINDING_MAX - (size_t)n, "%.128s: ", path);
	if (warning)
		n += snprintf(text + n, CONF_FINDING_MAX - (size_t)n, "warning: ");
	vsnprintf(text + n, CONF_FINDING_MAX - (size_t)n, format, args);
	finding_clean(text);
}

static void doc_error(struct conf_findings *f, const char *name, unsigned line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void doc_error(struct conf_findings *f, const char *name, unsigned line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	conf_finding_add(f, false, name, line, NULL, format, args);
	va_end(args);
}

void conf_error_plain(struct conf_findings *f, const char *where, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	conf_finding_add(f, false, where, 0, NULL, format, args);
	va_end(args);
}

void conf_warning_plain(struct conf_findings *f, const char *where, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	conf_finding_add(f, true, where, 0, NULL, format, args);
	va_end(args);
}

const char *conf_doc_name(const struct conf_doc *doc)
{
	return doc->name;
}

/* One step of a path: a member's name or "[index]". NULL if it isn't there. */
static config_setting_t *doc_step(config_setting_t *s, const char **path)
{
	const char *p = *path;
	char name[128];
	size_t n;

	if (*p == '[') {
		unsigned long i = strtoul(p + 1, NULL, 10);

		p += strcspn(p, "]");
		*path = *p ? p + 1 : p;
		return config_setting_is_aggregate(s) ? config_setting_get_elem(s, (unsigned)i) : NULL;
	}
	if (*p == '.')
		p++;
	n = strcspn(p, ".[");
	if (n >= sizeof name)
		return NULL;
	memcpy(name, p, n);
	name[n] = 0;
	*path = p + n;
	return config_setting_is_group(s) ? config_setting_get_member(s, name) : NULL;
}

static unsigned doc_line(const struct conf_doc *doc, const char *path)
{
	config_setting_t *s = config_root_setting(&doc->tree);
	unsigned line = 1;

	while (s && *path) {
		s = doc_step(s, &path);
		if (s && config_setting_source_line(s))
			line = config_setting_source_line(s);
	}
	return line;
}

bool conf_doc_has(const struct conf_doc *doc, const char *path)
{
	config_setting_t *s = config_root_setting(&doc->tree);

	while (s && *path)
		s = doc_step(s, &path);
	return s != NULL;
}

void conf_error(struct conf_findings *f, const struct conf_doc *doc, const char *path, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	conf_finding_add(f, false, doc->name, doc_line(doc, path), path, format, args);
	va_end(args);
}

void conf_warning(struct conf_findings *f, const struct conf_doc *doc, const char *path, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	conf_finding_add(f, true, doc->name, doc_line(doc, path), path, format, args);
	va_end(args);
}

int conf_doc_read_text(const char *text, size_t len, const char *name, struct conf_findings *f, struct conf_doc **ret)
{
	struct conf_doc *doc = calloc(1, sizeof *doc);
	const char *why;
	unsigned line;

	if (!doc || !(doc->name = strdup(name))) {
		free(doc);
		doc_error(f, name, 0, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	config_init(&doc->tree);
	if (conf_scan(text, len, &line, &why) < 0) {
		doc_error(f, name, line, "%s", why);
		conf_doc_free(doc);
		return -EINVAL;
	}
	if (config_read_string(&doc->tree, text) != CONFIG_TRUE) {
		doc_error(f, name, (unsigned)config_error_line(&doc->tree), "%s", config_error_text(&doc->tree));
		conf_doc_free(doc);
		return -EINVAL;
	}
	*ret = doc;
	return 0;
}

/* Whole file with NUL behind it. -ENOTSUP: not a regular file; -EFBIG: too long. */
static int file_read(const char *path, char **ret_text, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0;
	size_t len = 0;
	ssize_t n = 1;
	struct stat st;
	char *text;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -ENOTSUP;
	text = err ? NULL : malloc(CONF_FILE_MAX + 2);
	if (!err && !text)
		err = -ENOMEM;
	while (!err && n > 0 && len <= CONF_FILE_MAX) {
		n = read(fd, text + len, CONF_FILE_MAX + 1 - len);
		if (n > 0)
			len += (size_t)n;
		else if (n < 0 && errno != EINTR)
			err = -errno;
		else if (n < 0)
			n = 1;
	}
	close(fd);
	if (!err && len > CONF_FILE_MAX)
		err = -EFBIG;
	if (err) {
		free(text);
		return err;
	}
	text[len] = 0;
	*ret_text = text;
	*ret_len = len;
	return 0;
}

int conf_doc_read_file(const char *path, const char *name, struct conf_findings *f, struct conf_doc **ret)
{
	size_t len = 0;
	char *text = NULL;
	int err = file_read(path, &text, &len);

	if (err == -ENOTSUP)
		doc_error(f, name, 0, "not a regular file");
	else if (err == -EFBIG)
		doc_error(f, name, 0, "longer than %d bytes", CONF_FILE_MAX);
	else if (err < 0)
		doc_error(f, name, 0, "can't be read: %s", strerror(-err));
	if (err < 0)
		return err;
	err = conf_doc_read_text(text, len, name, f, ret);
	free(text);
	return err;
}

void conf_doc_free(struct conf_doc *doc)
{
	if (!doc)
		return;
	config_destroy(&doc->tree);
	free(doc->name);
	free(doc);
}
