/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARP silence for virtual addresses on the loopback interface: Linux answers
 * ARP for any local address on any interface unless told otherwise
 * (Documentation/networking/ip-sysctl.rst: arp_ignore, arp_announce). IPv6
 * neighbour discovery answers only for the interface's own addresses.
 */
#ifndef BATON_AGENT_SYSCTL_H
#define BATON_AGENT_SYSCTL_H

#include "agent/state.h"

#define SYSCTL_IPV4 "/proc/sys/net/ipv4/"
#define SYSCTL_CONF SYSCTL_IPV4 "conf/"

/* Value of an IPv4 interface setting: conf is "all" or an interface. 0 and *ret, or -errno. */
int sysctl_conf_get(const char *conf, const char *name, int *ret);
/* The number in a file. 0 and *ret, or -errno. */
int sysctl_number_get(const char *path, int *ret);
/* The same of a setting like "tcp_syncookies". */
int sysctl_ipv4_get(const char *name, int *ret);
int sysctl_conf_set(const char *conf, const char *name, int value);

/*
 * Make the machine ARP-silent. What has to change is noted in s and saved to
 * state_path before. Needs no permission if nothing has to. 0 or -errno, after
 * logging.
 */
int sysctl_silence(struct agent_state *s, const char *state_path);
/* Put back what s says, if it still is what sysctl_silence() wrote. */
void sysctl_restore(struct agent_state *s);

#endif
