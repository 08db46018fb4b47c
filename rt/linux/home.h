/*
 * home.h - the hosted runtime's inside: the store that this process has, and its lock.
 *
 * Processes
 *   Any number of unrelated ones open the image (twz_rt_open, or the environment variable
 *   TWZ_STORE=FILE). Who finds that no other process has it mounts: a new boot epoch; all others attach
 *   to that (image.h). Programs that one runs inherit the descriptor, and so its locks on the file, by
 *   TWZ_STORE_FD=N, and attach to the same epoch. They die with their parent. A store is opened when it is
 *   first needed.
 *   A child of fork has the descriptor, too, and is another process of the store: with an owner number of
 *   its own at once, in the table from when it first needs the store.
 *
 * The store's lock
 *   One word in the runtime area of the image: epoch << 32 | waiters << 31 | owner. It is held for
 *   every call of core/store.h. Who waits looks now and then whether the owner is alive, and takes
 *   the lock from a dead one, applying the update log. Inside the process a second lock orders
 *   threads.
 *   The fault handler takes it too: so a thread that holds it must not touch a slot, and the handler
 *   ends the process if one did.
 *
 * Owners in lock words are processes, by a number that the store gives to each, and to nobody else in this
 * epoch. The process table in the runtime area tells which process of the host that is. A thread that ends inside a transaction while its process
 * lives is not found out: others get TWZ_E_TIMEOUT.
 *
 * What a process has mapped it has a lease for, which others recall when they change pages (lease.h).
 */
#ifndef TWZ_RT_LINUX_HOME_H
#define TWZ_RT_LINUX_HOME_H

#include "abi/rt.h"
#include "core/store.h"
#include "rt/linux/image.h"

struct home {
	/* Constant once open. */
	struct image image;
	struct twz_runtime *runtime;
	struct twz_process *process; /* this process's entry of the table */
	pid_t pid;                   /* that all this is said of: in a child of vfork not its own */
	uint64_t owner;              /* epoch << 32 | info.owner, as lock words have it */
	struct twz_rt_info info;

	struct store store; /* home_lock held */
};
extern struct home home;

/* Opens the store that the environment names, if none is open. */
void home_need(void);

/* Opens the store if need be and takes its lock. */
void home_lock(void);
void home_unlock(void);

/*
 * 0, or TWZ_E_IO: this program has closed the image's descriptor, and there may be another file by now; it is said
 * once. home_lock held.
 */
int home_descriptor(void);

/* The object's record; home_lock held. The log is settled. */
int home_find(struct twz_id id, uint64_t *ref);

/*
 * The table of processes (process.c). Who registers is alive until the host says that it is gone. TWZ_E_LIMIT: it
 * is full, or no descriptor is left to look into /proc; TWZ_E_ABSENT: the host says nothing of processes. The image
 * has the reason, for image_error.
 */
int process_register(void);
uint32_t process_new_owner(void); /* it is what register enters */
/* It never had the store; no lock is this process's. */
void process_leave(void);
/* Is the process of this entry of the table gone? Then `thread` there is nobody's any more. */
bool process_gone(const struct twz_process *entry);
/*
 * May the owner of this lock word still do something? False: it is of another epoch, or its process
 * is gone, or the number is another's now.
 */
bool owner_alive(uint64_t word);
/* Its process, for messages; 0: it is gone. */
pid_t owner_pid(uint64_t word);
/* The space in which this process's number is one: that of another names others. */
uint64_t process_numbers(void);
/* How long to wait before asking that, first and the next time. */
#define LOOK_FIRST_NS (500ull * 1000)
static inline uint64_t look_next(uint64_t look)
{
	return look < 32 * LOOK_FIRST_NS ? 2 * look : look;
}

/* What the host says of a process; false: it ended, or has not this start time (that of the host, plus 1). */
bool process_look(uint32_t pid, uint64_t start, struct twz_rt_thread *thread);

/*
 * The process as an object (self.c); home_lock held. self_need makes it if it is not there. self_bury
 * deletes those of processes that are gone: of `pid`, which ended with `status`, and of all that the host
 * does not know any more.
 */
int self_need(uint64_t *ref);
void self_bury(pid_t pid, int status);

/* In a child of fork: what was the parent's alone is not this process's (self.c, slots.c, thread.c). */
void self_forked(void);
void threads_forked(void);

/* Before the object is deleted: its ties of the kind SCOPED do not keep it (tie.c). home_lock held. */
int tie_end_scope(uint64_t ref);

/* "NAME: ..." and a new line to the messages, in one piece; safe in a signal handler. */
void message(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, and the program ends with this status: 125 store unusable, 126 program refused. */
_Noreturn void die(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Waits on a word that other processes may share, at most that long; false if the time is over. */
bool futex_wait(const uint32_t *word, uint32_t value, uint64_t timeout_ns);
int futex_wake(const uint32_t *word, uint32_t count);

#define LOCK_WAITERS (1ull << 31)

#endif
