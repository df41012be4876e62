/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/health_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/health_rules.h"
#include "base/app.h"
#include "base/number.h"

#define STATE_HEADER "baton-agent health 1"
#define LINE_MAX_BYTES 1024
#define FIELDS_MAX 11

/* Lines are of fields between tabs, which no text here contains. */
enum {
	WORD_ID = 1,
	WORD_NUMBER,
	WORD_ADDED,
	WORD_CAPACITY,
	WORD_JUDGE,
	WORD_STATE,
	WORD_LOAD,
	WORD_WISH,
	WORD_REASON,
	WORD_WISH_REASON,
	WORD_N_FIELDS
};

void health_memory_init(struct health_memory *s)
{
	memset(s, 0, sizeof *s);
	s->wish = HEALTH_ACTIVE;
}

void health_memory_fini(struct health_memory *s)
{
	free(s->rows);
	free(s->words);
	health_memory_init(s);
}

/* Room for one more; doubles. */
static void *grow(void *array, unsigned n, size_t size)
{
	return n & (n - 1) ? array : reallocarray(array, n ? 2u * n : 1, size);
}

int health_memory_row_add(struct health_memory *s, const struct teller_memory *row)
{
	void *p = s->n_rows < HEALTH_MAX_ROWS ? grow(s->rows, s->n_rows, sizeof *s->rows) : NULL;

	if (!p)
		return s->n_rows < HEALTH_MAX_ROWS ? -ENOMEM : -ENOSPC;
	s->rows = p;
	s->rows[s->n_rows++] = *row;
	return 0;
}

int health_memory_word_add(struct health_memory *s, const struct health_app_id *id, const struct agent_word *w)
{
	void *p = s->n_words < HEALTH_MAX_ROWS ? grow(s->words, s->n_words, sizeof *s->words) : NULL;

	if (!p)
		return s->n_words < HEALTH_MAX_ROWS ? -ENOMEM : -ENOSPC;
	s->words = p;
	s->words[s->n_words++] = (struct health_memory_word){ .id = *id, .word = *w };
	return 0;
}

static int small_parse(const char *text, uint64_t max, uint8_t *ret)
{
	uint64_t n;
	int err = number_parse(text, 0, max, &n);

	if (!err)
		*ret = (uint8_t)n;
	return err;
}

static int flag_parse(const char *text, bool *ret)
{
	uint8_t n;
	int err = small_parse(text, 1, &n);

	if (!err)
		*ret = n;
	return err;
}

static int id_parse(const char *text, struct health_app_id *ret)
{
	return app_parse(text, ret) || !agent_health_id_valid(ret) ? -EINVAL : 0;
}

static int row_parse(char *const *field, unsigned n, struct health_memory *s)
{
	struct teller_memory m = { 0 };

	if (n != 4 || id_parse(field[1], &m.id) || small_parse(field[2], HEALTH_ACTIVE, &m.current) ||
	    flag_parse(field[3], &m.was_healthy))
		return -EINVAL;
	return health_memory_row_add(s, &m);
}

static int word_parse(char *const *field, unsigned n, struct health_memory *s)
{
	struct agent_word w = { 0 };
	struct health_app_id id;
	uint64_t load = 0, number = 0;

	if (n != WORD_N_FIELDS || id_parse(field[WORD_ID], &id) || number_parse(field[WORD_NUMBER], 0, 1, &number) ||
	    flag_parse(field[WORD_ADDED], &w.added) ||
	    small_parse(field[WORD_CAPACITY], AGENT_HEALTH_NO_CAPACITY, &w.capacity) ||
	    flag_parse(field[WORD_JUDGE], &w.judge) || small_parse(field[WORD_STATE], HEALTH_N_STATES - 1, &w.state) ||
	    small_parse(field[WORD_WISH], HEALTH_ACTIVE, &w.wish))
		return -EINVAL;
	w.has_load = field[WORD_LOAD][0] != 0;
	if (w.has_load && number_parse(field[WORD_LOAD], 0, HEALTH_LOAD_MAX, &load))
		return -EINVAL;
	w.source = (struct agent_source){ AGENT_SOURCE_OPERATOR, (uint32_t)number };
	w.load = (uint16_t)load;
	agent_health_reason_copy(w.reason, field[WORD_REASON]);
	agent_health_reason_copy(w.wish_reason, field[WORD_WISH_REASON]);
	return health_memory_word_add(s, &id, &w);
}

static int line_parse(char *line, struct health_memory *s)
{
	char *field[FIELDS_MAX], *rest = line;
	unsigned n = 0;

	while (rest && n < FIELDS_MAX)
		field[n++] = strsep(&rest, "\t");
	if (rest)
		return -EINVAL;
	if (!strcmp(field[0], "incarnation"))
		return n == 2 ? number_parse(field[1], 0, UINT64_MAX, &s->incarnation) : -EINVAL;
	if (!strcmp(field[0], "wish")) {
		if (n != 3 || small_parse(field[1], HEALTH_ACTIVE, &s->wish))
			return -EINVAL;
		agent_health_reason_copy(s->wish_reason, field[2]);
		return 0;
	}
	if (!strcmp(field[0], "row"))
		return row_parse(field, n, s);
	return strcmp(field[0], "operator") ? -EINVAL : word_parse(field, n, s);
}

int health_memory_parse(const char *text, struct health_memory *ret, unsigned *ret_line)
{
	char line[LINE_MAX_BYTES];
	int err = 0;

	health_memory_init(ret);
	for (unsigned n = 1; !err && (*text || n == 1); n++) {
		size_t len = strcspn(text, "\n");

		*ret_line = n;
		/* a line without its end was not written whole */
		if (len >= sizeof line || !text[len])
			return -EINVAL;
		memcpy(line, text, len);
		line[len] = 0;
		err = n == 1 ? (strcmp(line, STATE_HEADER) ? -EINVAL : 0) : line_parse(line, ret);
		text += len + 1;
	}
	return err;
}

static void word_print(FILE *out, const struct health_memory_word *x)
{
	const struct agent_word *w = &x->word;
	char id[APP_TEXT_MAX], load[8] = "";

	if (w->has_load)
		snprintf(load, sizeof load, "%u", w->load);
	fprintf(out, "operator\t%s\t%u\t%d\t%u\t%d\t%u\t%s\t%u\t%s\t%s\n", app_format(&x->id, id, sizeof id),
		w->source.number, w->added, w->capacity, w->judge, w->state, load, w->wish, w->reason, w->wish_reason);
}

char *health_memory_format(const struct health_memory *s)
{
	char *text = NULL, id[APP_TEXT_MAX];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "%s\nincarnation\t%" PRIu64 "\nwish\t%u\t%s\n", STATE_HEADER, s->incarnation, s->wish,
		s->wish_reason);
	for (unsigned i = 0; i < s->n_words; i++)
		word_print(out, &s->words[i]);
	for (unsigned i = 0; i < s->n_rows; i++)
		fprintf(out, "row\t%s\t%u\t%d\n", app_format(&s->rows[i].id, id, sizeof id), s->rows[i].current,
			s->rows[i].was_healthy);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static int file_read(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, buf + len, size - 1 - len);
		if (n < 0)
			return -errno;
		len += (size_t)n;
	} while (n && len < size - 1);
	buf[len] = 0;
	return n || strlen(buf) != len ? -EINVAL : 0;
}

int health_memory_load(const char *path, struct health_memory *ret, unsigned *ret_line)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	char *text;

	*ret_line = 0;
	health_memory_init(ret);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	text = malloc(HEALTH_MEMORY_FILE_MAX);
	err = text ? file_read(fd, text, HEALTH_MEMORY_FILE_MAX) : -ENOMEM;
	close(fd);
	if (!err)
		err = health_memory_parse(text, ret, ret_line);
	free(text);
	return err;
}

int health_memory_save(const char *path, const char *text)
{
	char temporary[PATH_MAX];
	size_t len = strlen(text);
	int fd, err = 0;

	if ((size_t)snprintf(temporary, sizeof temporary, "%s.new", path) >= sizeof temporary)
		return -ENAMETOOLONG;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len)
		err = errno ? -errno : -EIO;
	if (!err && fsync(fd))
		err = -errno;
	close(fd);
	if (!err && rename(temporary, path))
		err = -errno;
	if (err)
		unlink(temporary);
	return err;
}

void health_memory_apply(const struct health_memory *s, struct agent_health *h)
{
	agent_health_wish_host(h, (enum health_directive)s->wish, s->wish_reason);
	for (unsigned i = 0; i < s->n_words; i++) {
		const struct health_app_id *id = &s->words[i].id;
		const struct agent_word *w = &s->words[i].word;

		if (w->added && agent_health_add(h, w->source, id, w->capacity, w->judge))
			continue;
		if (w->judge)
			agent_health_report(h, w->source, id, (enum health_state)w->state, w->reason);
		if (w->has_load)
			agent_health_load(h, w->source, id, w->load);
		if (w->wish != HEALTH_ACTIVE)
			agent_health_wish(h, w->source, id, (enum health_directive)w->wish, w->wish_reason);
	}
}
