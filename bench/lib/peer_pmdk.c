/*
 * peer_pmdk.c - PMDK's side of the comparison (peer_pmdk.h).
 */
#define _GNU_SOURCE
#include <libpmemobj.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/lib/peer_pmdk.h"

#define FORCE "PMEM_IS_PMEM_FORCE"

struct root {
	uint64_t word[4096];
	PMEMoid block;
};

static PMEMobjpool *pool;
static PMEMoid root_oid;
static struct root *root;
static volatile const void *direct;

void pmdk_environment(char **argv)
{
	if (getenv(FORCE))
		return;
	setenv(FORCE, "1", 1);
	execv("/proc/self/exe", argv);
	perror("bench: restart");
	exit(1);
}

static void add(uint64_t *p, size_t bytes)
{
	if (pmemobj_tx_add_range_direct(p, bytes))
		exit(1);
	*p += 1;
}

static void transaction(unsigned n, size_t bytes)
{
	if (pmemobj_tx_begin(pool, NULL, TX_PARAM_NONE))
		exit(1);
	for (unsigned i = 0; i < n; i++)
		add(&root->word[i * 32], bytes);
	pmemobj_tx_commit();
	if (pmemobj_tx_end())
		exit(1);
}

void pmdk_tx_1x8(void *arg)
{
	(void)arg;
	transaction(1, 8);
}

void pmdk_tx_4x8(void *arg)
{
	(void)arg;
	transaction(4, 8);
}

void pmdk_tx_4x64(void *arg)
{
	(void)arg;
	transaction(4, 64);
}

void pmdk_alloc(void *arg)
{
	(void)arg;
	if (pmemobj_alloc(pool, &root->block, 64, 1, NULL, NULL))
		exit(1);
}

void pmdk_free(void *arg)
{
	(void)arg;
	pmemobj_free(&root->block);
}

void pmdk_direct(void *arg)
{
	(void)arg;
	direct = pmemobj_direct(root_oid);
}

void pmdk_open(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/shm/twz-bench-pmdk.%ld", (long)getpid());
	pool = pmemobj_create(path, "bench", 64 << 20, 0600);
	if (!pool) {
		fprintf(stderr, "bench: PMDK: %s\n", pmemobj_errormsg());
		exit(1);
	}
	unlink(path);
	root_oid = pmemobj_root(pool, sizeof(*root));
	root = pmemobj_direct(root_oid);
	for (int i = 0; i < 3; i++) { /* warm: lanes, run headers, lazy binding */
		pmdk_tx_1x8(NULL);
		pmdk_tx_4x8(NULL);
		pmdk_tx_4x64(NULL);
		pmdk_alloc(NULL);
		pmdk_free(NULL);
		pmdk_direct(NULL);
	}
}
