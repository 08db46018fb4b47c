/*
 * string.c - what programs and core use of <string.h>. Compiled so that no loop here becomes a call
 * of the function that it is in.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* 16 bytes at any address. */
typedef uint64_t chunk __attribute__((vector_size(16), aligned(1), may_alias));

/* A chunk is loaded before what it overlaps is stored to: also for memory that moves down. */
static void *copy_up(void *dst, const void *src, size_t n)
{
	uint8_t *to = dst;
	const uint8_t *from = src;

	for (; n >= sizeof(chunk); n -= sizeof(chunk)) {
		*(chunk *)to = *(const chunk *)from;
		to += sizeof(chunk);
		from += sizeof(chunk);
	}
	while (n--)
		*to++ = *from++;
	return dst;
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	return copy_up(dst, src, n);
}

void *memmove(void *dst, const void *src, size_t n)
{
	uint8_t *to = dst;
	const uint8_t *from = src;

	if ((uintptr_t)to - (uintptr_t)from >= n)
		return copy_up(dst, src, n);
	for (; n >= sizeof(chunk); n -= sizeof(chunk))
		*(chunk *)(to + n - sizeof(chunk)) = *(const chunk *)(from + n - sizeof(chunk));
	while (n--)
		to[n] = from[n];
	return dst;
}

void *memset(void *dst, int byte, size_t n)
{
	uint64_t word = (uint8_t)byte * 0x0101010101010101ull;
	uint8_t *to = dst;

	for (; n >= sizeof(chunk); n -= sizeof(chunk)) {
		*(chunk *)to = (chunk){word, word};
		to += sizeof(chunk);
	}
	while (n--)
		*to++ = (uint8_t)byte;
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *p = a, *q = b;

	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

void *memchr(const void *s, int byte, size_t n)
{
	const uint8_t *p = s;

	for (; n; n--, p++)
		if (*p == (uint8_t)byte)
			return (void *)p;
	return NULL;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

size_t strlen(const char *s)
{
	return strnlen(s, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (uint8_t)*a - (uint8_t)*b;
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (!*s)
			return NULL;
	return (char *)s;
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	do
		if (*s == (char)c)
			last = s;
	while (*s++);
	return (char *)last;
}

/* Characters at the start that are, or are not, in the set. */
static size_t span(const char *s, const char *set, bool in)
{
	size_t n = 0;

	while (s[n] && !!strchr(set, s[n]) == in)
		n++;
	return n;
}

size_t strspn(const char *s, const char *set)
{
	return span(s, set, true);
}

size_t strcspn(const char *s, const char *set)
{
	return span(s, set, false);
}
