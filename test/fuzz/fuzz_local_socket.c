/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Input: packets, each behind a byte that says who sends it and two that say how
 * long it is. The desk must answer in whole packets whatever comes, and keep its bounds.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "agent/health.h"
#include "agent/local_desk.h"

#define N_PEERS 4

static void expect(bool what)
{
	if (!what)
		abort();
}

static void reply_check(const struct baton_agent_reply *r, size_t len)
{
	expect(ntohs(r->magic) == BATON_AGENT_MAGIC);
	expect(ntohl(r->error) < 4096);
	expect(len == sizeof *r + r->n_rows * (r->type == BATON_AGENT_COUNTERS ? 0 : sizeof(struct baton_agent_row)));
	expect(memchr(r->text, 0, sizeof r->text) && memchr(r->host, 0, sizeof r->host));
	expect(!r->error || r->text[0]);
}

static void packet_serve(struct local_desk *d, struct local_peer *p, const uint8_t *data, size_t len, uint64_t now_ns)
{
	static uint32_t reply[BATON_AGENT_REPLY_MAX / 4 + 1];
	uint32_t *packet = malloc(len ? len : 1); /* aligned, and no byte longer */
	size_t n;

	expect(packet);
	memcpy(packet, data, len);
	n = local_desk_serve(d, p, (const uint8_t *)packet, len, now_ns, (uint8_t *)reply);
	if (n)
		reply_check((const struct baton_agent_reply *)reply, n);
	else
		local_desk_leave(d, p);
	free(packet);
}

static void table_check(const struct agent_health *h, const struct local_desk *d)
{
	const struct agent_app *a = NULL;

	expect(local_desk_count(d) <= LOCAL_MAX_REGISTRATIONS);
	while ((a = agent_health_next(h, a ? &a->id : NULL)))
		expect(agent_health_id_valid(&a->id) && a->state < HEALTH_N_STATES && a->wish < HEALTH_N_DIRECTIVES &&
		       a->capacity <= 99 && a->load <= HEALTH_LOAD_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct agent_config config = { .name = (char *)"web-7",
				       .n_addresses = 1,
				       .addresses = { { .b = { 10, 0, 0, 11 }, .family = BATON_IPV4 } } };
	struct local_peer peers[N_PEERS] = { { .number = 0 },
					     { .number = 1, .uid = 33 },
					     { .number = 2, .uid = 44 },
					     { .number = 3, .uid = 55, .is_operator = true } };
	struct agent_health *h = agent_health_new();
	struct local_desk *d = local_desk_new(&config, h, NULL, NULL);
	uint64_t now_ns = 1;

	expect(d);
	while (size >= 3) {
		size_t len = (size_t)data[1] << 8 | data[2];
		uint8_t who = data[0];

		data += 3, size -= 3;
		len = len < size ? len : size;
		packet_serve(d, &peers[who % N_PEERS], data, len, now_ns);
		if (who & 0x80)
			local_desk_tick(d, now_ns += 1000000000);
		table_check(h, d);
		data += len, size -= len;
	}
	for (unsigned i = 0; i < N_PEERS; i++)
		local_desk_leave(d, &peers[i]);
	table_check(h, d);
	local_desk_free(d);
	agent_health_free(h);
	return 0;
}
