/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/maps.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* Replies that may go out at once, as a share of a second. */
#define REPLY_BURST_NS (CLOCK_NS_PER_S / 10)

void agent_addr_from(struct agent_addr *dst, const struct baton_addr *a)
{
	*dst = (struct agent_addr){ .family = a->family };
	memcpy(dst->b, a->b, sizeof dst->b);
}

void agent_addr_to(struct baton_addr *dst, const struct agent_addr *a)
{
	*dst = (struct baton_addr){ .family = a->family };
	memcpy(dst->b, a->b, sizeof dst->b);
}

static int settings_sync(int fd, const struct agent_config *c, const struct shim_keyring *keys)
{
	struct agent_settings s = {
		.n_keys = keys->n_keys,
		.shim_port = htons((uint16_t)c->shim_port),
		.reply_interval_ns = CLOCK_NS_PER_S / (unsigned)c->reply_rate,
		.reply_burst_ns = REPLY_BURST_NS,
		.create_mark = (uint32_t)c->create_mark,
	};
	uint32_t zero = 0;

	for (unsigned i = 0; i < keys->n_keys; i++)
		s.keys[i] = (struct agent_key){ .k0 = keys->keys[i].sip.k0,
						.k1 = keys->keys[i].sip.k1,
						.id = keys->keys[i].id };
	return bpf_map_update_elem(fd, &zero, &s, BPF_ANY);
}

/* Delete the entries that the list does not have. */
static int set_shrink(int fd, const struct baton_addr *list, unsigned n)
{
	struct agent_addr key, next;
	struct baton_addr a;
	bool have = bpf_map_get_next_key(fd, NULL, &next) == 0;

	while (have) {
		key = next;
		/* before deleting: afterwards the walk would begin anew */
		have = bpf_map_get_next_key(fd, &key, &next) == 0;
		agent_addr_to(&a, &key);
		if (!agent_config_has(list, n, &a) && bpf_map_delete_elem(fd, &key) && errno != ENOENT)
			return -errno;
	}
	return 0;
}

/* Make fd's keys those of the sorted list; present entries are not touched, new ones get value. */
static int set_sync(int fd, const struct baton_addr *list, unsigned n, const void *value)
{
	struct agent_addr key;
	int err = set_shrink(fd, list, n);

	for (unsigned i = 0; !err && i < n; i++) {
		agent_addr_from(&key, &list[i]);
		if (bpf_map_update_elem(fd, &key, value, BPF_NOEXIST) && errno != EEXIST)
			err = -errno;
	}
	return err;
}

int maps_sync(const struct datapath *d, const struct agent_config *c, const struct shim_keyring *keys)
{
	const struct agent_device device = { 0 };
	const uint32_t one = 1;
	const char *what = "settings";
	int err = settings_sync(d->map_fd[AGENT_MAP_SETTINGS], c, keys);

	if (!err) {
		what = "vips";
		err = set_sync(d->map_fd[AGENT_MAP_VIPS], c->vips, c->n_vips, &one);
	}
	if (!err) {
		what = "devices";
		err = set_sync(d->map_fd[AGENT_MAP_DEVICES], c->forwarders, c->n_forwarders, &device);
	}
	if (!err) {
		what = "hosts";
		err = set_sync(d->map_fd[AGENT_MAP_HOSTS], c->addresses, c->n_addresses, &one);
	}
	if (err)
		log_error("can't write map map=%s reason=\"%s\"", what, strerror(-err));
	return err;
}

int maps_start_sequence(const struct datapath *d)
{
	uint64_t now = clock_wall_ns(), seq;
	uint32_t zero = 0;
	int err = bpf_map_lookup_elem(d->map_fd[AGENT_MAP_SEQUENCE], &zero, &seq);

	if (!err && seq < now)
		err = bpf_map_update_elem(d->map_fd[AGENT_MAP_SEQUENCE], &zero, &now, BPF_ANY);
	if (err)
		log_error("can't write map map=sequence reason=\"%s\"", strerror(-err));
	return err;
}
