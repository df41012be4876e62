/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of src/config, its tests and the printed reference. */
#ifndef BATON_CONFIG_SCHEMA_H
#define BATON_CONFIG_SCHEMA_H

#include "base/conf.h"
#include "config/config.h"

#define CONFIG_MAX_VIPS 1024
#define CONFIG_MAX_ALL_ENDPOINTS 8192
#define CONFIG_POOL_NAME_MAX 31
#define CONFIG_MAX_FORWARDERS 32   /* as many as a view holds */
#define CONFIG_TIMEOUT_MAX_S 32000 /* the route's 16-bit clock of seconds must not wrap within one */

/* The device file; object is struct config. */
extern const struct conf_key config_device_keys[];
/* A VIP file; object is struct config_vip. */
extern const struct conf_key config_vip_keys[];

/* One rule; object is struct config_rule. */
extern const struct conf_key config_rule_keys[];

/* What a list of texts is compared with, and how. */
struct config_condition_kind {
	const char *key;        /* without not_ */
	uint8_t subject, match; /* enum rules_subject, enum rules_match */
};

extern const struct config_condition_kind config_condition_kinds[CONFIG_N_CONDITIONS];

/* The value of text in names; if it has none, -EINVAL and the reason. */
int config_word_find(const struct conf_name *names, const char *text, char *why, size_t size);
/* For .check of a STRING: a token (RFC 9110, section 5.6.2), as names of methods, fields and cookies are. */
int config_check_token(const void *value, char *why, size_t size);
/* "tls-session" */
const char *config_affinity_name(uint8_t by);

/* A configuration on its way from text to struct config. */
struct config_source {
	struct conf_doc *device;
	struct conf_doc **vips; /* NULL where a file could not be parsed */
	unsigned n_vips;
};

/*
 * Judge parsed texts. 0 and *ret (findings are warnings then), or -errno. The
 * source stays the caller's.
 */
int config_assemble(const struct config_source *s, const char *file, struct conf_findings *f, struct config **ret);

/* Checks across keys of the device file. */
void config_check_device(const struct config *c, const struct conf_doc *doc, struct conf_findings *f);
/* Checks across VIPs and between them and the device. VIPs with address family 0 were not parsed and are left out. */
void config_check_vips(const struct config *c, const struct config_source *s, struct conf_findings *f);
/*
 * Checks within one VIP's file that go across keys of mode application and
 * affinity; compiles the rules. 0, or -ENOMEM.
 */
int config_check_application(struct config_vip *v, const struct conf_doc *doc, struct conf_findings *f);
/* Part of that: the rules' own. */
void config_check_rules(const struct config_vip *v, const struct conf_doc *doc, struct conf_findings *f);
/* Has it no conditions? */
bool config_rule_is_unconditional(const struct config_rule *r);
/* Number of the pool in the VIP, from 1; 0 for the VIP's own endpoints; -ENOENT. */
int config_pool_find(const struct config_vip *v, const char *name);
/* Compile checked rules into v->compiled. 0 (with findings, if they can not be), or -ENOMEM. */
int config_rules_compile(struct config_vip *v, const struct conf_doc *doc, struct conf_findings *f);
/*
 * The bytes of a short answer, status line to body: 0 and *ret (to be freed),
 * -EINVAL with the reason in why, or -ENOMEM.
 */
int config_answer_render(const struct config_answer *a, char **ret, size_t *ret_len, char *why, size_t size);
/* NULL, or the reason why the address can't be one machine's on a network. */
const char *config_addr_unfit(const struct baton_addr *a);

#endif
