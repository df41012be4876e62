/* SPDX-License-Identifier: BSD-3-Clause */
/* A frame from the wire: parsed within its bounds; what is answered is answered with a good frame. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder/checksum.h"
#include "forwarder/echo.h"
#include "forwarder/packet.h"
#include "forwarder/packet_flow.h"
#include "forwarder/reset.h"

static void expect(bool what)
{
	if (!what)
		abort();
}

static void check_offsets(const struct packet_info *p, size_t size)
{
	expect(p->l2_len >= 14 && p->l2_len <= p->l4_offset && p->l4_offset <= p->end && p->end <= size);
	if (p->kind == PACKET_FLOW)
		expect(p->end - p->l4_offset >= (p->tuple.proto == IPPROTO_TCP ? 20 : 8));
}

/* Answers to what was sent to 127.0.0.1 and its like: the caller answers for the device's own addresses only. */
static bool never_local(const struct packet_info *answer)
{
	return answer->kind == PACKET_BAD && answer->bad == PACKET_BAD_IP_SOURCE;
}

static void check_echo(const uint8_t *data, size_t size, const struct packet_info *p)
{
	static const uint8_t mac[6] = { 2 };
	uint8_t *copy = malloc(size);
	struct packet_info reply;
	uint32_t len;

	expect(copy != NULL);
	memcpy(copy, data, size);
	len = echo_reply(copy, (uint32_t)size, p, mac);
	if (len) {
		packet_parse(copy, len, &reply);
		if (!never_local(&reply)) {
			expect(reply.kind == PACKET_OTHER_IP && reply.end == len && len <= p->end);
			expect(!memcmp(reply.tuple.saddr, p->tuple.daddr, 16));
		}
	}
	free(copy);
}

static void check_reset(const uint8_t *data, const struct packet_info *p)
{
	uint8_t frame[RESET_MAX];
	struct packet_info reset;
	uint32_t len = reset_build(frame, sizeof frame, data, p);

	if (!len)
		return;
	packet_parse(frame, len, &reset);
	if (never_local(&reset))
		return;
	expect(reset.kind == PACKET_FLOW && reset.end == len && reset.tcp_flags & PACKET_TCP_RST);
	expect(!checksum_transport(&reset.tuple, frame + reset.l4_offset, 20));
}

/* The packet path's own parser says the same of what it takes. */
static void check_flow(const uint8_t *data, size_t size, const struct packet_info *p)
{
	struct packet_flow f = packet_flow(data, (uint32_t)size);
	struct packet_info info;

	if (!f.family)
		return;
	packet_flow_info(&f, data, &info);
	expect(!memcmp(p, &info, sizeof info));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet_info p;

	packet_parse(data, (uint32_t)size, &p);
	check_flow(data, size, &p);
	if (p.kind == PACKET_BAD) {
		expect(strncmp(packet_bad_name(p.bad), "bad_", 4) == 0);
		return 0;
	}
	check_offsets(&p, size);
	if (p.kind == PACKET_ECHO)
		check_echo(data, size, &p);
	if (p.kind == PACKET_FLOW)
		check_reset(data, &p);
	return 0;
}
