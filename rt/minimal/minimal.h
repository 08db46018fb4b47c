/*
 * minimal.h - the inside of the minimal runtime: programs on our own kernel, static, without a libc.
 *
 * A program has its text, data, stack, view, shadow and the boot object in the slots that
 * abi/program.h names; the others are for objects. Who started it, and how, is in program.h.
 *
 * Start: the kernel enters `_start` (entry.S), with rdi at struct twz_start. Everything is made
 * ready, then constructors run, then main, or in a view that was brought back the function that was
 * registered. twz_rt_exit runs destructors. After a fault that nobody handles, none run.
 */
#ifndef TWZ_RT_MINIMAL_H
#define TWZ_RT_MINIMAL_H

#include "abi/object.h"
#include "abi/program.h"
#include "abi/record.h"
#include "abi/rt.h"
#include "abi/syscall.h"

struct minimal {
	/* Constant once main runs, but for rt.root and, as programs register, sys.view. */
	struct twz_sys_info sys;
	struct twz_rt_info rt;
	const char *name; /* of the program, for messages */
	bool recovered;   /* in a view that was brought back */
};
extern struct minimal minimal;

/* Default permissions of what a program makes for itself: none but its owner's, if it has one. */
static inline uint32_t owner_perms(void)
{
	const struct twz_id key = minimal.sys.key;

	return key.lo | key.hi ? 0 : TWZ_READ | TWZ_WRITE | TWZ_USE | TWZ_DELETE;
}

/*
 * What a call for the machine as a whole returns: that there is a machine is known to all, so who has no
 * right to it is told so.
 */
static inline int of_machine(int error)
{
	return error == TWZ_E_NOTFOUND ? TWZ_E_RIGHT : error;
}

/* Lock words of transactions: this program as their owner, and who waits. */
#define LOCK_WAITERS (1ull << 31)
static inline uint64_t own_lock(void)
{
	return minimal.sys.epoch << 32 | minimal.sys.owner;
}

/* Ends the program as it is: no destructors. */
_Noreturn void exit_now(int status);
/* The same, because of this fault or signal (the kind in struct twz_upcall). */
_Noreturn void exit_because(int status, uint32_t kind);

/* Supplies core's transactions with their environment. */
void sync_init(void);
/* Faults of this thread are handled (fault.c). */
void fault_init(void);
/* The console can be waited for. */
void console_init(void);

/* ---- messages ------------------------------------------------------------------------------------- */

/*
 * "NAME: " and what is added, in one piece, to the messages. Longer ones are cut.
 *
 *     struct message m = message_begin();
 *     message_add(&m, "offset 0x");
 *     message_hex(&m, offset, 1);
 *     message_end(&m);
 */
struct message {
	uint32_t length;
	char text[500];
};
struct message message_begin(void);
void message_add(struct message *m, const char *text);
void message_hex(struct message *m, uint64_t value, unsigned digits); /* at least so many */
void message_number(struct message *m, uint64_t value);
void message_version(struct message *m, uint32_t version); /* MAJOR.MINOR */
void message_end(struct message *m);

/* The message alone, and the program ends: 125 what it stands on is unusable, 126 refused. */
_Noreturn void die(int status, const char *text);

#endif
