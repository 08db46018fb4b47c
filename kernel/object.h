/*
 * object.h - objects as the kernel knows them, and the table of mediums behind them.
 *
 * A struct object stands for an object from its making (volatile) or first use (persistent) on. It is
 * found by ID. What uses it holds it: bindings of views, waiters, threads, views. A deleted one is
 * not found any more, and is freed when its last holder is gone: until then what is mapped of it is as
 * before. A persistent one that nobody holds stays in a cache, leaf tables and all, until others push it
 * out or frames run short.
 *
 * A volatile object's leaf tables are the truth about its pages; a persistent one's are a cache of
 * what its record in the store says, and can be thrown away at any time.
 *
 * What is tied to an object goes with it (tie.h). Deleting and freeing is done in bounded steps
 * (object_reap), by whoever leaves the kernel.
 *
 * Lock: the kernel's.
 */
#ifndef KERNEL_OBJECT_H
#define KERNEL_OBJECT_H

#include "abi/errors.h"
#include "abi/record.h"
#include "abi/syscall.h"
#include "core/store.h"
#include "kernel/arch/x86_64/table.h"
#include "kernel/list.h"

struct binding;
struct context;
struct freeze;
struct grant;
struct view;
struct thread;
struct tie;
struct object;
struct store_shared;

#define OBJECT_PAGES ((uint64_t)1 << 28)

/*
 * A medium: where pages are. `write` and page ranges are as checked: in the object, not sealed if they
 * change it. Errors are the store's (core/store.h).
 */
struct medium {
	const char *name;
	bool persistent;
	/*
	 * Makes the page's leaf entry good for a load or a store, and maybe its neighbours'. `entry` is
	 * that, or null if its table is not there.
	 * TWZ_E_RIGHT: a page limit. TWZ_E_SEALED, TWZ_E_FULL, TWZ_E_NOMEM, TWZ_E_DAMAGED.
	 */
	int (*fault)(struct object *o, uint64_t page, uint64_t *entry, bool write);
	/* The page's memory for the kernel to read, null for a hole. Valid while the lock is held. */
	void *(*look)(struct object *o, uint64_t page);
	/* The first page in [page, end) that may be there; `end` if there is none. */
	uint64_t (*next)(const struct object *o, uint64_t page, uint64_t end);
	/* dst is of this medium, src is another object. A bounded part: *done pages of it. */
	int (*copy)(struct object *dst, uint64_t dst_page, struct object *src, uint64_t src_page,
		    uint64_t pages, uint64_t *done);
	/* A bounded part of these; *done pages. */
	int (*drop)(struct object *o, uint64_t page, uint64_t pages, uint64_t *done);
	int (*limit)(struct object *o, uint64_t page, uint64_t pages, uint32_t rights,
		     uint64_t *done);
	/* What two objects of this medium share from there on: store_same (core/store.h). */
	int (*same)(struct object *a, uint64_t a_page, struct object *b, uint64_t b_page,
		    uint64_t pages, struct store_shared *shared);
	/* The object is deleted: makes that lasting. Sets o->left if its pages have to stay. */
	int (*delete)(struct object *o);
	/* Nobody holds it: gives back a part of what it has; true if there is no more. */
	bool (*free)(struct object *o);
	uint64_t (*npages)(const struct object *o);
};
extern const struct medium medium_dram, medium_nvm;

struct object {
	struct twz_id id;
	struct twz_identity identity;
	struct object *next; /* in the hash */
	const struct medium *medium;
	uint64_t serial; /* what was decided on it is kept under this; never used again */
	uint64_t ref;    /* persistent: the record */
	uint64_t npages; /* volatile: pages present */
	uint64_t freed;  /* volatile, deleted: pages up to here are free */
	struct tables tables;
	uint32_t holds;
	uint32_t sleepers; /* on words of it */
	bool deleted;
	bool left; /* persistent, deleted: its record is there until we free it, and may come back */
	bool lost;   /* deleted by the store: who is to be told of that was not told yet */
	bool marked; /* to be deleted with its last tie */
	bool pays;   /* its own frame pays for one of its ties */
	struct binding *bindings; /* slots that show it */
	struct tie *ties;         /* of this object to others (tie.h) */
	struct list ties_in;      /* of others to this one */
	uint32_t kept;            /* how many of `ties` keep it */
	struct list link;  /* in the cache, of persistent ones in use, or of those to be reaped */
	struct view *view; /* a view in use */
	struct context *context; /* a context in use */
	struct grant *grants;    /* volatile: right.c */
	struct thread *thread;   /* that it is the object of, until it ends */
	struct freeze *frozen;   /* it is being copied, and does not change: freeze.h */
	uint32_t fillers;        /* copies into it */
	uint64_t rests;          /* cycles: it cannot be frozen before */
};

static inline bool object_sealed(const struct object *o)
{
	return o->identity.flags & TWZ_ID_SEALED;
}

/*
 * A volatile object with this identity and ID, held once. It is charged to the account of its key, or
 * to `maker` if it has none. TWZ_E_NOMEM; TWZ_E_LIMIT, TWZ_E_DAMAGED: account.h.
 */
int object_make(struct twz_id id, const struct twz_identity *identity, struct account *maker,
		struct object **out);
/* The same with a nonce of its own. */
int object_new(uint32_t type, uint32_t perms, struct twz_id key, struct account *maker,
	       struct object **out);

/*
 * Finds it and holds it; persistent ones are loaded, settled if need be. TWZ_E_NOTFOUND, what the
 * store returns.
 */
int object_find(struct twz_id id, struct object **out);
/* The same, and checks that the thread has these rights to it. */
int object_get(struct thread *thread, struct twz_id id, uint32_t want, struct object **out);

/* What was decided on it does not count any more. Translations are view.h's. */
void object_renew(struct object *o);

static inline void object_hold(struct object *o)
{
	o->holds++;
}
void object_unheld(struct object *o); /* nobody holds it any more */
static inline void object_release(struct object *o)
{
	if (!--o->holds)
		object_unheld(o);
}

/*
 * Nobody finds it any more, sleepers on it wake, its thread ends; freed when its last holder is gone. While
 * something keeps it that it is tied to, it is only marked. Held by the caller.
 */
int object_delete(struct object *o);

/* A thread has ended: what is tied to its object goes, in steps. */
void object_ended(struct object *o);

/* The store deletes it, with its last tie there: what is it to us? (core/store.h) */
enum store_held object_held(struct twz_id id);

/*
 * What is to be done in the background: objects whose end lets others end, or the store free something (those
 * with ties into them, those that were left); and those that only have to be freed.
 */
extern struct list objects_going, objects_doomed;
/* Some bounded work on them; true if there is more. */
bool object_reap_some(void);
static inline bool object_reap(void)
{
	return (!list_empty(&objects_going) || !list_empty(&objects_doomed)) && object_reap_some();
}
/* Frames are short: frees what is a cache only, or deleted; false if there was nothing. */
bool object_reclaim(void);
/* The account is over its limit: frees what was deleted under it. */
bool object_reclaim_of(const struct account *account);

/* Forgets the leaf tables of all persistent objects: their pages may have moved. */
void object_forget_tables(void);

/*
 * medium->look, in place if a leaf entry has the page: for what is asked for at every fault. The quick one
 * looks no further: null.
 */
static inline void *object_look_quick(struct object *o, uint64_t page)
{
	uint64_t leaf, entry;

	if (page >> TABLE_DIRECTORY_SHIFT || !o->tables.directory)
		return NULL;
	leaf = ((uint64_t *)direct(o->tables.directory))[page >> TABLE_LEAF_SHIFT];
	if (!leaf)
		return NULL;
	entry = ((uint64_t *)direct(leaf & PTE_FRAME))[page & (TABLE_ENTRIES - 1)];
	return (entry & (PTE_PRESENT | PTE_ZEROS)) == PTE_PRESENT ? direct(entry & PTE_FRAME)
								  : NULL;
}

static inline void *object_look(struct object *o, uint64_t page)
{
	void *memory = object_look_quick(o, page);

	return memory ? memory : o->medium->look(o, page);
}

/* Makes the page present and writable, as a store to it. medium->fault says what can be wrong. */
int object_touch(struct object *o, uint64_t page);
/* Its memory then, for the kernel; null if that cannot be. */
void *object_page(struct object *o, uint64_t page);

/* Leaf entries were narrowed or changed: waits until no processor has them any more. */
void object_shoot(struct object *o);

/* Walks all: null starts. For lists of threads; not held. */
struct object *object_next(struct object *after, uint32_t type);

extern uint64_t objects_known, objects_cached, objects_cached_tables, objects_reclaimed;

#endif
