/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configuration by schema table: an array of struct conf_key describes what a
 * file may hold and where each value goes in the caller's struct; the same
 * table drives parsing, checking, freeing and the printed reference.
 *
 * The text form is libconfig's. Its @include is refused: a file is what it
 * looks like, and reading one never opens another. Every mistake becomes one
 * finding, "file:line: key.path: what is wrong"; reading goes on as far as it
 * makes sense, so that one run shows them all. Nothing here logs.
 *
 * Any thread; no shared state. Idea: the schema tables of Knot DNS.
 */
#ifndef BATON_BASE_CONF_H
#define BATON_BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONF_FINDING_MAX 512        /* bytes of one finding, with NUL */
#define CONF_FILE_MAX (1024 * 1024) /* bytes of one file */
#define CONF_STRING_MAX 255         /* bytes of a string whose key gives no range */
#define CONF_WHY_SIZE 256           /* buffer for the reason that a callback gives */

enum conf_type {
	CONF_BOOL,   /* bool */
	CONF_INT,    /* integer of .size 1, 2, 4 or 8 bytes; min-max inclusive */
	CONF_STRING, /* char *, owned by the object; min-max is the length in bytes */
	CONF_ENUM,   /* one of .names, stored as an integer of .size bytes */
	CONF_ADDR,   /* struct baton_addr */
	CONF_PREFIX, /* struct baton_prefix */
	CONF_TEXT,   /* a string that .parse turns into whatever it likes */
	CONF_GROUP,  /* { … }: .keys apply at object + .offset */
	CONF_LIST,   /* ( { … }, … ): .keys apply to each of up to .list_max elements of .size bytes */
};

struct conf_name {
	const char *name; /* NULL ends the table */
	int value;
};

/* One key. A table of them ends with a key whose .name is NULL. */
struct conf_key {
	const char *name;
	enum conf_type type;
	size_t offset; /* of the field in the object */
	size_t size;   /* of the field; LIST: of one element */
	/*
	 * More than 0: a list of that many values at most. The field is then an
	 * array, or for LIST with .heap a pointer to memory that the object owns,
	 * and n_offset says where the unsigned count goes. A TEXT list has no array:
	 * .parse is called once for each element.
	 */
	unsigned list_max;
	unsigned list_min;
	size_t n_offset;
	bool heap;
	bool required;
	bool lines;         /* STRING: may hold line ends and tabs */
	long long min, max; /* INT, STRING; both 0: no range (INT: what fits into int) */
	const char *def;    /* default as it would stand in the file, without quotes; NULL: field stays zero */
	const struct conf_name *names; /* ENUM; TEXT may have them for the printed reference */
	const struct conf_key *keys;   /* GROUP, LIST */
	/* Refuse a value: -errno with a reason in why. value is the field. May be NULL. */
	int (*check)(const void *value, char *why, size_t size);
	/* TEXT: store text into object (the struct the table describes), or -errno with a reason in why. */
	int (*parse)(const char *text, void *object, char *why, size_t size);
	const char *help; /* one or more sentences */
};

/* .offset and .size of a member, to be written as CONF_FIELD(struct x, member). */
#define CONF_FIELD(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
/* The same for a fixed array with its count in another member. */
#define CONF_ARRAY(type, member, count)                                           \
	.offset = offsetof(type, member), .size = sizeof(((type *)0)->member[0]), \
	.list_max = sizeof(((type *)0)->member) / sizeof(((type *)0)->member[0]), .n_offset = offsetof(type, count)
/* The same for a pointer to up to most elements of struct elem. */
#define CONF_HEAP(type, member, count, most)                                                        \
	.offset = offsetof(type, member), .size = sizeof(*((type *)0)->member), .list_max = (most), \
	.n_offset = offsetof(type, count), .heap = true

/* Findings go into the caller's array of texts; what does not fit is counted. */
struct conf_findings {
	char (*text)[CONF_FINDING_MAX];
	unsigned max;
	unsigned n;          /* texts written */
	unsigned n_errors;   /* all errors, written or not */
	unsigned n_warnings; /* all warnings, written or not */
};

/* A file's text, parsed but not yet judged by a schema. */
struct conf_doc;

/*
 * Read a file (at most CONF_FILE_MAX bytes) or a text. 0 and *ret, or -errno
 * with one finding. name stands in findings; it is copied.
 */
int conf_doc_read_file(const char *path, const char *name, struct conf_findings *f, struct conf_doc **ret);
int conf_doc_read_text(const char *text, size_t len, const char *name, struct conf_findings *f, struct conf_doc **ret);
/* The name it was read under; the document's. */
const char *conf_doc_name(const struct conf_doc *doc);
/* Takes NULL. */
void conf_doc_free(struct conf_doc *doc);

/* Has the document something at path ("vip.endpoints[1].host")? */
bool conf_doc_has(const struct conf_doc *doc, const char *path);

/*
 * Fill object (zeroed by the caller) from the document. 0, or -EINVAL if there
 * were errors (-ENOMEM if memory was short); in every case the object holds
 * valid memory and is to be freed with conf_free().
 */
int conf_parse(const struct conf_doc *doc, const struct conf_key *keys, void *object, struct conf_findings *f);
/* Free all strings and lists the table knows and zero those pointers and counts. */
void conf_free(const struct conf_key *keys, void *object);

/*
 * Report about the key at path ("vip.endpoints[1].host"), with the line it
 * stands on; where it is absent, the line of what would hold it.
 */
void conf_error(struct conf_findings *f, const struct conf_doc *doc, const char *path, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void conf_warning(struct conf_findings *f, const struct conf_doc *doc, const char *path, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Report a finding that belongs to no line: "where: what is wrong". */
void conf_error_plain(struct conf_findings *f, const char *where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void conf_warning_plain(struct conf_findings *f, const char *where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

enum conf_print_format { CONF_PRINT_TEXT, CONF_PRINT_MARKDOWN, CONF_PRINT_MAN };

/* Print the reference of a table: every key with type, range, default, help. */
void conf_print(FILE *out, const struct conf_key *keys, enum conf_print_format format);
/*
 * Check the table itself: sizes fit types, what a type needs is there. 0, or
 * -EINVAL with the key's name in *ret_key. (Defaults check themselves: parsing
 * an empty text must give no finding that begins with "default".)
 */
int conf_keys_check(const struct conf_key *keys, const char **ret_key);

/* For .check of a STRING: letters, digits, '.', '_', '-', and not first a '-' or '.'. */
int conf_check_name(const void *value, char *why, size_t size);
/* For .check of a STRING: an absolute path. */
int conf_check_path(const void *value, char *why, size_t size);

/* The word of a list that is most like text, or NULL if none is near. words ends with NULL. */
const char *conf_nearest(const char *text, const char *const words[]);

#endif
