/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/hugepages.h"

#include <stdio.h>

#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define POOL_ALL POOL "nr_hugepages"
#define POOL_FREE POOL "free_hugepages"

static long number_read(const char *path)
{
	FILE *f = fopen(path, "re");
	long n = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

static bool number_write(const char *path, long n)
{
	FILE *f = fopen(path, "we");
	bool ok;

	if (!f)
		return false;
	ok = fprintf(f, "%ld\n", n) > 0;
	return fclose(f) == 0 && ok;
}

bool hugepages_take(uint32_t n, uint32_t *ret_added)
{
	long free_pages = number_read(POOL_FREE), all = number_read(POOL_ALL), now;

	*ret_added = 0;
	if (free_pages < 0 || all < 0)
		return false;
	if (free_pages >= (long)n)
		return true;
	if (!number_write(POOL_ALL, all + (long)n - free_pages))
		return false;
	now = number_read(POOL_ALL);
	if (now > all)
		*ret_added = (uint32_t)(now - all);
	return number_read(POOL_FREE) >= (long)n;
}

void hugepages_give_back(uint32_t added)
{
	long all = number_read(POOL_ALL);

	if (added && all >= (long)added)
		number_write(POOL_ALL, all - (long)added);
}
