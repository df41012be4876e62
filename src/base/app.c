/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/app.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

static const struct {
	const char *name;
	uint8_t proto;
} protocols[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } };

#define N_PROTOCOLS (sizeof protocols / sizeof protocols[0])

static int protocol_parse(const char *text, uint8_t *ret)
{
	uint64_t n;

	for (size_t i = 0; i < N_PROTOCOLS; i++)
		if (!strcmp(text, protocols[i].name)) {
			*ret = protocols[i].proto;
			return 0;
		}
	if (number_parse(text, 1, 255, &n))
		return -EINVAL;
	*ret = (uint8_t)n;
	return 0;
}

/* "10.0.0.1:80", "[2001:db8::1]:80", and "any:80" where any address will do. Writes into text. */
static int endpoint_parse(char *text, bool any, struct baton_addr *ret_addr, uint16_t *ret_port)
{
	char *port = strrchr(text, ':'), *addr = text;
	bool bracket = text[0] == '[';
	uint64_t n;
	size_t len;

	if (!port || number_parse(port + 1, 1, 65535, &n))
		return -EINVAL;
	*port = 0;
	*ret_port = (uint16_t)n;
	if (any && !strcmp(text, "any"))
		return 0;
	if (bracket) {
		len = strlen(++addr);
		if (!len || addr[len - 1] != ']')
			return -EINVAL;
		addr[len - 1] = 0;
	}
	return baton_addr_parse(addr, ret_addr) || bracket != (ret_addr->family == BATON_IPV6) ? -EINVAL : 0;
}

int app_parse(const char *text, struct health_app_id *ret)
{
	struct health_app_id id = { 0 };
	char buf[APP_TEXT_MAX], *vip, *host, *specific;

	if (strlen(text) >= sizeof buf)
		return -EINVAL;
	memcpy(buf, text, strlen(text) + 1);
	specific = strchr(buf, '#');
	if (specific) {
		*specific++ = 0;
		if (!*specific || strlen(specific) >= sizeof id.specific)
			return -EINVAL;
		memcpy(id.specific, specific, strlen(specific));
	}
	host = strchr(buf, '@');
	if (host)
		*host++ = 0;
	vip = strchr(buf, '/');
	if (!vip)
		return -EINVAL;
	*vip++ = 0;
	if (protocol_parse(buf, &id.proto) || endpoint_parse(vip, true, &id.vip, &id.vip_port) ||
	    (host && endpoint_parse(host, false, &id.host, &id.host_port)))
		return -EINVAL;
	*ret = id;
	return 0;
}

char *app_format(const struct health_app_id *id, char *buf, size_t size)
{
	char proto[8], vip[BATON_ADDR_TEXT_MAX], host[BATON_ADDR_TEXT_MAX + 1] = "";

	snprintf(proto, sizeof proto, "%u", id->proto);
	for (size_t i = 0; i < N_PROTOCOLS; i++)
		if (id->proto == protocols[i].proto)
			snprintf(proto, sizeof proto, "%s", protocols[i].name);
	if (id->vip.family)
		baton_endpoint_format(id->vip.b, id->vip.family, htons(id->vip_port), vip, sizeof vip);
	else
		snprintf(vip, sizeof vip, "any:%u", id->vip_port);
	if (id->host.family) {
		host[0] = '@';
		baton_endpoint_format(id->host.b, id->host.family, htons(id->host_port), host + 1, sizeof host - 1);
	}
	snprintf(buf, size, "%s/%s%s%s%.*s", proto, vip, host, id->specific[0] ? "#" : "", HEALTH_SPECIFIC_MAX - 1,
		 id->specific);
	return buf;
}
