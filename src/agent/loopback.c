/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/loopback.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/route/addr.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"

static struct nl_sock *sock_open(void)
{
	struct nl_sock *sock = nl_socket_alloc();

	if (sock && nl_connect(sock, NETLINK_ROUTE)) {
		nl_socket_free(sock);
		sock = NULL;
	}
	if (!sock)
		log_error("can't open a netlink socket");
	return sock;
}

/* To be put by the caller, or NULL. */
static struct rtnl_addr *addr_make(unsigned ifindex, const struct baton_addr *a)
{
	bool v6 = a->family == BATON_IPV6;
	struct nl_addr *local = nl_addr_build(v6 ? AF_INET6 : AF_INET, a->b, v6 ? 16 : 4);
	struct rtnl_addr *addr = rtnl_addr_alloc();

	if (!local || !addr || rtnl_addr_set_local(addr, local)) {
		nl_addr_put(local);
		rtnl_addr_put(addr);
		return NULL;
	}
	nl_addr_put(local);
	rtnl_addr_set_ifindex(addr, (int)ifindex);
	rtnl_addr_set_prefixlen(addr, v6 ? 128 : 32);
	/* host scope: never chosen as a source address for other destinations */
	rtnl_addr_set_scope(addr, RT_SCOPE_HOST);
	if (v6)
		rtnl_addr_set_flags(addr, IFA_F_NODAD);
	return addr;
}

static bool addr_present(struct nl_cache *cache, unsigned ifindex, const struct baton_addr *a)
{
	bool v6 = a->family == BATON_IPV6;

	for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
		struct rtnl_addr *have = (struct rtnl_addr *)o;
		struct nl_addr *local = rtnl_addr_get_local(have);

		if (rtnl_addr_get_ifindex(have) == (int)ifindex && local &&
		    nl_addr_get_family(local) == (v6 ? AF_INET6 : AF_INET) &&
		    !memcmp(nl_addr_get_binary_addr(local), a->b, v6 ? 16 : 4))
			return true;
	}
	return false;
}

static int vip_add(struct nl_sock *sock, unsigned ifindex, const struct baton_addr *a)
{
	struct rtnl_addr *addr = addr_make(ifindex, a);
	char text[BATON_ADDR_TEXT_MAX];
	int err = addr ? rtnl_addr_add(sock, addr, NLM_F_CREATE | NLM_F_EXCL) : -NLE_NOMEM;

	rtnl_addr_put(addr);
	baton_addr_format(a, text, sizeof text);
	if (err && err != -NLE_EXIST) {
		log_error("can't add virtual address to lo address=%s reason=\"%s\"", text, nl_geterror(err));
		return -EIO;
	}
	log_info("virtual address added to lo address=%s", text);
	return 0;
}

/* Note the addresses that are missing as ours; true if there are any. 0, 1 or -errno. */
static int missing_note(struct nl_cache *cache, unsigned ifindex, const struct agent_config *c, struct agent_state *s)
{
	int missing = 0;

	for (unsigned i = 0; i < c->n_vips; i++) {
		int err;

		if (addr_present(cache, ifindex, &c->vips[i]))
			continue;
		missing = 1;
		err = agent_state_add_vip(s, &c->vips[i]);
		if (err)
			return err;
	}
	return missing;
}

static int missing_add(struct nl_sock *sock, unsigned ifindex, const struct agent_config *c, struct agent_state *s,
		       const char *state_path)
{
	struct nl_cache *cache;
	int err;

	if (rtnl_addr_alloc_cache(sock, &cache)) {
		log_error("can't list this machine's addresses");
		return -EIO;
	}
	err = missing_note(cache, ifindex, c, s);
	if (err > 0) {
		err = agent_state_save(state_path, s);
		if (err)
			log_error("can't write state path=%s reason=\"%s\"", state_path, strerror(-err));
		for (unsigned i = 0; !err && i < c->n_vips; i++)
			if (!addr_present(cache, ifindex, &c->vips[i]))
				err = vip_add(sock, ifindex, &c->vips[i]);
	}
	nl_cache_free(cache);
	return err;
}

int loopback_add(const struct agent_config *c, struct agent_state *s, const char *state_path)
{
	unsigned ifindex = if_nametoindex("lo");
	struct nl_sock *sock = sock_open();
	int err = -EIO;

	if (sock && ifindex)
		err = missing_add(sock, ifindex, c, s, state_path);
	nl_socket_free(sock);
	return err;
}

static int vip_remove(struct nl_sock *sock, unsigned ifindex, const struct baton_addr *a)
{
	struct rtnl_addr *addr = addr_make(ifindex, a);
	char text[BATON_ADDR_TEXT_MAX];
	int err = addr ? rtnl_addr_delete(sock, addr, 0) : -NLE_NOMEM;

	rtnl_addr_put(addr);
	baton_addr_format(a, text, sizeof text);
	/* gone already is as good */
	if (err && err != -NLE_NOADDR && err != -NLE_OBJ_NOTFOUND) {
		log_error("can't remove virtual address from lo address=%s reason=\"%s\"", text, nl_geterror(err));
		return -EIO;
	}
	log_info("virtual address removed from lo address=%s", text);
	return 0;
}

int loopback_remove(const struct agent_config *c, struct agent_state *s)
{
	unsigned ifindex = if_nametoindex("lo");
	struct nl_sock *sock = sock_open();
	int err = sock && ifindex ? 0 : -EIO;

	for (unsigned i = 0; !err && i < s->n_vips;) {
		struct baton_addr a = s->vips[i];

		if (c && agent_config_has(c->vips, c->n_vips, &a)) {
			i++;
			continue;
		}
		err = vip_remove(sock, ifindex, &a);
		if (!err)
			agent_state_del_vip(s, &a);
	}
	nl_socket_free(sock);
	return err;
}
