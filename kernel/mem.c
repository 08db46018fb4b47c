/*
 * mem.c - the functions of the C library that core and the compiler ask for (core/mem.h).
 *
 * By words of 8 bytes: each round of a `rep` is an instruction where instructions are counted.
 */
#include "core/mem.h"

#include <stdint.h>

void *memmove(void *dst, const void *src, size_t n);

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	void *to = dst;
	size_t count = n / 8;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(src), "+c"(count) : : "memory");
	count = n % 8;
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(src), "+c"(count) : : "memory");
	return dst;
}

void *memset(void *dst, int byte, size_t n)
{
	uint64_t word = (uint8_t)byte * 0x0101010101010101ull;
	void *to = dst;
	size_t count = n / 8;

	__asm__ volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(word) : "memory");
	count = n % 8;
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(word) : "memory");
	return dst;
}

/* From the end, where the beginning would be overwritten before it is read. */
void *memmove(void *dst, const void *src, size_t n)
{
	uint8_t *to = (uint8_t *)dst + n;
	const uint8_t *from = (const uint8_t *)src + n;

	if ((uintptr_t)dst - (uintptr_t)src >= n)
		return memcpy(dst, src, n);
	while (n--)
		*--to = *--from;
	return dst;
}

static uint64_t word_at(const uint8_t *p)
{
	uint64_t word;

	__builtin_memcpy(&word, p, sizeof(word));
	return word;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (; n >= 8 && word_at(x) == word_at(y); n -= 8) {
		x += 8;
		y += 8;
	}
	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}
