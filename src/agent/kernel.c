/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/kernel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/sysctl.h"
#include "base/log.h"
#include "baton/abi/shim.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* asm-generic/socket.h, Linux 5.14 */
#endif

static const struct {
	const char *name;
	uint8_t option;
} tcp_options[] = {
	{ "tcp_window_scaling", BATON_TCP_WSCALE },
	{ "tcp_sack", BATON_TCP_SACK },
	{ "tcp_timestamps", BATON_TCP_TIMESTAMPS },
};

static bool sysctl_is_off(const char *name)
{
	int value = 1;

	return sysctl_ipv4_get(name, &value) == 0 && value == 0;
}

static uint64_t netns_cookie(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof cookie;

	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
		cookie = 0;
	close(fd);
	return cookie;
}

void agent_kernel_read(struct agent_kernel *ret, bool creates)
{
	*ret = (struct agent_kernel){ .netns_cookie = netns_cookie() };
	if (!creates)
		ret->refusal = BATON_SHIM_REFUSAL_KERNEL;
	else if (sysctl_is_off("tcp_syncookies"))
		ret->refusal = BATON_SHIM_REFUSAL_SYNCOOKIES_OFF;
	for (size_t i = 0; i < sizeof tcp_options / sizeof tcp_options[0]; i++)
		if (sysctl_is_off(tcp_options[i].name))
			ret->options_off |= tcp_options[i].option;
}

const char *agent_kernel_obstacle(const struct agent_kernel *k)
{
	static const char *const texts[BATON_SHIM_N_REFUSALS] = {
#define X(TOKEN, name, text) [BATON_SHIM_REFUSAL_##TOKEN] = text,
		BATON_SHIM_REFUSALS(X)
#undef X
	};

	return k->refusal && k->refusal < BATON_SHIM_N_REFUSALS ? texts[k->refusal] : NULL;
}

static void changes_log(const struct agent_kernel *now, const struct agent_kernel *last)
{
	const char *obstacle = agent_kernel_obstacle(now);

	if (now->refusal != last->refusal) {
		if (obstacle)
			log_warning("connections that devices have accepted are refused: %s", obstacle);
		else
			log_info("connections that devices have accepted are taken");
	}
	for (size_t i = 0; i < sizeof tcp_options / sizeof tcp_options[0]; i++) {
		uint8_t bit = tcp_options[i].option;

		if (now->options_off & ~last->options_off & bit)
			log_warning("net.ipv4.%s is 0: connections that a device has accepted with this option are "
				    "refused; set it to 1, or switch the option off at the devices too",
				    tcp_options[i].name);
		if (last->options_off & ~now->options_off & bit)
			log_info("net.ipv4.%s is on again", tcp_options[i].name);
	}
}

int agent_kernel_sync(const struct datapath *d, struct agent_kernel *last)
{
	struct agent_kernel now;
	uint32_t zero = 0;

	agent_kernel_read(&now, d->creates);
	if (!d->traces)
		now.netns_cookie = 0;
	if (!memcmp(&now, last, sizeof now))
		return 0;
	if (bpf_map_update_elem(d->map_fd[AGENT_MAP_KERNEL], &zero, &now, BPF_ANY))
		return -errno;
	changes_log(&now, last);
	*last = now;
	return 0;
}
