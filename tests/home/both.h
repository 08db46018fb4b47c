/*
 * both.h - for programs that run in both homes: tests/home/NAME.c is linked with the hosted runtime
 * (build/$P/home/NAME) and with the one of our own kernel (build/$P/guest/image/home/NAME).
 *
 * Of headers they use those of libtwz and core, and string.h.
 */
#ifndef TESTS_HOME_BOTH_H
#define TESTS_HOME_BOTH_H

#include <string.h>
#include <twz/twz.h>

#define NEED(what) need((what), #what, __LINE__)

/* Ends the program, with a message, if that is not so. */
#define HOLDS(what) need((what) ? 0 : TWZ_E_DAMAGED, "not so: " #what, __LINE__)

static inline void need(int error, const char *what, int line)
{
	if (!error)
		return;
	twz_flush();
	twz_warn("line %d: %s: %s\n", line, what, twz_error_text(error));
	twz_rt_exit(1);
}

static inline uint64_t number(const char *text)
{
	uint64_t n = 0;

	while (*text >= '0' && *text <= '9')
		n = 10 * n + (uint64_t)(*text++ - '0');
	return n;
}

#endif
