/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration directory of its own for each test, and what is expected of files in it. */
#ifndef BATON_TEST_CONFIG_PLACE_H
#define BATON_TEST_CONFIG_PLACE_H

#include "config/config.h"

#define N_ERRORS 8

/* Files that load without a finding. */
extern const char place_device_text[], place_vip_text[];

/* A directory of its own for each test: DIR/device.conf, DIR/vips/. */
struct place {
	char dir[32];
	char device[64];
	struct config *c;
	struct config_error errors[N_ERRORS];
	unsigned n;
};

void place_write(const char *path, const char *text);
int place_setup(void **state);
int place_teardown(void **state);
void place_vip_add(struct place *p, const char *name, const char *text);
int place_load(struct place *p);
const char *place_finding(const struct place *p, unsigned i);
char *place_replaced(const char *text, const char *from, const char *to);
void place_device_refused(struct place *p, const char *from, const char *to, const char *expected);
void place_vip_refused(struct place *p, const char *from, const char *to, const char *expected);
void place_vip_warned(struct place *p, const char *from, const char *to, const char *expected);

#endif
