/*
 * context.h - security contexts in use, and subjects: what threads act as.
 *
 * A context is read from a snapshot of its object's data, taken when it comes into use and at each
 * publishing; what is stored to the object in between has no effect.
 *
 * A subject is a list of contexts that threads are attached to, and which of them is active. Threads
 * with the same ones share it, and with it decisions and page tables. Subjects do not change: who
 * attaches gets another.
 *
 * A subject's stamp stands for all that was decided for it. Whenever something changes that decisions
 * rest on (a context is published, a key is deleted, a time limit passes) the subject gets another
 * stamp, and what was kept under the old one is never found again.
 *
 * Lock: the kernel's.
 */
#ifndef KERNEL_CONTEXT_H
#define KERNEL_CONTEXT_H

#include "abi/syscall.h"
#include "core/right.h"
#include "kernel/clock.h"
#include "kernel/list.h"

struct object;
struct thread;

struct context {
	struct list link;        /* of all */
	struct object *object;   /* held */
	struct object *key;      /* that it was made under, held: it is asked for often; or null */
	struct object *snapshot; /* volatile, known to nobody else; null: none yet */
	struct object *spare;    /* the one before it, in whose memory the next one is made */
	struct object *next;     /* the one that is being made, */
	uint64_t next_pages;     /* so far */
	uint64_t round;          /* snapshots that were made */
	struct right_context rights;
	struct list members;     /* subjects that have it */
	struct account *account; /* of its key: charged with it and its snapshots */
	struct stacks *stacks;   /* for threads that enter it (gate.h) */
	uint32_t holds;
};

struct subject {
	uint64_t stamp;          /* never used again */
	struct account *account; /* of subject_key: charged with it and with what it maps */
	uint32_t holds;
	uint32_t count;
	uint32_t active; /* index; `count`: none */
	struct member {
		struct list link; /* of the context */
		struct subject *subject;
		struct context *context; /* held */
		bool undetachable;
	} member[TWZ_ATTACH_MAX];
	struct alarm expiry; /* when the first of its decisions can be another */
};

static inline struct context *subject_active(const struct subject *s)
{
	return s->active < s->count ? s->member[s->active].context : NULL;
}

/* The key of the active context's owner; zero for none. */
struct twz_id subject_key(const struct subject *s);

/* The one without contexts, held. */
struct subject *subject_none(void);
/* The first thread's: in this context, held. Only while the kernel starts. TWZ_E_NOMEM, LIMIT, DAMAGED, ... */
int subject_boot(struct object *context, struct subject **subject);
static inline void subject_hold(struct subject *s)
{
	s->holds++;
}
void subject_release(struct subject *s);

/* What was decided for it does not count any more. Translations are view.h's. */
void subject_renew(struct subject *s);
void subject_renew_all(void);

/*
 * The object's context with a snapshot, held. `fresh`: with one that was begun after this call was.
 * Done in steps: SYSCALL_AGAIN, until it is there. TWZ_E_TYPE; TWZ_E_LIMIT: it is too large; TWZ_E_NOMEM.
 */
int context_prepare(struct thread *thread, struct object *object, bool fresh,
		    struct context **context);
void context_hold(struct context *context);
void context_release(struct context *context);
/* The call is made again: it finds this context with the snapshot that it has. */
void context_keep(struct thread *thread, struct context *context);
/* A call of context_prepare that is not made again is over. */
void context_abandon(struct thread *thread);

/*
 * The running thread's contexts; that it may use the object was checked. TWZ_E_LIMIT: too many;
 * TWZ_E_EXISTS; TWZ_E_NOTFOUND: not attached; TWZ_E_BUSY: undetachable; TWZ_E_NOMEM. LIMIT also: that of
 * the key that is acted under then.
 */
int context_attach(struct thread *thread, struct context *context, uint32_t flags);
int context_detach(struct thread *thread, const struct object *object);
int context_switch(struct thread *thread, const struct object *object);
/*
 * That of a new thread in this context: what the creator cannot leave, and this one, active, which it can
 * leave unless `stays` or the context says so. Held. TWZ_E_NOMEM, TWZ_E_LIMIT.
 */
int context_subject(const struct thread *creator, struct context *context, bool stays,
		    struct subject **subject);

/*
 * That of a thread which enters the context by a gate: in place what it is attached to, and this one, active;
 * else this one alone. Held. TWZ_E_LIMIT, TWZ_E_NOMEM.
 */
int context_entered(const struct thread *thread, struct context *context, bool in_place,
		    struct subject **subject);

/* The context of this ID that it is attached to, which may be deleted; not held. Null: there is none. */
struct object *context_attached(const struct thread *thread, struct twz_id id);
/* The one that would be active if this one were detached; null: none. */
struct object *context_after_detach(const struct thread *thread, const struct object *object);

/* A snapshot counts from now on, for all who are attached, on all processors. */
void context_published(struct context *context);
/* The object is deleted: the context gives nothing any more. */
void context_deleted(struct object *object);

#endif
