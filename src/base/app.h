/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An application's id as people write it:
 *
 *	PROTOCOL/VIP:PORT[@HOST:PORT][#SPECIFIC]
 *	tcp/203.0.113.80:80   udp/[2001:db8::53]:53@[2001:db8::17]:5353   tcp/any:80@10.0.0.17:8080#orders
 *
 * PROTOCOL is tcp, udp, sctp or a number; "any" stands for any VIP. Pure.
 */
#ifndef BATON_BASE_APP_H
#define BATON_BASE_APP_H

#include <stddef.h>

#include "baton/health.h"

#define APP_TEXT_MAX 256 /* longest text, with NUL */

/* 0, or -EINVAL with *ret untouched. Without @HOST:PORT, host and host_port of *ret are 0. */
int app_parse(const char *text, struct health_app_id *ret);
/* Text into buf (size ≥ APP_TEXT_MAX); returns buf. A host of family 0 is left out. */
char *app_format(const struct health_app_id *id, char *buf, size_t size);

#endif
