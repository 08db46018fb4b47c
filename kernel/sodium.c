/*
 * sodium.c - what libsodium asks of its environment, beside the functions of core/mem.h.
 *
 * Its headers are not included (they are there only once tools/sodium/fetch.sh ran), so the
 * prototypes stand here.
 */
#include "kernel/log.h"
#include "core/mem.h"

_Noreturn void abort(void);
_Noreturn void sodium_misuse(void);
_Noreturn void __assert_fail(const char *what, const char *file, unsigned line,
			     const char *function);
void sodium_memzero(void *p, size_t bytes);
int sodium_memcmp(const void *a, const void *b, size_t bytes);
int sodium_is_zero(const unsigned char *p, size_t bytes);

void abort(void)
{
	panic("libsodium: abort");
}

void sodium_misuse(void)
{
	panic("libsodium: called with arguments that it does not take");
}

void __assert_fail(const char *what, const char *file, unsigned line, const char *function)
{
	panic("libsodium: %s:%u: %s: not so: %s", file, line, function, what);
}

/* Not left out by the compiler, though nobody reads what is zeroed. */
void sodium_memzero(void *p, size_t bytes)
{
	memset(p, 0, bytes);
	__asm__ volatile("" : : "r"(p) : "memory");
}

/* 0 or -1, in a time that does not depend on the content; so is the next. */
int sodium_memcmp(const void *a, const void *b, size_t bytes)
{
	const volatile unsigned char *x = a, *y = b;
	unsigned differ = 0;

	for (size_t i = 0; i < bytes; i++)
		differ |= x[i] ^ y[i];
	return (int)(1 & ((differ - 1) >> 8)) - 1;
}

int sodium_is_zero(const unsigned char *p, size_t bytes)
{
	const volatile unsigned char *x = p;
	unsigned any = 0;

	for (size_t i = 0; i < bytes; i++)
		any |= x[i];
	return (int)(1 & ((any - 1) >> 8));
}
