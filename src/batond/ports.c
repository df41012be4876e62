/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK ports: one queue pair for each forwarder lcore. */
#include <errno.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "base/log.h"
#include "batond/batond.h"

#define PORTS_MBUF_CACHE 256u

bool ports_is_pci(const struct config_port *c)
{
	size_t name = strcspn(c->device, ",");

	return memchr(c->device, ':', name) != NULL;
}

static int ports_find_device(const struct config_port *c, uint16_t *ret_id)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	size_t n = strcspn(c->device, ",");

	if (n >= sizeof name)
		return -EINVAL;
	memcpy(name, c->device, n);
	name[n] = 0;
	/* PCI devices were probed when DPDK started; virtual ones are made now */
	if (!ports_is_pci(c) && rte_dev_probe(c->device) < 0) {
		log_error("cannot make the virtual device port=%s device=%s; does its interface exist and is it up?",
			  c->name, c->device);
		return -ENODEV;
	}
	if (rte_eth_dev_get_port_by_name(name, ret_id) < 0) {
		log_error("no such device, or no DPDK driver took it port=%s device=%s; is it bound to vfio-pci?",
			  c->name, c->device);
		return -ENODEV;
	}
	return 0;
}

static int ports_configure(struct batond *b, struct batond_port *p)
{
	const struct config_port *c = p->config;
	uint16_t n_queues = c->queues ? (uint16_t)c->queues : (uint16_t)b->n_forwarders, mtu;
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_dev_info info;
	int err = rte_eth_dev_info_get(p->id, &info);

	if (err < 0)
		return err;
	if (n_queues != b->n_forwarders || n_queues > info.max_rx_queues || n_queues > info.max_tx_queues) {
		log_error("port has too few queues port=%s receive=%u transmit=%u needed=%u (one for each forwarder "
			  "lcore)%s",
			  c->name, info.max_rx_queues, info.max_tx_queues, b->n_forwarders,
			  strstr(c->device, "af_packet") ? "; add qpairs= to its device string" : "");
		return -EINVAL;
	}
	if (n_queues > 1 && info.flow_type_rss_offloads) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf =
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP) & info.flow_type_rss_offloads;
	}
	err = rte_eth_dev_configure(p->id, n_queues, n_queues, &conf);
	if (err < 0)
		return err;
	if (rte_eth_dev_get_mtu(p->id, &mtu) == 0 && mtu != c->mtu) {
		err = rte_eth_dev_set_mtu(p->id, (uint16_t)c->mtu);
		if (err < 0) {
			log_error("port does not take the MTU port=%s mtu=%d error=\"%s\"", c->name, c->mtu,
				  strerror(-err));
			return err;
		}
	}
	for (uint16_t q = 0; q < n_queues; q++) {
		err = rte_eth_rx_queue_setup(p->id, q, (uint16_t)c->rx_descriptors, rte_eth_dev_socket_id(p->id), NULL,
					     b->packets[q]);
		if (err == 0)
			err = rte_eth_tx_queue_setup(p->id, q, (uint16_t)c->tx_descriptors,
						     rte_eth_dev_socket_id(p->id), NULL);
		if (err < 0)
			return err;
	}
	return 0;
}

static int ports_start_one(struct batond *b, struct batond_port *p)
{
	struct rte_ether_addr mac;
	int err = ports_configure(b, p);

	if (err == 0)
		err = rte_eth_dev_start(p->id);
	if (err == 0)
		err = rte_eth_macaddr_get(p->id, &mac);
	if (err < 0) {
		log_error("cannot start port=%s device=%s error=\"%s\"", p->config->name, p->config->device,
			  strerror(-err));
		return err;
	}
	memcpy(p->mac, mac.addr_bytes, sizeof p->mac);
	/* neighbour solicitations come to multicast addresses; not every virtual device has the call */
	err = rte_eth_allmulticast_enable(p->id);
	if (err < 0 && err != -ENOTSUP)
		log_warning("port does not take all multicast, IPv6 neighbours may not find us port=%s error=\"%s\"",
			    p->config->name, strerror(-err));
	return 0;
}

/*
 * A pool for each forwarder: buffers of one pool are neighbours in memory, and lcores that shared one waited for
 * each other's lines once a burst (docs/scaling.md).
 */
static int ports_make_pools(struct batond *b)
{
	unsigned room = RTE_MBUF_DEFAULT_DATAROOM, share = (unsigned)b->config->packet_buffers / b->n_forwarders;
	char name[RTE_MEMPOOL_NAMESIZE];

	for (unsigned i = 0; i < b->config->n_ports; i++)
		if ((unsigned)b->config->ports[i].mtu + 64 > room)
			room = (unsigned)b->config->ports[i].mtu + 64;
	for (unsigned i = 0; i < b->n_forwarders; i++) {
		snprintf(name, sizeof name, "packets%u", i);
		b->packets[i] = rte_pktmbuf_pool_create(name, share, RTE_MIN(PORTS_MBUF_CACHE, share / 2), 0,
							(uint16_t)(room + RTE_PKTMBUF_HEADROOM), SOCKET_ID_ANY);
		if (!b->packets[i])
			break;
	}
	if (b->packets[b->n_forwarders - 1])
		return 0;
	log_error("no memory for packet buffers count=%d; raise memory.size_mb or lower memory.packet_buffers",
		  b->config->packet_buffers);
	return -ENOMEM;
}

int ports_start(struct batond *b)
{
	int err;

	b->n_forwarders = 0;
	for (unsigned i = 0; i < b->config->n_lcores; i++)
		b->n_forwarders += b->config->lcores[i].forwarder;
	err = ports_make_pools(b);
	for (unsigned i = 0; i < b->config->n_ports && err == 0; i++) {
		struct batond_port *p = &b->ports[i];

		p->config = &b->config->ports[i];
		err = ports_find_device(p->config, &p->id);
		if (err == 0 && p->id >= b->config->n_ports) {
			/* the forwarders go through the ids from 0 on */
			log_error("a device here has more than one DPDK port, which is not supported port=%s "
				  "device=%s",
				  p->config->name, p->config->device);
			err = -ERANGE;
		}
		if (err == 0)
			err = ports_start_one(b, p);
		if (err == 0)
			b->n_ports++;
	}
	if (err < 0)
		ports_stop(b);
	return err;
}

void ports_stop(struct batond *b)
{
	for (unsigned i = 0; i < b->n_ports; i++) {
		rte_eth_dev_stop(b->ports[i].id);
		rte_eth_dev_close(b->ports[i].id);
	}
	b->n_ports = 0;
	for (unsigned i = 0; i < VIEW_MAX_FORWARDERS; i++) {
		rte_mempool_free(b->packets[i]);
		b->packets[i] = NULL;
	}
}

struct batond_port *ports_find(struct batond *b, uint16_t port_id)
{
	for (unsigned i = 0; i < b->n_ports; i++)
		if (b->ports[i].id == port_id)
			return &b->ports[i];
	return NULL;
}
