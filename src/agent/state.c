/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"

#define STATE_HEADER "baton-agent state 1"
/* Room for the longest line (a vip) times the most vips, and more. */
#define STATE_FILE_MAX (128 * 1024)

void agent_state_init(struct agent_state *s)
{
	memset(s, 0, sizeof *s);
	s->arp_ignore = s->arp_announce = STATE_UNCHANGED;
}

bool agent_state_has_vip(const struct agent_state *s, const struct baton_addr *a)
{
	for (unsigned i = 0; i < s->n_vips; i++)
		if (baton_addr_equal(&s->vips[i], a))
			return true;
	return false;
}

int agent_state_add_vip(struct agent_state *s, const struct baton_addr *a)
{
	if (agent_state_has_vip(s, a))
		return 0;
	if (s->n_vips == AGENT_MAX_VIPS)
		return -ENOSPC;
	s->vips[s->n_vips++] = *a;
	return 0;
}

void agent_state_del_vip(struct agent_state *s, const struct baton_addr *a)
{
	for (unsigned i = 0; i < s->n_vips; i++)
		if (baton_addr_equal(&s->vips[i], a)) {
			s->vips[i] = s->vips[--s->n_vips];
			return;
		}
}

static int setting_parse(const char *text, int *ret)
{
	uint64_t n;

	if (number_parse(text, 0, INT_MAX, &n))
		return -EINVAL;
	*ret = (int)n;
	return 0;
}

static int flag_parse(const char *text, bool *ret)
{
	if (strcmp(text, "ours"))
		return -EINVAL;
	*ret = true;
	return 0;
}

static int line_parse(char *line, struct agent_state *s)
{
	char *value = strchr(line, ' ');
	struct baton_addr a;

	if (!value)
		return -EINVAL;
	*value++ = 0;
	if (!strcmp(line, "device")) {
		if (!*value || strlen(value) >= sizeof s->device)
			return -EINVAL;
		memcpy(s->device, value, strlen(value) + 1);
		return 0;
	}
	if (!strcmp(line, "clsact"))
		return flag_parse(value, &s->clsact);
	if (!strcmp(line, "bpffs"))
		return flag_parse(value, &s->bpffs);
	if (!strcmp(line, "arp_ignore"))
		return setting_parse(value, &s->arp_ignore);
	if (!strcmp(line, "arp_announce"))
		return setting_parse(value, &s->arp_announce);
	if (!strcmp(line, "vip"))
		return baton_addr_parse(value, &a) < 0 ? -EINVAL : agent_state_add_vip(s, &a);
	return -EINVAL;
}

int agent_state_parse(const char *text, struct agent_state *ret, unsigned *ret_line)
{
	struct agent_state *s = malloc(sizeof *s);
	char line[128];
	int err = 0;

	if (!s)
		return -ENOMEM;
	agent_state_init(s);
	for (unsigned n = 1; !err && (*text || n == 1); n++) {
		size_t len = strcspn(text, "\n");

		*ret_line = n;
		/* a line without its end was not written whole */
		if (len >= sizeof line || !text[len]) {
			err = -EINVAL;
			break;
		}
		memcpy(line, text, len);
		line[len] = 0;
		err = n == 1 ? (strcmp(line, STATE_HEADER) ? -EINVAL : 0) : line_parse(line, s);
		text += len + 1;
	}
	if (!err)
		*ret = *s;
	free(s);
	return err ? -EINVAL : 0;
}

static int file_read(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size - 1) {
		n = read(fd, buf + len, size - 1 - len);
		if (n < 0)
			return -errno;
		if (n == 0) {
			buf[len] = 0;
			return strlen(buf) == len ? 0 : -EINVAL;
		}
		len += (size_t)n;
	}
	return -EFBIG;
}

int agent_state_load(const char *path, struct agent_state *ret, unsigned *ret_line)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	char *text;

	*ret_line = 0;
	if (fd < 0) {
		if (errno != ENOENT)
			return -errno;
		agent_state_init(ret);
		return 0;
	}
	text = malloc(STATE_FILE_MAX);
	err = text ? file_read(fd, text, STATE_FILE_MAX) : -ENOMEM;
	if (!err)
		err = agent_state_parse(text, ret, ret_line);
	free(text);
	close(fd);
	return err;
}

static void state_print(FILE *out, const struct agent_state *s)
{
	char text[BATON_ADDR_TEXT_MAX];

	fprintf(out, STATE_HEADER "\n");
	if (s->device[0])
		fprintf(out, "device %s\n", s->device);
	if (s->clsact)
		fprintf(out, "clsact ours\n");
	if (s->bpffs)
		fprintf(out, "bpffs ours\n");
	if (s->arp_ignore != STATE_UNCHANGED)
		fprintf(out, "arp_ignore %d\n", s->arp_ignore);
	if (s->arp_announce != STATE_UNCHANGED)
		fprintf(out, "arp_announce %d\n", s->arp_announce);
	for (unsigned i = 0; i < s->n_vips; i++)
		fprintf(out, "vip %s\n", baton_addr_format(&s->vips[i], text, sizeof text));
}

int agent_state_save(const char *path, const struct agent_state *s)
{
	char temporary[PATH_MAX];
	FILE *out;
	int err = 0;

	if ((size_t)snprintf(temporary, sizeof temporary, "%s.new", path) >= sizeof temporary)
		return -ENAMETOOLONG;
	out = fopen(temporary, "we");
	if (!out)
		return -errno;
	state_print(out, s);
	if (fflush(out) || fsync(fileno(out)))
		err = -errno;
	if (fclose(out) && !err)
		err = -errno;
	if (!err && rename(temporary, path))
		err = -errno;
	if (err)
		unlink(temporary);
	return err;
}
