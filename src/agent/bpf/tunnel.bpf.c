/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Host end of the port-field tunnel, on clsact ingress of the interface that
 * the forwarders reach. Packets of a device (source F, destination H) are
 * restored, answered or dropped; all others are left to whatever filter is
 * next on the hook.
 */
#include "agent/bpf/ended.bpf.h"
#include "agent/bpf/shim.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline int device_packet(struct __sk_buff *skb, struct packet *p, struct agent_device *d,
					 const bool able)
{
	struct agent_settings *cfg;
	struct udphdr udp;

	if (p->fragment) {
		count(AGENT_COUNTER_FRAGMENT);
		return TC_ACT_SHOT;
	}
	if (p->extension) {
		count(AGENT_COUNTER_EXTENSION);
		return TC_ACT_SHOT;
	}
	if (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP)
		return TC_ACT_UNSPEC;
	if (p->proto == IPPROTO_TCP || !parse_l4_fits(p) || bpf_skb_load_bytes(skb, p->l4_offset, &udp, sizeof udp))
		return restore_packet(skb, p, d);
	cfg = settings_get();
	if (!cfg) {
		count(AGENT_COUNTER_NO_SETTINGS);
		return TC_ACT_SHOT;
	}
	if (udp.dest == cfg->shim_port)
		return shim_receive(skb, p, &udp, d, cfg, able);
	return restore_packet(skb, p, d);
}

static __always_inline int ingress(struct __sk_buff *skb, const bool able)
{
	struct packet p = { 0 };
	struct agent_device *d;
	__u8 family;
	int verdict;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		verdict = restore_plain_ipv4(skb);
		family = 4;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		verdict = restore_plain_ipv6(skb);
		family = 6;
	} else {
		return TC_ACT_UNSPEC;
	}
	if (verdict != TC_ACT_UNSPEC)
		return verdict;
	if (parse_ip(skb, L3_OFFSET, family, &p))
		return TC_ACT_UNSPEC;
	d = bpf_map_lookup_elem(&devices, &p.src);
	if (!d || !bpf_map_lookup_elem(&hosts, &p.dst))
		return TC_ACT_UNSPEC;
	return device_packet(skb, &p, d, able);
}

/* The loader takes the second, unless the kernel can not create connections (before Linux 6.8). */
SEC("tc")
int tunnel_ingress(struct __sk_buff *skb)
{
	return ingress(skb, false);
}

SEC("tc")
int tunnel_ingress_create(struct __sk_buff *skb)
{
	return ingress(skb, true);
}
