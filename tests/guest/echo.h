/* echo.h - the interface of the service that tests call (tests/guest/run/echo.c). */
#ifndef TESTS_GUEST_ECHO_H
#define TESTS_GUEST_ECHO_H

#include <twz/gate.h>

#define ECHO_VERSION TWZ_VERSION(1, 2)
#define ECHO_CALLS(X)     \
	X(echo, 0, none)  \
	X(echo, 1, one)   \
	X(echo, 2, two)   \
	X(echo, 3, three) \
	X(echo, 4, four)  \
	X(echo, 5, five)  \
	X(echo, 7, who)   \
	X(echo, 8, upper) \
	X(echo, 9, sum)   \
	X(echo, 10, hold) \
	X(echo, 11, fail) \
	X(echo, 12, pass) \
	X(echo, 13, load) \
	X(echo, 14, work) \
	X(echo, 15, mark) \
	X(echo, 16, end)
TWZ_CALLS(ECHO_CALLS)
#define ECHO_GAP 6u /* no call's number any more */
#define ECHO_LAST echo_end_call

/*
 * none to five      1 * the first + 2 * the second + ... + 100 * how many
 * who(buffer)       struct echo_who
 * upper(buffer, n)  n bytes in capitals, where they are
 * sum(buffer)       of struct echo_sum; TWZ_E_ARG: count is too large; TWZ_E_DAMAGED: a word came in parts
 * hold(buffer)      struct echo_hold: says that it is inside and waits until it is let go
 * fail(how)         'n' null, 'd' division, 's' stack, 'e' twz_rt_exit, 'i' the instruction that is none
 * pass(context, n)  calls upper of the service there, with n bytes; then one(n) there: what that returns
 * load(buffer)      the number that the persistent pointer there leads to
 * work()            objects, transactions, sleeping, printing: 0, or what failed
 * mark(buffer, n)   stores the number n there, by twz_gate_write
 * end()             the service ends, a while after
 */
struct echo_who {
	struct twz_id given; /* what struct twz_caller says */
	struct twz_rt_caller caller;
};
#define ECHO_NUMBERS 8u
struct echo_sum {
	uint64_t count;
	uint64_t number[ECHO_NUMBERS]; /* each with two equal halves, of which one counts */
};
struct echo_hold {
	uint32_t inside, go;
};

#endif
