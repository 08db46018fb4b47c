/*
 * syscall.h - the system calls: one table, and the structures that cross. docs/syscalls.md.
 *
 * `syscall` with the number in rax and up to six arguments in rdi, rsi, rdx, r10, r8, r9. The result
 * is in rax: 0 or more, or a negative enum twz_error. rcx and r11 are lost, all else is kept.
 * Numbers below 4096 are Linux's (for twix) and give TWZ_E_ABSENT, like those behind the last.
 *
 * An object's ID is two arguments, lo then hi. Pointers are checked: one that cannot be read or
 * written gives TWZ_E_OUTSIDE, and nothing was done. Memory that is not there yet is made as by a
 * touch. Reserved fields are zero, or TWZ_E_ARG.
 *
 * Long work is done in steps: a call may be left for another thread and go on by itself, with its
 * progress kept in the caller's argument registers; who looks at them later sees other values.
 */
#ifndef TWZ_ABI_SYSCALL_H
#define TWZ_ABI_SYSCALL_H

#include "abi/base.h"
#include "abi/errors.h"

#define TWZ_SYS_FIRST 4096u

/* X(name, arguments), in the order of their numbers; a number is never reused. */
/* clang-format off */
#define TWZ_SYSCALLS(X)                                                                            \
	X(self,            "")                                                                     \
	X(info,            "struct twz_sys_info *out")                                             \
	X(usage,           "struct twz_sys_usage *out")                                            \
	X(clock,           "")                                                                     \
	X(random,          "void *out, uint64_t bytes")                                            \
	X(power,           "uint32_t what, uint32_t status")                                       \
	X(object_new,      "const struct twz_sys_new *new, struct twz_id *id")                     \
	X(object_delete,   "struct twz_id id")                                                     \
	X(object_keep,     "struct twz_id id")                                                     \
	X(object_copy,     "const struct twz_sys_copy *copy, uint64_t done")                       \
	X(object_drop,     "struct twz_id id, uint64_t page, uint64_t pages")                      \
	X(object_limit,    "struct twz_id id, uint64_t page, uint64_t pages, uint32_t limit")      \
	X(object_seal,     "const struct twz_sys_seal *seal, struct twz_id *id")                   \
	X(object_stat,     "struct twz_id id, struct twz_rt_stat *out")                            \
	X(object_sync,     "struct twz_id id")                                                     \
	X(object_settle,   "struct twz_id id")                                                     \
	X(object_touch,    "void *address, uint64_t bytes")                                        \
	X(root_set,        "struct twz_id id")                                                     \
	X(view_invalidate, "uint32_t slot, uint32_t count")                                        \
	X(view_become,     "struct twz_id view")                                                   \
	X(view_register,   "struct twz_id view, uint32_t on")                                      \
	X(view_next,       "struct twz_id *view")                                                  \
	X(thread_new,      "const struct twz_sys_thread *new, struct twz_id *id")                  \
	X(thread_exit,     "uint32_t status, uint32_t all, uint32_t kind")                         \
	X(thread_kill,     "struct twz_id thread, uint32_t status")                                \
	X(thread_next,     "struct twz_id *thread")                                                \
	X(thread_sync,     "struct twz_sys_sync *ops, uint32_t count, uint64_t timeout_ns")        \
	X(thread_handler,  "uint64_t entry, uint64_t stack, uint64_t stack_bytes")                 \
	X(thread_resume,   "const struct twz_upcall *upcall")                                      \
	X(thread_segment,  "uint64_t fs_base")                                                     \
	X(context_attach,  "struct twz_id context, uint32_t flags")                                \
	X(context_detach,  "struct twz_id context")                                                \
	X(context_switch,  "struct twz_id context")                                                \
	X(context_publish, "struct twz_id context")                                                \
	X(right_grant,     "struct twz_id object, struct twz_id context, uint32_t perms")          \
	X(right_explain,   "struct twz_id object, struct twz_id context, struct twz_rt_answer *out") \
	X(console_write,   "const void *data, uint64_t bytes")                                     \
	X(console_read,    "void *data, uint64_t bytes")                                           \
	X(key_limit,       "struct twz_id key, uint64_t pages, uint64_t frames")                   \
	X(key_account,     "struct twz_id key, struct twz_sys_account *out")                       \
	X(object_same,     "const struct twz_sys_copy *pages, struct twz_sys_shared *out")         \
	X(object_verify,   "struct twz_id id, uint64_t page, uint64_t pages, uint32_t begun")      \
	X(object_tie,      "struct twz_id object, struct twz_id to, uint32_t flags")               \
	X(object_untie,    "struct twz_id object, struct twz_id to, uint32_t kinds")               \
	X(object_ties,     "struct twz_id object, struct twz_sys_tie *walk")                       \
	X(thread_suspend,  "struct twz_id thread, uint32_t on")                                    \
	X(thread_registers, "struct twz_id thread, struct twz_registers *out")                     \
	X(thread_signal,   "struct twz_id thread, uint32_t number")                                \
	X(thread_priority, "struct twz_id thread, uint32_t priority")                               \
	X(gate_call,       "uint64_t a[5], const struct twz_sys_gate *gate")                       \
	X(gate_return,     "uint64_t result, uint64_t more")                                       \
	X(gate_caller,     "struct twz_sys_caller *out")                                           \
	X(gate_may,        "struct twz_id object, uint32_t perms")
/* clang-format on */

#define TWZ_SYS_ENUM_(name, arguments) TWZ_SYS_##name##_,
enum twz_sys_index { TWZ_SYSCALLS(TWZ_SYS_ENUM_) TWZ_SYS_COUNT };
#define TWZ_SYS(name) (TWZ_SYS_FIRST + TWZ_SYS_##name##_)

/* What a thread finds; constant while it runs, but for root, view, context and key. */
struct twz_sys_info {
	uint32_t version; /* TWZ_SYS_VERSION */
	uint32_t processors;
	uint32_t number; /* of this thread */
	uint32_t owner;  /* of this program, as lock words name it; never used again in an epoch */
	uint64_t epoch;  /* the boot epoch; 0: there is no store */
	uint64_t cycles_per_s; /* of the time stamp counter */
	struct twz_id root;    /* the root namespace; zero if there is none yet */
	struct twz_id thread;
	struct twz_id view;
	struct twz_id console; /* struct twz_console */
	struct twz_id boot;    /* struct twz_boot: the programs and the command line */
	struct twz_id
		machine; /* a DEVICE object: who may USE it decides on the machine as a whole */
	struct twz_id context; /* the active one; zero: none */
	struct twz_id key;     /* that the active context was made under: its owner's; zero: none */
};
TWZ_SIZE(struct twz_sys_info, 160);
#define TWZ_SYS_VERSION 0x00010001u /* major in the high half */

/* Counts of the whole machine. What is made and ended again leaves the first part as it was. */
struct twz_sys_usage {
	uint64_t frames, frames_used; /* of DRAM, 4 KiB */
	uint64_t tables;              /* frames that are page tables */
	uint64_t heap_bytes;          /* of the kernel's own small objects */
	uint64_t objects;             /* known to the kernel, both mediums */
	uint64_t views, threads, sleeping;
	uint64_t store_frames, store_used, store_objects;
	/* from here on they only grow */
	uint64_t calls, faults, upcalls, switches;
	uint64_t shootdowns, shootdown_ipis; /* done, and processors that were waited for */
	uint64_t tables_reclaimed;
	uint64_t boot_cycles;  /* time stamp when init's first thread was started */
	uint64_t entry_cycles; /* and when the kernel was entered */
	uint64_t
		longest_stretch; /* cycles that the kernel's lock was held at most, checking kernels */
	uint64_t shootdown_cycles; /* that processors were waited for */
	uint64_t reserved;
};
TWZ_SIZE(struct twz_sys_usage, 184);

/*
 * Contexts. A thread is attached to some; one is active, and gives the thread its rights. An
 * undetachable one stays, and its masks count whichever is active, for all threads that this one starts
 * too.
 */
enum twz_attach_flags {
	TWZ_ATTACH_ACTIVE = 1, /* it is the active one from now on */
	TWZ_ATTACH_UNDETACHABLE = 2,
};
#define TWZ_ATTACH_MAX 8u

enum twz_power { TWZ_POWER_OFF = 0, TWZ_POWER_RESET = 1 };

enum twz_sys_new_flags {
	TWZ_OBJECT_ENDING = 1,   /* persistent: gone with this boot epoch, unless kept */
	TWZ_OBJECT_VOLATILE = 2, /* in DRAM */
};
struct twz_sys_new {
	uint32_t type;  /* enum twz_type; THREAD and DEVICE are the kernel's to make */
	uint32_t perms; /* defaults, enum twz_perm */
	uint32_t flags;
	uint32_t tie_flags; /* enum twz_tie_flags, with `tie` */
	struct twz_id key;
	struct twz_id tie;     /* tied to that from the beginning; or zero */
	uint64_t page, npages; /* pages present from the start */
};
TWZ_SIZE(struct twz_sys_new, 64);

/*
 * A walk of an object's ties, those out of it first, then those into it: zeros start. A tie whose other end the
 * caller has no right to is left out. TWZ_E_NOTFOUND at the end; TWZ_E_BUSY if the tie at which the walk
 * stood is gone: it has to start again.
 */
struct twz_sys_tie {
	struct twz_id other;
	uint32_t kinds; /* enum twz_tie_flags */
	uint32_t in;    /* 0: the object is tied to `other`; 1: `other` to it */
};
TWZ_SIZE(struct twz_sys_tie, 24);

/*
 * dst, another object, gets src's pages copy-on-write, as they were when the call began (object_copy). The call's
 * `done` is 0 and counts the pages that are copied; the structure stays as it is meanwhile.
 */
struct twz_sys_copy {
	struct twz_id dst, src;
	uint64_t dst_page, src_page, pages;
	uint64_t reserved;
};
TWZ_SIZE(struct twz_sys_copy, 64);

/*
 * object_same takes the same structure, with two objects to compare in it: what they share from these pages on. It is
 * bounded: behind what it tells more may be shared.
 */
struct twz_sys_shared {
	uint64_t pages;   /* the same memory, or holes, on both sides; 0: the first one is not */
	uint64_t present; /* of these, that are no holes */
};
TWZ_SIZE(struct twz_sys_shared, 16);

/* What is under a key, and may be: 0 for no limit. */
struct twz_sys_account {
	uint64_t frames, frame_limit;        /* of DRAM, 4 KiB */
	uint64_t pages, page_limit, objects; /* in the store */
	uint64_t reserved[3];
};
TWZ_SIZE(struct twz_sys_account, 64);

struct twz_sys_seal {
	struct twz_id src;
	uint64_t size;
	uint32_t type, perms;
};
TWZ_SIZE(struct twz_sys_seal, 32);

enum twz_sys_thread_flags {
	TWZ_THREAD_SAME = 1,         /* belongs to the caller's program: the same owner */
	TWZ_THREAD_UNDETACHABLE = 2, /* cannot leave `context` */
};
#define TWZ_THREAD_NAME 32u
#define TWZ_THREAD_TIES 4u
/*
 * The new thread is tied to the caller, SCOPED and for good: it ends at the latest with it. Its object stays,
 * to be read, until it is deleted or the caller ends. Deleting it ends the thread.
 */
struct twz_sys_thread {
	struct twz_id view; /* zero: the caller's */
	/*
	 * That it is attached to, besides those that the caller cannot leave; active. Zero: all of the
	 * caller's. Its object is made under this context's key, and granted to the caller's context.
	 */
	struct twz_id context;
	uint64_t entry, stack, arg; /* rip, rsp, rdi */
	uint64_t fs_base;
	uint32_t flags;
	uint32_t reserved;
	struct twz_id tie[TWZ_THREAD_TIES]; /* objects that do not last, tied to it, SCOPED */
	char name[TWZ_THREAD_NAME];         /* for people, ends with a zero */
};
TWZ_SIZE(struct twz_sys_thread, 168);

/*
 * Crossing a gate (docs/gates.md). The callee finds the arguments in rdi, rsi, rdx, rcx and r8 (after a jump
 * also r9), as a C function does, the ID of the caller's active context in r10 (lo) and r11 (hi), and on its
 * stack the address TWZ_GATE_RETURN. All other registers are zero, flags, FS, GS and vector state as in a new
 * thread, but for the vector registers that the gate lets in. It returns to that address, or by gate_return.
 * The caller has then rax and rdx of the callee (gate_return: its arguments) and, as before the call, what
 * a function keeps: rbx, rbp, r12 to r15, rsp, FS, GS, flags, control words. All else is zero, but for the
 * vector registers that the gate lets out and, as after any system call, rcx and r11.
 *
 * Kernel's results: TWZ_E_NOTFOUND: no such context, gate or entry, or its view is gone; TWZ_E_RIGHT: it may not
 * be entered, or may not itself use what it needs; TWZ_E_BUSY: all stacks are in use, and NOWAIT, or the
 * thread has one of them;
 * TWZ_E_LIMIT: TWZ_GATE_DEPTH; TWZ_E_TIMEOUT: abortable, and the time inside is over;
 * TWZ_E_CALLEE: a fault that the callee did not handle, or it tried to end the thread; TWZ_E_ARG.
 *
 * The same without a call: a jump to an entry of a gate on an object that the active context may not execute, of
 * a context that the thread is attached to. The return address is taken from the stack. Errors of the
 * crossing itself are faults of the jump; TWZ_E_CALLEE is returned.
 */
struct twz_sys_gate {
	struct twz_id context; /* entered */
	uint32_t gate;         /* index, of its gates */
	uint32_t entry;        /* n: at start + n * align */
	uint64_t timeout_ns; /* of the time inside; ~0: none. Other values are for ABORTABLE ones */
	uint32_t flags;      /* enum twz_sys_gate_flags */
	uint32_t reserved;
};
TWZ_SIZE(struct twz_sys_gate, 40);
enum twz_sys_gate_flags { TWZ_GATE_NOWAIT = 1 };
#define TWZ_GATE_DEPTH 16u

/* Who has called: of the innermost crossing that the thread is in. TWZ_E_NOTFOUND: it is in none. */
struct twz_sys_caller {
	struct twz_id context; /* active in the caller; zero: none */
	struct twz_id key;     /* that it was made under; zero: none */
	struct twz_id thread;
	uint32_t gate, entry; /* that were entered; by a jump too */
	uint32_t depth;       /* crossings that the thread is in */
	uint32_t reserved;
};
TWZ_SIZE(struct twz_sys_caller, 64);

/*
 * Waiting on words: a word is 4 bytes, aligned, in an object, named by its address in the caller's
 * view or, if id is not zero, by object and offset. All WAKEs are done; then, if there are WAITs,
 * the thread sleeps as long as every word has its `value`, up to timeout_ns from now (~0: for ever).
 * A count of woken threads (if there are no WAITs), 0: woken or a value is another; TWZ_E_TIMEOUT;
 * TWZ_E_INTERRUPTED: a signal was delivered first. One that came just before the call does not end it:
 * who must not miss any has its handler change one of the words.
 */
enum twz_sync_op { TWZ_SYNC_WAIT = 0, TWZ_SYNC_WAKE = 1 };
struct twz_sys_sync {
	struct twz_id id;
	uint64_t address; /* or the offset in the object */
	uint32_t value;   /* WAIT: sleep while the word is that. WAKE: how many at most */
	uint32_t op;
};
TWZ_SIZE(struct twz_sys_sync, 32);
#define TWZ_SYNC_MAX 64u

/* The registers of a thread. */
struct twz_registers {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t rip, rflags, rsp;
};
TWZ_SIZE(struct twz_registers, 144);

/*
 * What a fault handler finds: it is entered on its stack (or further down on it, if the thread is on
 * it already) with rdi at this structure, which lies there with 128 bytes free below, rsp as after a
 * call. It goes on with thread_resume, with registers as it likes. A fault in the kernel's putting
 * that there, or the 8th inside of others, ends the thread.
 */
struct twz_upcall {
	struct twz_registers registers;
	uint32_t
		kind; /* enum twz_fault_kind (abi/rt.h), TWZ_FAULT_EXCEPTION + vector, TWZ_FAULT_SIGNAL + number */
	int32_t error;   /* enum twz_error, the reason */
	uint32_t access; /* enum twz_view_rights that was wanted */
	uint16_t depth;  /* of nesting, from 1 */
	uint16_t why;    /* enum right_why (core/right.h), if a right is missing */
	struct twz_id object;
	uint64_t offset;
	uint64_t address;
};
TWZ_SIZE(struct twz_upcall, 192);
#define TWZ_FAULT_EXCEPTION 64u
#define TWZ_FAULT_SIGNAL 128u

/*
 * Signals: numbers, of which each waits once until the thread returns to user mode outside of any upcall;
 * then the lowest enters the fault handler, with the registers to go on with, and the next one when that is
 * done (thread_resume). What a number means is the program's to say, and so is which it does not want
 * now: its handler notes those, and goes on. Without a handler a signal ends the thread, with 128 + number.
 */
#define TWZ_SIGNALS 64u /* from 1 on */

/* At TWZ_OBJ_DATA of a THREAD object; written by the kernel, read by who may. */
enum twz_thread_state {
	TWZ_THREAD_READY = 1, /* runs, or would if a processor were free */
	TWZ_THREAD_SLEEPS = 2,
	TWZ_THREAD_ENDED = 3,
	TWZ_THREAD_SUSPENDED = 4, /* does not run, whether it sleeps or not */
};
enum twz_thread_end {
	TWZ_END_EXIT = 1,  /* its program's doing */
	TWZ_END_KILL = 2,  /* others', by killing or deleting it, or with what it is tied to */
	TWZ_END_FAULT = 3, /* of `kind`, which nobody handled */
};
/* Who is ready runs before all of a lower one, and lower ones have their turn (docs/kernel.md). */
enum twz_priority {
	TWZ_PRIORITY_LOW = 0,
	TWZ_PRIORITY_NORMAL = 1,
	TWZ_PRIORITY_HIGH = 2,
	TWZ_PRIORITY_URGENT = 3,
};
#define TWZ_PRIORITIES 4u
struct twz_thread {
	uint32_t
		state; /* to wait on: ENDED is final; READY and SLEEPS are not kept up to the moment */
	uint32_t status; /* of the exit; 128 + signal number after a fault or kill */
	uint32_t number, owner;
	uint64_t start_ns;   /* since 1970 */
	uint64_t run_cycles; /* at its last switch */
	struct twz_id view;
	char name[TWZ_THREAD_NAME];
	uint32_t priority; /* enum twz_priority */
	uint32_t end;      /* enum twz_thread_end, once ENDED */
	uint32_t kind;     /* then, of a FAULT: as in struct twz_upcall */
	uint32_t reserved;
	uint64_t signals; /* that wait: bit n is signal n */
};
TWZ_SIZE(struct twz_thread, 104);

/* At TWZ_OBJ_DATA of the console, a DEVICE object: counts to wait on. */
struct twz_console {
	uint32_t input;      /* bytes that have come in */
	uint32_t interrupts; /* Ctrl-C was pressed so often: not part of the input */
	uint32_t terminal;   /* 1: a person sees what is written */
	uint32_t taken;      /* bytes that programs have read */
};
TWZ_SIZE(struct twz_console, 16);

#endif
