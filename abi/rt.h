/*
 * rt.h - the runtime ABI: all that libtwz asks of the layer below.
 *
 * Implemented by rt/linux (hosted) and rt/minimal (our own kernel), by rt/reference later. C only, so that a
 * second language can bind it. Every function returns 0 or a negative enum twz_error unless it says
 * otherwise. All of them may be called by any thread.
 */
#ifndef TWZ_ABI_RT_H
#define TWZ_ABI_RT_H

#include "abi/base.h"
#include "abi/errors.h"
#include "abi/record.h"
#include "abi/view.h"

TWZ_C_BEGIN

/* Major in the high half: differs, does not work together. A higher minor only adds. */
#ifndef TWZ_RT_VERSION
#define TWZ_RT_VERSION 0x00010006u
#endif

/*
 * Every file of a program says by the second, before main, what it was built with (a constructor in
 * <twz/obj.h> does). If that does not fit the runtime, the program ends with status 126, and a message
 * that names both versions. The second since 1.6.
 */
uint32_t twz_rt_version(void);
void twz_rt_built_with(uint32_t version);

/* What the runtime tells a program; constant while it runs, but for root, key and context. */
struct twz_rt_info {
	uint32_t version;
	uint32_t nslots;     /* standard slots that the view has, reserved ones included */
	uint64_t slot_base;  /* address of slot 0: a multiple of 1 GiB */
	uint64_t place_base; /* address of large place 0: a multiple of 1 TiB */
	uint32_t nplaces;
	uint32_t owner;             /* this process, as lock words name it */
	uint64_t epoch;             /* the boot epoch */
	struct twz_view_slot *view; /* nslots + nplaces entries, written by the program */
	uint64_t shadow;       /* memory of zeros, page by page on demand, for the shadow's rows; */
	uint64_t shadow_bytes; /* behind so many bytes, TWZ_SHADOW_TAIL more can be read */
	struct twz_id root;    /* the root namespace; zero in a store that has none yet */
	/*
	 * Of this program's owner: that of the active context, which new objects are made under; or
	 * zero. Another after twz_rt_switch and the like.
	 */
	struct twz_id key;
	/* That it acts in: the active one. Hosted, the store's boot context; or zero. Since 1.3. */
	struct twz_id context;
};
#define TWZ_SHADOW_TAIL ((uint64_t)256 << 20)

/* Ends the program with a message if it has no store. */
const struct twz_rt_info *twz_rt_info(void);

/*
 * A program names its store, before anything else; those that it runs are in the same store from the start,
 * and so is one for which the environment names it. TWZ_E_BUSY: another home has it, or those that do cannot
 * share it with this one; TWZ_E_LIMIT: too many have it; TWZ_E_EXISTS: this program has one already; what
 * opening a store returns; TWZ_E_READONLY: the host lets it only be read; TWZ_E_ABSENT where the machine has
 * its store anyhow, or nothing is known of processes.
 */
int twz_rt_open(const char *where);

/*
 * Makes a file with an empty store of so many bytes, which nobody sees before it is whole; open it then.
 * TWZ_E_EXISTS: there is one already, or this program has a store; TWZ_E_ARG: not a size of stores;
 * TWZ_E_FULL: the host has no room; TWZ_E_RIGHT, TWZ_E_IO, TWZ_E_NOTFOUND: no such folder; TWZ_E_ABSENT as
 * above. Since 1.6.
 */
int twz_rt_make(const char *where, uint64_t bytes);

/*
 * Why the calling thread's last twz_rt_open or twz_rt_make failed: a sentence for a person, which names the
 * file, who has it, and what to do; empty if it did not fail. Good until the next of them. Since 1.6; before, some
 * were printed.
 */
const char *twz_rt_open_text(void);

/* Objects */
enum twz_rt_new_flags {
	TWZ_NEW_ENDING = 1, /* gone with this boot epoch, unless kept */
	/*
	 * In memory that ends with the machine, tied to this program (TWZ_TIE_SCOPED). A runtime that
	 * has none makes it ENDING. Since 1.1.
	 */
	TWZ_NEW_VOLATILE = 2,
	/* Tied to `tie` from the start, PLAIN; a volatile one to that alone. Since 1.4. */
	TWZ_NEW_TIED = 4,
	/* With TIED: a lasting one, to what ends (TWZ_TIE_ENDING). Since 1.4. */
	TWZ_NEW_TIE_ENDING = 8,
};
struct twz_rt_new {
	uint32_t type;  /* enum twz_type */
	uint32_t perms; /* defaults, enum twz_perm */
	uint32_t flags;
	uint32_t reserved;
	struct twz_id key;
	uint64_t page, npages; /* pages present from the start */
	struct twz_id tie;     /* read with TWZ_NEW_TIED only */
};
/* What a store returns; TWZ_E_ARG for flags that do not fit, or a `tie` of zero; with TIED also what twz_rt_tie does. */
int twz_rt_create(const struct twz_rt_new *wanted, struct twz_id *id);
int twz_rt_keep(struct twz_id id);
/*
 * Nobody finds the object any more. Who has it mapped keeps it until then (hosted, the program's own mappings
 * end with it). One that is tied to something stays as it is, and goes with its last tie.
 */
int twz_rt_delete(struct twz_id id);
/*
 * The root namespace is that object from now on. TWZ_E_EXISTS: hosted, there is one already, of
 * another process perhaps.
 */
int twz_rt_set_root(struct twz_id id);

/*
 * dst, which exists and is another object, gets src's pages copy-on-write; page numbers. Since 1.4 other threads
 * may store to src meanwhile: dst gets what was there at one moment, and they wait until the copy is done. If it
 * takes more than three seconds, and somebody waits, it is broken off: TWZ_E_TIMEOUT, as after all other errors dst
 * has a part. What is stored to those pages of dst meanwhile is lost or not. TWZ_E_BUSY: src is in a transaction,
 * or another copy fills it, or another copy is made of dst.
 */
int twz_rt_copy(struct twz_id dst, uint64_t dst_page, struct twz_id src, uint64_t src_page,
		uint64_t pages);
int twz_rt_drop(struct twz_id id, uint64_t page, uint64_t pages);
/*
 * These pages, holes too, cannot have these rights (enum twz_perm: READ, WRITE, EXEC) any more,
 * whatever is granted, until they are dropped. The object is in no transaction. Since 1.1.
 */
int twz_rt_limit(struct twz_id id, uint64_t page, uint64_t pages, uint32_t limit);
/*
 * What two objects share, from these pages on. Bounded: behind what it tells more may be shared. Since 1.4.
 */
struct twz_rt_shared {
	uint64_t pages;   /* the same memory, or holes, on both sides; 0: the first one is not */
	uint64_t present; /* of these, that are no holes */
};
int twz_rt_same(struct twz_id a, uint64_t a_page, struct twz_id b, uint64_t b_page, uint64_t pages,
		struct twz_rt_shared *shared);
/*
 * Are these pages of a sealed object what its identity says? As far as its content goes. TWZ_E_DAMAGED: one is
 * not; TWZ_E_TYPE: it is not sealed, or a program that runs from the boot archive. Since 1.4.
 */
int twz_rt_verify(struct twz_id id, uint64_t page, uint64_t pages);
int twz_rt_seal(struct twz_id src, uint64_t size, uint32_t type, uint32_t perms, struct twz_id *id);

/*
 * Ties (<twz/tie.h> has the rules): the object is tied to `to`, with flags (enum twz_tie_flags), and not any
 * more. TWZ_E_NOTFOUND, of untie also: there is no such tie; TWZ_E_ARG: to itself, or one that lasts to one that
 * does not; TWZ_E_BUSY: of the superblock's well-known objects; TWZ_E_FULL, TWZ_E_LIMIT. Since 1.4.
 */
int twz_rt_tie(struct twz_id object, struct twz_id to, uint32_t flags);
int twz_rt_untie(struct twz_id object, struct twz_id to, uint32_t kinds);

struct twz_rt_tie {
	struct twz_id other;
	uint32_t kinds; /* enum twz_tie_flags */
	uint32_t in;    /* 0: the object is tied to `other`; 1: `other` to it */
};
/*
 * The tie behind this one in a walk, which zeros start: those out of the object, then those into it.
 * TWZ_E_NOTFOUND at the end; TWZ_E_BUSY: the one behind which to go on is gone, start again. Since 1.4.
 */
int twz_rt_ties(struct twz_id object, struct twz_rt_tie *tie);

struct twz_rt_stat {
	struct twz_id id;
	struct twz_identity identity;
	uint64_t npages;
	uint64_t end_epoch; /* 0: lasting */
};
int twz_rt_stat(struct twz_id id, struct twz_rt_stat *stat);

/* Makes all that was stored to the object durable: flushes every present page; one fence. */
int twz_rt_sync(struct twz_id id);

struct twz_rt_usage {
	uint64_t pages, used, objects; /* of the store */
	uint64_t epoch;
};
int twz_rt_usage(struct twz_rt_usage *usage);

/*
 * Mapping: an entry takes effect at the first touch; one that changed, after this call. Entries
 * behind the nslots standard ones are the large places.
 */
int twz_rt_invalidate(uint32_t slot, uint32_t count);

/*
 * Makes the pages of a range of mapped addresses present and unshared, so that stores into them
 * cannot fail: TWZ_E_FULL, TWZ_E_SEALED, TWZ_E_OUTSIDE.
 */
int twz_rt_touch(void *addr, uint64_t bytes);

/* Decides what a crash or a dead owner left in the object's log. */
int twz_rt_settle(struct twz_id id);

/*
 * Waiting on words. Sleeps while *word == value, up to timeout_ns (~0: for ever), then
 * TWZ_E_TIMEOUT. 0: woken, or the value is another, or for no reason: look again.
 */
int twz_rt_wait(const uint32_t *word, uint32_t value, uint64_t timeout_ns);
int twz_rt_wake(const uint32_t *word, uint32_t count); /* how many were woken */

/*
 * The same on several words at once: sleeps while each has its value. TWZ_E_ARG: none, or more than
 * TWZ_RT_WORDS. Since 1.4.
 */
struct twz_rt_word {
	const uint32_t *word;
	uint32_t value;
	uint32_t reserved;
};
TWZ_SIZE(struct twz_rt_word, 16);
#define TWZ_RT_WORDS 64u
int twz_rt_wait_many(const struct twz_rt_word *words, uint32_t count, uint64_t timeout_ns);

/*
 * Has stream 0 something to read, its end included? 1: yes. 0: no, and none comes before *until, which is for
 * twz_rt_wait_many, has another value. On a terminal a line may be half typed: the read waits for its end.
 * TWZ_E_RIGHT: this program has no console. Since 1.4.
 */
int twz_rt_input(struct twz_rt_word *until);

/* The medium. */
void twz_rt_flush(const void *addr, uint64_t bytes);
void twz_rt_fence(void);

/* Faults in objects that the runtime cannot resolve come here; returning true retries. */
enum twz_fault_kind {
	TWZ_FAULT_NULL = 1,   /* page 0 of an object */
	TWZ_FAULT_OBJECT,     /* the view's entry names no object, or one that is gone */
	TWZ_FAULT_RIGHT,      /* a sealed object, a page limit, or more than is allowed: `why` */
	TWZ_FAULT_FULL,       /* no page for it: FULL the store, NOMEM memory, LIMIT the key's */
	TWZ_FAULT_RANGE,      /* past what the mapping shows */
	TWZ_FAULT_DAMAGED,    /* what the store knows of the object is wrong */
	TWZ_FAULT_UNRESOLVED, /* a pointer whose FOT entry leads nowhere */
	TWZ_FAULT_POINTER,    /* a persistent pointer read outside of objects, or a recycled slot */
	/* The memory of that page is broken; object zero: it is not known which. Since 1.4. */
	TWZ_FAULT_MACHINE,
};
struct twz_fault {
	uint32_t kind;   /* enum twz_fault_kind */
	int32_t error;   /* enum twz_error, the reason */
	uint32_t access; /* enum twz_view_rights that was wanted */
	uint32_t why;    /* enum right_why (core/right.h), if a right is missing; else 0 */
	struct twz_id object;
	uint64_t offset;
	uint64_t address;
};
typedef bool (*twz_fault_handler)(const struct twz_fault *fault, void *arg);
void twz_rt_on_fault(twz_fault_handler handler, void *arg);
/* Raises one: ends the program with a message unless the handler returns true. */
void twz_rt_fault(const struct twz_fault *fault);

/* Console, time, random numbers, programs. Reads and writes return the bytes moved. */
int64_t twz_rt_write(int stream, const void *data, uint64_t bytes); /* 1 output, 2 messages */
int64_t twz_rt_read(int stream, void *data, uint64_t bytes);        /* 0 input */
bool twz_rt_terminal(int stream); /* a person sees what is written there */
uint64_t twz_rt_time_ns(void);    /* since 1970, UTC */
void twz_rt_random(void *out, uint64_t bytes);
__attribute__((noreturn)) void twz_rt_exit(int status);

/*
 * Runs a program by name and waits: *status its exit status, 128 + signal after a crash, 124 when
 * it was ended because timeout_ns passed (~0: no limit). TWZ_E_NOTFOUND: no such program.
 */
int twz_rt_run(const char *const argv[], uint64_t timeout_ns, int *status);

/*
 * The same in another context, which the caller may USE, with no rights but that context's and limited by
 * what the caller cannot leave. Of the caller's it is given what it runs in, and the console for as long as
 * it runs; who runs it may wait for it and end it. TWZ_E_RIGHT: the context may not be used, or its masks
 * leave it nothing to run in; TWZ_E_TYPE: it is no context; TWZ_E_ABSENT: hosted, or the caller acts in no
 * context. Since 1.3.
 */
enum twz_rt_run_flags {
	TWZ_RUN_UNDETACHABLE = 1, /* it cannot leave the context */
	TWZ_RUN_NO_CONSOLE = 2,   /* it is not given the console */
};
struct twz_rt_program {
	const char *const *argv; /* a null ends it */
	uint64_t timeout_ns;
	struct twz_id context; /* zero: the caller's, and no flags */
	uint32_t flags;
	uint32_t reserved;
};
TWZ_SIZE(struct twz_rt_program, 40);
int twz_rt_run_as(const struct twz_rt_program *program, int *status);

/* Names of the programs there are, a zero-terminated list, constant. */
const char *const *twz_rt_programs(void);
/* A line of input with editing and history, good until the next; null at the end. One thread's. */
const char *twz_rt_line(const char *prompt);
/*
 * A line of input that is not shown when a person types it, and that nobody keeps. Its bytes. TWZ_E_NOTFOUND: the end
 * of input; TWZ_E_INTERRUPTED: given up; TWZ_E_LIMIT: longer than `room`. Since 1.5.
 */
int64_t twz_rt_line_hidden(const char *prompt, void *line, uint64_t room);

/*
 * The machine. Hosted, power and memory are the host's: TWZ_E_ABSENT. Threads are there the processes
 * that have the store, and the program's view is no object.
 */
/* Ends all that runs, then the machine: what (enum twz_power, abi/syscall.h). Returns an error only. */
int twz_rt_power(uint32_t what, uint32_t status);

struct twz_rt_thread {
	struct twz_id id, view; /* zero where they are no objects */
	uint32_t number, owner;
	uint32_t state;    /* enum twz_thread_state (abi/syscall.h) */
	uint32_t priority; /* enum twz_priority; since 1.4 */
	uint64_t start_ns; /* since 1970 */
	uint64_t run_ns;
	char name[32]; /* ends with a zero */
};
/* The thread behind this one in a walk, which zeros start; TWZ_E_NOTFOUND at the end. */
int twz_rt_thread_next(struct twz_rt_thread *thread);

/*
 * The calling thread's object (struct twz_thread in abi/syscall.h is its data): what is tied to it goes when
 * the thread ends, however it ends. Hosted, threads are processes, and one has an object from when it is
 * first asked for; deleting that ends what is tied to it, not the process. What making an object returns.
 * Since 1.4.
 */
int twz_rt_self(struct twz_id *thread);

/*
 * Threads of this program. run(arg) is called in a new thread, with a stack of 768 KiB; what it returns is the
 * thread's status. On our own kernel the thread has an object, which others can wait for and control by *thread,
 * and ends at the latest with the one that started it; hosted, the ID is good in this program only. Whoever
 * ends the program (twz_rt_exit, the end of main) ends all. TWZ_E_LIMIT: TWZ_THREADS that were started and
 * not waited for; what making a thread returns. Since 1.4.
 */
#define TWZ_THREADS 256u
int twz_rt_thread_start(int (*run)(void *arg), void *arg, const char *name, struct twz_id *thread);
/*
 * Waits for its end. One that this program started is forgotten then, its stack given back and its object deleted:
 * nobody else waits for it. Of others only their ends are seen, which takes the right to READ them.
 * TWZ_E_TIMEOUT; TWZ_E_NOTFOUND: there is no such thread; TWZ_E_BUSY: that is the caller.
 */
int twz_rt_thread_wait(struct twz_id thread, uint64_t timeout_ns, int *status);

/*
 * Control of threads, of any program, by who may USE them (docs/kernel.md, "Threads"). Hosted the host has
 * means for it: TWZ_E_ABSENT. An ended one: TWZ_E_NOTFOUND; what is no thread: TWZ_E_TYPE. Since 1.4.
 *   end        with this status; no destructors run.
 *   suspend    on return it does not run; or it goes on. Not counted.
 *   registers  takes READ. The general ones of one that is suspended; else TWZ_E_BUSY.
 *   signal     1 to 63: comes to the handler that its program has set with twz_rt_on_signal.
 *   priority   enum twz_priority (abi/syscall.h). To rise above normal takes USE of the machine: TWZ_E_RIGHT.
 */
struct twz_registers; /* abi/syscall.h */
int twz_rt_thread_end(struct twz_id thread, int status);
int twz_rt_thread_suspend(struct twz_id thread, bool on);
int twz_rt_thread_registers(struct twz_id thread, struct twz_registers *registers);
int twz_rt_thread_signal(struct twz_id thread, uint32_t number);
int twz_rt_thread_priority(struct twz_id thread, uint32_t priority);

/*
 * Signals to threads of this program come here, in the thread that they were sent to, between any two of its
 * instructions, or when its twz_rt_wait ends for it. One comes after the other; no signal interrupts a handler of
 * signals or faults. A handler stores to words that others look at and wakes who sleeps on them, and calls
 * nothing else of libtwz: the thread may be in the middle of that. Without a handler (null) a signal ends
 * the program with the status 128 + number. Hosted none come: TWZ_E_ABSENT. Since 1.4.
 */
typedef void (*twz_signal_handler)(uint32_t number, void *arg);
int twz_rt_on_signal(twz_signal_handler handler, void *arg);

struct twz_rt_memory {
	uint64_t pages, used;             /* of DRAM; used includes what follows */
	uint64_t tables;                  /* page tables, in pages */
	uint64_t heap_bytes;              /* of the kernel's own small objects */
	uint64_t objects, views, threads; /* that the kernel knows */
};
int twz_rt_memory(struct twz_rt_memory *memory);

/*
 * What is used under a key, and may be; 0: no limit. Limiting takes the right to USE the machine, where
 * there are rights. Hosted nothing is used of memory, and its limit is only kept. TWZ_E_NOTFOUND;
 * TWZ_E_TYPE: it is no key. Since 1.3.
 */
struct twz_rt_account {
	uint64_t frames, frame_limit;        /* of DRAM, 4 KiB */
	uint64_t pages, page_limit, objects; /* in the store */
};
int twz_rt_account(struct twz_id key, struct twz_rt_account *account);
int twz_rt_limit_key(struct twz_id key, uint64_t pages, uint64_t frames);

/* This program's view. */
int twz_rt_view(struct twz_id *view);
/* The registered view behind this one in a walk, which a zero ID starts; TWZ_E_NOTFOUND. */
int twz_rt_view_next(struct twz_id *view);

/*
 * From now on this program is brought back at every boot: `entry` is called, in the view as it is
 * then. What it had mapped of lasting objects is mapped at the same addresses; all other memory is
 * new. Durable on return, also for what was mapped so far; registering again changes entry and arg.
 * TWZ_E_ABSENT where there is no boot. Since 1.1.
 */
int twz_rt_register(void (*entry)(uint64_t arg), uint64_t arg);
int twz_rt_unregister(void);
/* Was it brought back? Then what the view names is taken over (libtwz does, before entry). */
bool twz_rt_recovered(void);

/*
 * Rights. Publishing makes what a context object holds now count: the system decides by a copy, so
 * that nobody ever sees half of a change. The caller sees to it that nobody changes the object
 * meanwhile (it has it in a transaction). Hosted nothing is enforced, and a context is only looked
 * at. TWZ_E_TYPE: it is no context. Since 1.2.
 */
int twz_rt_publish(struct twz_id context);

/*
 * The contexts of the calling thread (docs/rights.md): flags are enum twz_attach_flags (abi/syscall.h).
 * Attaching and switching to one needs USE on it. What the program stands on (view, data, stack) belongs to
 * who started it: before another context is the active one, that must be granted it, or the thread ends
 * at its next store. TWZ_E_EXISTS, TWZ_E_NOTFOUND: it is attached, or is not; TWZ_E_BUSY: it cannot be
 * left; TWZ_E_LIMIT: TWZ_ATTACH_MAX; TWZ_E_ABSENT: hosted, there are none. Since 1.3.
 */
int twz_rt_attach(struct twz_id context, uint32_t flags);
int twz_rt_detach(struct twz_id context);
int twz_rt_switch(struct twz_id context);

/*
 * The context may do so much to the object, which is volatile and to which the caller has as much itself;
 * 0 takes back what was granted. Ends with the object. TWZ_E_TYPE: it is persistent; TWZ_E_ABSENT: hosted.
 * Since 1.3.
 */
int twz_rt_grant(struct twz_id object, struct twz_id context, uint32_t perms);

/*
 * Has the caller all of these rights (enum twz_perm) to the object? Hosted nothing is enforced, and it has
 * what there is. TWZ_E_RIGHT; TWZ_E_NOTFOUND. Since 1.3.
 */
int twz_rt_may(struct twz_id object, uint32_t perms);

/*
 * What the context may do to the object, and why (docs/rights.md). A zero ID for the context: the
 * caller's own, and what it cannot leave; hosted, the store's boot context, or none if it has none. Another
 * context the caller must be allowed to READ. TWZ_E_NOTFOUND: there is no such object, or no right to know
 * of it. Since 1.2.
 */
struct twz_rt_answer {
	uint32_t effective; /* enum twz_perm */
	uint32_t granted;   /* before masks, which can save verifying signatures */
	uint64_t until;     /* the first second in which it may be another; ~0 */
	struct {
		uint32_t why; /* enum right_why (core/right.h); twz_right_text says it */
		uint32_t reserved;
		struct twz_id by; /* the context whose masks take it away, or zero */
		uint64_t cap;     /* offset of the capability in the context, or 0 */
	} reason[5];              /* by bit of enum twz_perm */
};
TWZ_SIZE(struct twz_rt_answer, 176);
int twz_rt_explain(struct twz_id object, struct twz_id context, struct twz_rt_answer *answer);

/*
 * Gates (docs/gates.md): the only way into the code of another context. Hosted nothing is enforced and there
 * are none: TWZ_E_ABSENT. Since 1.5.
 */
struct twz_rt_gate {
	struct twz_id context; /* entered */
	uint32_t gate;         /* index, of its gates */
	uint32_t entry;        /* n: at start + n * align */
	uint64_t timeout_ns; /* of the time inside; ~0: none. Other values are for ABORTABLE ones */
	uint32_t flags;      /* enum twz_sys_gate_flags (abi/syscall.h) */
	uint32_t reserved;
};
/*
 * What the callee returns, 0 or more, or a negative error, its own or the crossing's: TWZ_E_NOTFOUND,
 * TWZ_E_RIGHT, TWZ_E_BUSY, TWZ_E_LIMIT, TWZ_E_TIMEOUT, TWZ_E_CALLEE (abi/syscall.h).
 */
int64_t twz_rt_gate_call(const struct twz_rt_gate *gate, const uint64_t argument[5]);

/* In a callee: who has called. TWZ_E_NOTFOUND: the thread is in no crossing. */
struct twz_rt_caller {
	struct twz_id context, key; /* zero: none */
	struct twz_id thread;
	uint32_t gate, entry;
	uint32_t depth; /* crossings that the thread is in */
	uint32_t reserved;
};
int twz_rt_gate_caller(struct twz_rt_caller *caller);
/*
 * In a callee: has the caller all these rights to the object? Who acts for others on what they name asks
 * this, and not only itself. TWZ_E_RIGHT; TWZ_E_NOTFOUND: no right at all, or the thread is in no crossing.
 */
int twz_rt_gate_may(struct twz_id object, uint32_t perms);

/* In a callee: ends the call, with this. It returns only if the thread is in no crossing: TWZ_E_NOTFOUND. */
int twz_rt_gate_return(int64_t result);

/*
 * Gets this program ready for threads of others that enter it in this context: its memory, its first thread and, as
 * far as it has that, the console are granted to the context, and stacks are made. *gate is what the context
 * is to list then (twz_serve in <twz/gate.h> writes and publishes it): `entries` entries from `code` on, of
 * TWZ_RT_ENTRY bytes each, in the program's text, on a page of their own. Ends with the program. nstacks: 1 to
 * TWZ_GATE_STACKS_MAX. The caller has what it grants. From now on twz_rt_info() says context and key of this context,
 * and the caller acts in it, too (twz_rt_switch) once the gate is there. TWZ_E_EXISTS: once in a program.
 */
#define TWZ_RT_ENTRY 64u
struct twz_rt_service {
	struct twz_id context;
	const void *code;
	uint32_t entries;
	uint32_t nstacks;
	uint32_t flags; /* TWZ_GATE_ABORTABLE, TWZ_GATE_PUBLIC (abi/security.h) */
	uint32_t reserved;
};
struct twz_gate; /* abi/security.h */
int twz_rt_serve(const struct twz_rt_service *service, struct twz_gate *gate);

TWZ_C_END

#endif
