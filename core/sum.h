/*
 * sum.h - the two checksums of the formats (docs/format/sum.md).
 *
 * Both rest on one step, the folded product: the high and low half of a 64 x 64 bit product, XORed.
 * They find torn and decayed data; against an attacker they are nothing, and nothing relies on that.
 */
#ifndef TWZ_CORE_SUM_H
#define TWZ_CORE_SUM_H

#include "abi/base.h"

TWZ_C_BEGIN

#define TWZ_SUM_K 0x9e3779b97f4a7c15ull /* 2^64 / golden ratio, odd */
#define TWZ_SUM_A 0xd6e8feb86659fd93ull
#define TWZ_SUM_B 0xa0761d6478bd642full

static inline uint64_t twz_fold(uint64_t a, uint64_t b)
{
#if defined(__x86_64__)
	/* As below, without the pair of registers that gcc 12 saves for a 128-bit variable. */
	uint64_t high;

	__asm__("mulq %2" : "+a"(a), "=d"(high) : "r"(b) : "cc");
	return a ^ high;
#else
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
#endif
}

/* Two more words of a sequence. */
static inline uint64_t twz_sum_step(uint64_t sum, uint64_t first, uint64_t second)
{
	return twz_fold(first ^ TWZ_SUM_A, second ^ sum);
}

/* More of a sequence; `bytes` is a multiple of 16. */
static inline uint64_t twz_sum_more(uint64_t sum, const void *data, uint64_t bytes)
{
	const uint64_t *word = (const uint64_t *)data;

	for (; bytes; bytes -= 16, word += 2)
		sum = twz_sum_step(sum, word[0], word[1]);
	return sum;
}

/*
 * Sum of a sequence, for what is written at once: log records. The seed is 0 or the sum of what
 * came before; B keeps a sequence that starts with zeros from multiplying by zero.
 */
static inline uint64_t twz_sum(uint64_t seed, const void *data, uint64_t bytes)
{
	return twz_sum_more(seed ^ TWZ_SUM_B, data, bytes);
}

/*
 * Contribution of one word to the sum of a structure that changes word by word: the structure's sum
 * is the sum of these over its words, the sum field itself left out. A zero word contributes 0, so
 * an all-zero structure has sum 0.
 */
static inline uint64_t twz_sum_at(uint64_t index, uint64_t word)
{
	return twz_fold(word, TWZ_SUM_K + 2 * index * TWZ_SUM_A);
}

TWZ_C_END

#endif
