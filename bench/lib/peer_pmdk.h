/*
 * peer_pmdk.h - the same operations in PMDK's libpmemobj, to be measured in the same run as ours.
 */
#ifndef TWZ_BENCH_PEER_PMDK_H
#define TWZ_BENCH_PEER_PMDK_H

/*
 * Restarts the program once, with the environment that makes PMDK treat memory as persistent (it
 * flushes with clwb, as on real persistent memory). First thing in main.
 */
void pmdk_environment(char **argv);

/* A pool in shared memory, unlinked at once. Ends the program if that fails. */
void pmdk_open(void);

/* For count_run. Each works on the same places again. */
void pmdk_tx_1x8(void *arg);
void pmdk_tx_4x8(void *arg);
void pmdk_tx_4x64(void *arg);
void pmdk_alloc(void *arg); /* 64 bytes, with a place to store the pointer in */
void pmdk_free(void *arg);  /* what pmdk_alloc gave last */
void pmdk_direct(void *arg);

#endif
