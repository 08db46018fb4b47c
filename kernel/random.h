/*
 * random.h - random bytes for nonces, secrets and programs.
 *
 * From the processor (rdrand) where it has that; else BLAKE2b of a counter under a key from the clocks,
 * which is said in the log: such nonces can be guessed. Lock: the kernel's.
 */
#ifndef KERNEL_RANDOM_H
#define KERNEL_RANDOM_H

#include "abi/base.h"

void random_init(void);
void random_bytes(void *out, uint64_t bytes);

#endif
