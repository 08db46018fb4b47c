/*
 * mem.h - what core asks of its environment: three functions of the C library.
 *
 * core is freestanding; the host's libc or the kernel supplies these.
 */
#ifndef TWZ_CORE_MEM_H
#define TWZ_CORE_MEM_H

#ifdef __cplusplus /* a program's: it has a libc */
#include <string.h>
#else
#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
#endif

#endif
