/*
 * sodium.c - what libsodium asks of its environment, in a program (rt/minimal/guest.mk).
 *
 * Its headers are not included (they are there only once tools/sodium/fetch.sh ran), so the prototypes
 * stand here.
 */
#include <string.h>

#include "rt/minimal/minimal.h"

_Noreturn void abort(void);
_Noreturn void sodium_misuse(void);
_Noreturn void __assert_fail(const char *what, const char *file, unsigned line,
			     const char *function);
void sodium_memzero(void *p, size_t bytes);
int sodium_memcmp(const void *a, const void *b, size_t bytes);
int sodium_is_zero(const unsigned char *p, size_t bytes);
void randombytes_buf(void *out, size_t bytes);
int *__errno_location(void);

#define STATUS_ABORTED 134 /* 128 + SIGABRT, as the shell has it */

void abort(void)
{
	static const char message[] = "libsodium: called with arguments that it does not take\n";

	twz_rt_write(2, message, sizeof(message) - 1);
	twz_rt_exit(STATUS_ABORTED);
}

void sodium_misuse(void)
{
	abort();
}

void __assert_fail(const char *what, const char *file, unsigned line, const char *function)
{
	(void)what, (void)file, (void)line, (void)function;
	abort();
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

void randombytes_buf(void *out, size_t bytes)
{
	twz_rt_random(out, bytes);
}

/* It sets errno beside what it returns; nobody reads that. */
int *__errno_location(void)
{
	static int unread;

	return &unread;
}
