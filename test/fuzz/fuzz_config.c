/* SPDX-License-Identifier: BSD-3-Clause */
/* A device file and, behind a line "%%", a VIP file: parsed, checked across, freed. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"

static struct conf_doc *doc_read(const uint8_t *data, size_t size, const char *name, struct conf_findings *f)
{
	char *text = malloc(size + 1); /* of its own, so that reading behind it is seen */
	struct conf_doc *doc = NULL;

	memcpy(text, data, size);
	text[size] = 0;
	conf_doc_read_text(text, size, name, f, &doc);
	free(text);
	return doc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char texts[8][CONF_FINDING_MAX];
	struct conf_findings f = { .text = texts, .max = 8 };
	const uint8_t *cut = memmem(data, size, "\n%%\n", 4);
	size_t device_size = cut ? (size_t)(cut - data) : size;
	struct conf_doc *vip = cut ? doc_read(cut + 4, size - device_size - 4, "vip", &f) : NULL;
	struct config_source s = { .device = doc_read(data, device_size, "device", &f), .vips = &vip, .n_vips = 1 };
	struct config *c = NULL;

	if (s.device && config_assemble(&s, "/etc/device.conf", &f, &c) == 0)
		config_free(c);
	conf_doc_free(s.device);
	conf_doc_free(vip);
	return 0;
}
