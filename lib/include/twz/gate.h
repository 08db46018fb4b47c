/*
 * gate.h - services: code of one program that threads of others call, by a gate. docs/gates.md.
 *
 * An interface is a header with its version and the list of its calls. A number stays a call's for ever:
 *
 *     #define ECHO_VERSION TWZ_VERSION(1, 0)
 *     #define ECHO_CALLS(X) X(echo, 0, add) X(echo, 1, upper)
 *     TWZ_CALLS(ECHO_CALLS)
 *
 * The service, a program: functions of up to five uint64_t behind the caller, and the list once more.
 *
 *     static int64_t echo_add(const struct twz_caller *caller, uint64_t a, uint64_t b) { ... }
 *     static int64_t echo_upper(const struct twz_caller *caller, uint64_t lo, uint64_t hi, uint64_t off) { ... }
 *     TWZ_SERVICE(echo, ECHO_VERSION, ECHO_CALLS)
 *
 *     error = twz_serve(&echo_service, context, 8, TWZ_GATE_PUBLIC);     then twz_serve_on()
 *
 * Who calls it:
 *
 *     error = twz_service_open("/srv/echo", ECHO_VERSION, &echo);
 *     result = TWZ_CALL(&echo, echo_add, 1, 2);
 *
 * Rules
 *   - A call runs in the caller's thread, in the service's view, in its context: with its rights and none of the
 *     caller's. Threads of many callers are in the service at once, as many as it has stacks.
 *   - Arguments and results are numbers: an address means nothing in the other view. What is larger lies in an
 *     object that both may touch, a buffer, and is passed as ID and offset.
 *   - 0 or more is a result, a negative one an enum twz_error: the service's or the crossing's, as
 *     twz_rt_gate_call has them. TWZ_E_CALLEE: the call failed inside; the service goes on.
 *   - A service must not do for a caller what the caller may not do itself: what a caller names by ID is asked
 *     for with twz_rt_gate_may; twz_gate_read, _write, _open and _follow do. And it must not look at a
 *     caller's memory twice: others store to it meanwhile. twz_gate_read copies once; check the copy.
 *   - A caller that dies inside is waited for at the boundary, so locks are given back; but not with
 *     TWZ_GATE_ABORTABLE: such a service takes none, and libtwz's and malloc's are some.
 *   - twz_rt_exit in a call, and a fault in it, end the call only.
 *   - Hosted there are no gates: TWZ_E_ABSENT.
 */
#ifndef TWZ_GATE_H
#define TWZ_GATE_H

#include "abi/security.h"
#include "abi/syscall.h"
#include <twz/obj.h>

TWZ_C_BEGIN

#define TWZ_VERSION(major, minor) ((uint32_t)(major) << 16 | (uint32_t)(minor))

/* The calls' numbers, in the interface's header: enum { echo_add_call = 0, ... }. */
#define TWZ_CALLS(CALLS) enum { CALLS(TWZ_GATE_ENUM_) };
#define TWZ_GATE_ENUM_(service, number, name) service##_##name##_call = (number),

/* An object's ID as two arguments; struct twz_buffer as three: ID and offset. */
#define TWZ_ID_ARGS(id) (id).lo, (id).hi
#define TWZ_BUFFER_ARGS(buffer) (buffer)->id.lo, (buffer)->id.hi, (buffer)->off

/* ---- the service ------------------------------------------------------------------------------ */

struct twz_caller {
	struct twz_id context; /* active in the caller; zero: none. More says twz_rt_gate_caller */
};

struct twz_entries {
	void (*code)(void);
	uint32_t count, version;
};

/*
 * struct twz_entries NAME_service: the page of entries. The first answers with the version, number n is the one
 * at n + 1. They stand at the end of the service's file, behind the functions, which are checked to be of
 * the right type; a number that is in no call is a trap.
 */
#define TWZ_SERVICE(name, version_, CALLS)                                                 \
	union name##_entries_ {                                                            \
		char version[1];                                                           \
		CALLS(TWZ_GATE_SIZE_)                                                      \
	};                                                                                 \
	static __attribute__((naked, used, aligned(TWZ_PAGE),                              \
			      section(".text.twz_gate_" #name))) void name##_entries(void) \
	{                                                                                  \
		__asm__ volatile("mov %0, %%edi\n\tcall twz_rt_gate_return\n\tud2"         \
				 :                                                         \
				 : "i"((uint32_t)(version_)));                             \
		CALLS(TWZ_GATE_ENTRY_)                                                     \
		__asm__ volatile(".balign %c0, 0xcc" : : "i"(TWZ_RT_ENTRY));               \
	}                                                                                  \
	static const struct twz_entries name##_service = {                                 \
		.code = name##_entries,                                                    \
		.count = sizeof(union name##_entries_),                                    \
		.version = (version_),                                                     \
	};

/* As large as there are entries up to this call's. */
#define TWZ_GATE_SIZE_(service, number, name) char name[(number) + 2];

/* The caller's identity comes in r10 and r11 (abi/syscall.h) and goes before the arguments. */
#define TWZ_GATE_ENTRY_(service, number, name)                                     \
	_Static_assert(TWZ_GATE_TYPE_(service##_##name), "no function of a call"); \
	__asm__ volatile(".org " #service "_entries + %c1, 0xcc\n\t"               \
			 "push %%r11\n\t"                                          \
			 "push %%r10\n\t"                                          \
			 "mov %%r8, %%r9\n\t"                                      \
			 "mov %%rcx, %%r8\n\t"                                     \
			 "mov %%rdx, %%rcx\n\t"                                    \
			 "mov %%rsi, %%rdx\n\t"                                    \
			 "mov %%rdi, %%rsi\n\t"                                    \
			 "mov %%rsp, %%rdi\n\t"                                    \
			 "push %%rbp\n\t" /* aligns the stack, and is zero */      \
			 "call %P0\n\t"                                            \
			 "mov %%rax, %%rdi\n\t"                                    \
			 "call twz_rt_gate_return\n\t"                             \
			 "ud2"                                                     \
			 :                                                         \
			 : "i"(service##_##name), "i"(((number) + 1) * TWZ_RT_ENTRY));

#define TWZ_GATE_TYPE_(function)                                                                   \
	_Generic(                                                                                  \
		&(function), int64_t(*)(const struct twz_caller *) : 1,                            \
		int64_t(*)(const struct twz_caller *, uint64_t) : 1,                               \
		int64_t(*)(const struct twz_caller *, uint64_t, uint64_t) : 1,                     \
		int64_t(*)(const struct twz_caller *, uint64_t, uint64_t, uint64_t) : 1,           \
		int64_t(*)(const struct twz_caller *, uint64_t, uint64_t, uint64_t, uint64_t) : 1, \
		int64_t(*)(const struct twz_caller *, uint64_t, uint64_t, uint64_t, uint64_t,      \
			   uint64_t) : 1,                                                          \
		default : 0)

/*
 * From now on threads of others enter this program by the first gate of the context, which is all that it is
 * entered by, and this program acts in the context too: it keeps no right that its service has not. The caller may
 * WRITE and USE the context. nstacks: calls that are inside at once. flags: TWZ_GATE_PUBLIC, or a capability
 * flagged GATE is needed to enter; TWZ_GATE_ABORTABLE. Once in a program. It ends with the program.
 * TWZ_E_ARG; TWZ_E_TYPE: it is no context; TWZ_E_EXISTS; what attaching to a context, granting and editing return:
 * after those there is no second try.
 */
int twz_serve(const struct twz_entries *entries, struct twz_id context, uint32_t nstacks,
	      uint32_t flags);
/* All that is left to do for the thread that has called twz_serve. */
__attribute__((noreturn)) void twz_serve_on(void);

/* ---- in a call: what the caller names --------------------------------------------------------- */

/*
 * Copies from or to an object that the caller names, of which it may itself READ or WRITE that: TWZ_E_RIGHT, or
 * TWZ_E_NOTFOUND if it has no right to know of it, or this is in no call. Every byte is read once. TWZ_E_RANGE:
 * past the first GiB; TWZ_E_NOTFOUND too: the service itself has no right to it (a buffer was granted one), or it
 * was deleted, or its pages cannot be touched. No fault reaches the program.
 */
int twz_gate_read(struct twz_id id, uint64_t off, uint64_t bytes, void *copy);
int twz_gate_write(struct twz_id id, uint64_t off, uint64_t bytes, const void *from);

/*
 * Opens an object of which the caller has these rights (enum twz_perm), to work on where it is. It stays mapped as
 * twz_obj_open has it, and a touch of it can fault: a fault ends the call.
 */
int twz_gate_open(struct twz_id id, uint32_t perms, struct twz_obj *obj);
/*
 * Where the persistent pointer at `where`, in an object that the caller may have written, leads in this view: to an
 * object of which the caller has these rights. Null gives null. Errors of twz_ptr_try too.
 */
int twz_gate_follow(const uint64_t *where, uint32_t perms, void **addr);

/* ---- who calls ---------------------------------------------------------------------------------- */

/* A part of an object in memory that this program and the service may read and write. */
struct twz_buffer {
	void *data;
	struct twz_id id; /* data is at `off` of this object */
	uint64_t off;
	uint64_t bytes;
	uint32_t place; /* in struct twz_service; TWZ_BUFFERS: in none */
	uint32_t reserved;
};

/* Set by twz_service_open; flags and timeout_ns may be set, too. Any thread may call by it. */
#define TWZ_BUFFERS 8u
struct twz_service {
	struct twz_id context;
	uint32_t gate;       /* of its gates */
	uint32_t wanted;     /* version that the program was built with */
	uint32_t version;    /* that the service has */
	uint32_t flags;      /* TWZ_GATE_NOWAIT: TWZ_E_BUSY if all its stacks are in use */
	uint64_t timeout_ns; /* of a call; ~0: none. Other values for ABORTABLE ones only */
	struct {
		uint32_t used;
		uint32_t reserved;
		struct twz_buffer buffer; /* data null: not made yet */
	} kept[TWZ_BUFFERS];
};

/*
 * The service whose context has this name, or is this. TWZ_E_VERSION: it has another major version or a lower minor
 * one than `version`; service->wanted and ->version say which. TWZ_E_NOTFOUND: there is no such context, or nobody
 * serves there now; what a call returns. It stays good when the service is started anew.
 */
int twz_service_open(const char *path, uint32_t version, struct twz_service *service);
int twz_service_at(struct twz_id context, uint32_t version, struct twz_service *service);
/* Deletes its buffers. Nobody is calling by it. */
void twz_service_close(struct twz_service *service);

/* Call number `call`; TWZ_CALL(service, echo_add, ...) with up to five numbers. */
int64_t twz_service_call(const struct twz_service *service, uint32_t call,
			 const uint64_t argument[5]);
#define TWZ_CALL(service, name, ...) \
	twz_service_call(service, name##_call, (const uint64_t[5]){__VA_ARGS__})

/*
 * A buffer of at least so many bytes, of any content, for the calling thread until it is given back. The service,
 * and whoever else is in its context, can read and store to it at any time. Up to TWZ_BUFFERS are kept
 * for the next who takes one. TWZ_E_RANGE: more than an object shows; what making an object and granting it return.
 */
int twz_buffer_take(struct twz_service *service, uint64_t bytes, struct twz_buffer *buffer);
void twz_buffer_give(struct twz_service *service, struct twz_buffer *buffer);

TWZ_C_END

#endif
