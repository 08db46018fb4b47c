/*
 * home.h - for tests on the hosted runtime: a fresh store, faults caught, roles.
 *
 * The file is TWZ_TMP/NAME.store (/tmp without TWZ_TMP). A process has one store, so the tests of an
 * executable share it; what needs another process runs the executable itself in a role: program_run
 * starts it as a program in the same store, with the role as argument, and main calls the role.
 */
#ifndef TESTS_HOME_H
#define TESTS_HOME_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/store.h"
#include "rt/linux/image.h"

#include <twz/twz.h>

#define MUST(what)                                                                    \
	do {                                                                          \
		int must_ = (what);                                                   \
		if (must_) {                                                          \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #what, \
				twz_error_name(must_));                               \
			abort();                                                      \
		}                                                                     \
	} while (0)

static inline const char *home_path(void)
{
	static char path[512];
	const char *folder = getenv("TWZ_TMP");

	snprintf(path, sizeof(path), "%s/%s.store", folder ? folder : "/tmp",
		 program_invocation_short_name);
	return path;
}

static inline void home_random(void *out, uint64_t bytes)
{
	if (getrandom(out, bytes, 0) != (ssize_t)bytes)
		abort();
}

/* A file with an empty store. */
static inline void home_make(const char *path, uint64_t bytes)
{
	struct image image;

	unlink(path);
	MUST(image_create(&image, path, bytes));
	MUST(store_format(image.base, bytes, home_random));
	MUST(image_close(&image));
}

/*
 * cmocka catches SIGSEGV and SIGBUS itself while a test runs; ours must. So tests are listed as
 * home_test(function) instead of cmocka_unit_test(function).
 */
static struct sigaction home_segv, home_bus;

static inline void home_run(void **state)
{
	void (*test)(void **state) = (void (*)(void **)) * state;

	sigaction(SIGSEGV, &home_segv, NULL);
	sigaction(SIGBUS, &home_bus, NULL);
	test(state);
}

#define home_test(function)                                                         \
	{                                                                           \
		.name = #function, .test_func = home_run, .initial_state = function \
	}

/* Makes it and opens it for this process. */
static inline void home_start(uint64_t bytes)
{
	home_make(home_path(), bytes);
	MUST(twz_rt_open(home_path()));
	sigaction(SIGSEGV, NULL, &home_segv);
	sigaction(SIGBUS, NULL, &home_bus);
}

/* Runs this executable as a program; its exit status. */
static inline int program_run(const char *role, const char *arg)
{
	const char *argv[] = {program_invocation_short_name, role, arg, NULL};
	int status;

	MUST(twz_run(argv, ~0ull, &status));
	return status;
}

/* CATCH(statement) is true if the statement faults; the fault is in `caught`. */
static struct twz_fault caught;
static sigjmp_buf caught_at;

static inline bool caught_handler(const struct twz_fault *fault, void *arg)
{
	(void)arg;
	caught = *fault;
	siglongjmp(caught_at, 1);
}

#define CATCH(statement)                               \
	__extension__({                                \
		volatile bool faulted_ = true;         \
		twz_rt_on_fault(caught_handler, NULL); \
		memset(&caught, 0, sizeof(caught));    \
		if (!sigsetjmp(caught_at, 1)) {        \
			statement;                     \
			faulted_ = false;              \
		}                                      \
		twz_rt_on_fault(NULL, NULL);           \
		faulted_;                              \
	})

static inline uint64_t load(const void *p)
{
	return *(const volatile uint64_t *)p;
}

static inline void put(void *p, uint64_t value)
{
	*(volatile uint64_t *)p = value;
}

#endif
