/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames of clients, as Linux and a browser send them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "migrate/segment.h"
#include "rig.h"

#define PORTS 60000
#define PORT_FIRST 1024
#define FIRST_ADDRESS 0x0a400001u /* 10.64.0.1 */
#define REQUEST_LEN 300

static const char *const paths[RIG_N_REQUESTS] = {
	[RIG_FIRST] = "/api/v1/orders",
	[RIG_REGEX] = "/item/48151623/edit",
	[RIG_LAST] = "/last/resort",
	[RIG_NONE] = "/news/today/index.html",
};

void traffic_key(uint32_t number, struct baton_tuple *ret)
{
	uint32_t address = htonl(FIRST_ADDRESS + number / PORTS);

	*ret = (struct baton_tuple){ .daddr = { 192, 0, 2, 1 },
				     .sport_be = htons((uint16_t)(PORT_FIRST + number % PORTS)),
				     .dport_be = htons(80),
				     .family = BATON_IPV4,
				     .proto = IPPROTO_TCP };
	memcpy(ret->saddr, &address, sizeof address);
}

uint32_t traffic_number(const struct baton_tuple *key)
{
	uint32_t address;

	memcpy(&address, key->saddr, sizeof address);
	return (ntohl(address) - FIRST_ADDRESS) * PORTS + ntohs(key->sport_be) - PORT_FIRST;
}

static void write_frame(struct rig_client *c, const struct segment *s)
{
	static const uint8_t link[14] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0 };
	struct baton_tuple key;

	traffic_key(c->number, &key);
	memcpy(c->frame, link, sizeof link);
	c->len = (uint32_t)sizeof link + segment_write(c->frame + sizeof link, &key, s);
}

void traffic_syn(struct rig_client *c, uint32_t number)
{
	struct segment s = { .flags = PACKET_TCP_SYN,
			     .window = 64240,
			     .options = {
				     .mss = 1460, .wscale = 7, .sack = true, .timestamps = true, .tsval = number } };

	c->number = number;
	c->isn = number * 2654435761u;
	c->endpoint = VIEW_NONE;
	s.seq = c->isn;
	write_frame(c, &s);
}

static void write_data(struct rig_client *c, uint8_t flags, const char *data, uint32_t len)
{
	struct segment s = { .seq = c->isn + 1,
			     .ack = c->server_isn + 1,
			     .flags = flags,
			     .window = 502,
			     .options = { .wscale = TCP_OPTIONS_NO_WSCALE, .timestamps = true },
			     .data = (const uint8_t *)data,
			     .len = len };

	s.options.tsval = c->number + 1;
	write_frame(c, &s);
}

void traffic_ack(struct rig_client *c)
{
	write_data(c, PACKET_TCP_ACK, NULL, 0);
}

uint32_t traffic_request_len(void)
{
	return REQUEST_LEN;
}

void traffic_request(struct rig_client *c, enum rig_request kind)
{
	static const char last[] = "\r\n\r\n";
	char text[REQUEST_LEN + 1];
	int n = snprintf(
		text, sizeof text,
		"GET %s HTTP/1.1\r\nHost: www.example.org\r\n"
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
		"Accept: text/html,*/*;q=0.8\r\nAccept-Language: en,de;q=0.7\r\nCookie: sid=%08x; lang=en\r\nX-Pad: ",
		paths[kind], c->number);

	memset(text + n, 'p', sizeof text - (size_t)n);
	memcpy(text + REQUEST_LEN - 4, last, 4);
	write_data(c, PACKET_TCP_ACK | SEGMENT_TCP_PSH, text, REQUEST_LEN);
}
