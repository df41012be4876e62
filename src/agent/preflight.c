/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/preflight.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/sysctl.h"
#include "base/log.h"

/* Atomic fetch-and-add in BPF (5.12) in a kernel that is still maintained. */
#define KERNEL_NEEDED (5u << 16 | 15)
#define KERNEL_NEEDED_TEXT "5.15"
/* bpf_sk_assign_tcp_reqsk(): a kernel from here on can also take over migrated connections. */
#define KERNEL_WANTED (6u << 16 | 8)
#define KERNEL_WANTED_TEXT "6.8"
#define MTU_WANTED 1500

unsigned preflight_kernel_parse(const char *release)
{
	unsigned major, minor;

	if (sscanf(release, "%u.%u", &major, &minor) != 2 || major > 0xffff || minor > 0xffff)
		return 0;
	return major << 16 | minor;
}

static unsigned kernel_check(void)
{
	struct utsname u;
	unsigned version;

	if (uname(&u))
		return 0;
	version = preflight_kernel_parse(u.release);
	if (version < KERNEL_NEEDED) {
		log_error("missing: Linux " KERNEL_NEEDED_TEXT " or newer; this is %s", u.release);
		return 1;
	}
	if (version < KERNEL_WANTED)
		log_warning("Linux " KERNEL_WANTED_TEXT " or newer is recommended; this is %s", u.release);
	return 0;
}

static unsigned bpf_check(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "preflight", sizeof(uint32_t), sizeof(uint32_t), 1, NULL);

	if (fd >= 0) {
		close(fd);
		if (access("/sys/kernel/btf/vmlinux", R_OK))
			log_warning("the kernel gives no type information (CONFIG_DEBUG_INFO_BTF); "
				    "this build runs without, later ones may not");
		return 0;
	}
	if (errno == ENOSYS)
		log_error("missing: bpf() in the kernel (CONFIG_BPF_SYSCALL)");
	else if (errno == EPERM)
		log_error(
			"missing: permission to use bpf(): run as root or with CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN");
	else
		log_error("missing: a working bpf(): %s", strerror(errno));
	return 1;
}

/* One request about an interface; 0 or -errno. */
static int interface_ask(const char *name, unsigned long request, struct ifreq *r)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	memset(r, 0, sizeof *r);
	snprintf(r->ifr_name, sizeof r->ifr_name, "%s", name);
	if (ioctl(fd, request, r))
		err = -errno;
	close(fd);
	return err;
}

static unsigned interface_check(const char *name)
{
	struct ifreq r;

	if (interface_ask(name, SIOCGIFHWADDR, &r)) {
		log_error("missing: interface %s", name);
		return 1;
	}
	if (r.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
		log_error("missing: an Ethernet interface; %s is of type %d", name, r.ifr_hwaddr.sa_family);
		return 1;
	}
	if (!interface_ask(name, SIOCGIFFLAGS, &r) && !(r.ifr_flags & IFF_UP))
		log_warning("interface %s is down", name);
	if (!interface_ask(name, SIOCGIFMTU, &r) && r.ifr_mtu < MTU_WANTED)
		log_warning("interface %s has an MTU of %d; full-size packets of %d bytes will not arrive", name,
			    r.ifr_mtu, MTU_WANTED);
	return 0;
}

static unsigned loopback_check(void)
{
	struct ifreq r;

	if (!interface_ask("lo", SIOCGIFFLAGS, &r) && r.ifr_flags & IFF_UP)
		return 0;
	log_error("missing: the loopback interface is down: ip link set lo up");
	return 1;
}

static bool sockaddr_is(const struct sockaddr *sa, const struct baton_addr *a)
{
	if (!sa)
		return false;
	if (sa->sa_family == AF_INET && a->family == BATON_IPV4)
		return !memcmp(&((const struct sockaddr_in *)sa)->sin_addr, a->b, 4);
	if (sa->sa_family == AF_INET6 && a->family == BATON_IPV6)
		return !memcmp(&((const struct sockaddr_in6 *)sa)->sin6_addr, a->b, 16);
	return false;
}

static void addresses_check(const struct agent_config *c)
{
	char text[BATON_ADDR_TEXT_MAX];
	struct ifaddrs *all, *i;

	if (getifaddrs(&all))
		return;
	for (unsigned n = 0; n < c->n_addresses; n++) {
		for (i = all; i; i = i->ifa_next)
			if (sockaddr_is(i->ifa_addr, &c->addresses[n]))
				break;
		if (!i)
			log_warning("address %s is not on any interface of this machine",
				    baton_addr_format(&c->addresses[n], text, sizeof text));
	}
	freeifaddrs(all);
}

/* The larger of the two values counts (ip-sysctl.rst); 1 is strict. */
static void rp_filter_check(const char *device)
{
	int all = 0, own = 0;

	if (sysctl_conf_get("all", "rp_filter", &all) || sysctl_conf_get(device, "rp_filter", &own))
		return;
	if ((all > own ? all : own) == 1)
		log_warning("rp_filter is strict on %s: packets of clients that this host reaches by another "
			    "interface are dropped; set net.ipv4.conf.%s.rp_filter=2",
			    device, device);
}

/* What makes handing connections over fail quietly; whether it can work at all is looked at again and again. */
static void create_check(void)
{
	int value = 0;

	if (!sysctl_ipv4_get("tcp_rfc1337", &value) && value)
		log_warning("net.ipv4.tcp_rfc1337 is on: a client that uses a port again while this host still has its "
			    "TIME_WAIT is kept waiting for up to a minute; set it to 0");
	if (!sysctl_number_get("/proc/sys/net/netfilter/nf_conntrack_tcp_loose", &value) && !value)
		log_warning("net.netfilter.nf_conntrack_tcp_loose is 0: connection tracking calls the first packet of "
			    "a connection that a device has accepted invalid; set it to 1 if a rule drops invalid "
			    "packets");
}

unsigned preflight_run(const struct agent_config *c)
{
	unsigned missing = kernel_check() + bpf_check() + interface_check(c->device) + loopback_check();

	addresses_check(c);
	rp_filter_check(c->device);
	create_check();
	return missing;
}
