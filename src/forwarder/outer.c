/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarder/outer.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_udp.h>

#include "baton/addr.h"

#define OUTER_TTL 64

uint16_t outer_len(uint8_t family)
{
	return (uint16_t)((family == BATON_IPV4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr)) +
			  sizeof(struct rte_udp_hdr));
}

static struct rte_udp_hdr *outer_write_udp(void *p, uint16_t payload, uint16_t port_be)
{
	struct rte_udp_hdr *u = p;

	u->src_port = port_be;
	u->dst_port = port_be;
	u->dgram_len = rte_cpu_to_be_16((uint16_t)(sizeof *u + payload));
	u->dgram_cksum = 0;
	return u;
}

static void outer_write4(uint8_t *l3, uint16_t payload, const uint8_t src[4], const uint8_t dst[4], uint16_t port_be)
{
	struct rte_ipv4_hdr *ip = (void *)l3;
	struct rte_udp_hdr *udp = outer_write_udp(ip + 1, payload, port_be);

	memset(ip, 0, sizeof *ip);
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(sizeof *ip + sizeof *udp + payload));
	ip->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	ip->time_to_live = OUTER_TTL;
	ip->next_proto_id = IPPROTO_UDP;
	memcpy(&ip->src_addr, src, 4);
	memcpy(&ip->dst_addr, dst, 4);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
}

static void outer_write6(uint8_t *l3, uint16_t payload, const uint8_t src[16], const uint8_t dst[16], uint16_t port_be)
{
	struct rte_ipv6_hdr *ip = (void *)l3;
	struct rte_udp_hdr *udp = outer_write_udp(ip + 1, payload, port_be);

	memset(ip, 0, sizeof *ip);
	ip->vtc_flow = rte_cpu_to_be_32(6u << 28);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(sizeof *udp + payload));
	ip->proto = IPPROTO_UDP;
	ip->hop_limits = OUTER_TTL;
	memcpy(ip->src_addr, src, 16);
	memcpy(ip->dst_addr, dst, 16);
	udp->dgram_cksum = rte_ipv6_udptcp_cksum(ip, udp);
}

void outer_write(uint8_t *l3, uint8_t family, uint16_t payload, const uint8_t src[16], const uint8_t dst[16],
		 uint16_t port_be)
{
	if (family == BATON_IPV4)
		outer_write4(l3, payload, src, dst, port_be);
	else
		outer_write6(l3, payload, src, dst, port_be);
}
