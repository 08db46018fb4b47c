/*
 * tx.h - transactions over one or more mapped objects (docs/format/log.md); <twz/tx.h> exports it.
 *
 * A transaction stages new values in the objects' own logs; commit makes all of them durable or
 * none, with two fences, however many ranges and objects (three with fresh memory):
 *   records and bodies flushed; FENCE 1 (the commit point); stored in place and flushed; FENCE 2;
 *   then the log heads say retired.
 * Until commit, plain loads see the state before; twz_tx_read sees what is staged.
 *
 * Errors are sticky: after one, twz_tx_write returns null and twz_tx_commit aborts and returns it.
 *
 * A child of fork has a copy of its parent's transactions, and is in none of them: whatever it does with one
 * is TWZ_E_FORKED, and changes nothing of the parent's.
 *
 * Locking: an object belongs to one transaction at a time (the lock in its log head), from the first
 * twz_tx_add or twz_tx_write on it until commit or abort. Objects are locked in the order of first
 * use; two transactions that use the same objects in different orders can wait for each other: the
 * waiter gets TWZ_E_TIMEOUT after the environment's time limit; or TWZ_E_NESTED at once, if it is seen that
 * it would wait for itself. A struct twz_tx is one thread's. An object
 * that is mapped small and large takes part by one of the two: the other one is TWZ_E_BUSY.
 *
 * It takes 11 KiB, mostly of the caller's stack; who has a small one keeps it elsewhere. It needs no
 * release, and twz_tx_begin writes little of it. Calls that make a transaction of their own (null
 * for `tx`: names in the FOT, heap_make; changes of namespaces) have one on their stack.
 */
#ifndef TWZ_CORE_TX_H
#define TWZ_CORE_TX_H

#include "abi/errors.h"
#include "abi/object.h"

TWZ_C_BEGIN

/* Supplied by the runtime, once, before the first transaction. */
struct tx_env {
	uint64_t owner; /* lock value of this process: epoch << 32 | number */
	uint64_t clwb;  /* the same if the medium is PMEM_CLWB; else 0, which is nobody's */
	/*
	 * The lock holds `seen`, which is not 0. Waits until it may have changed or settles the
	 * object if its owner is dead or of another epoch, then returns 0; TWZ_E_TIMEOUT, TWZ_E_NESTED.
	 */
	int (*contended)(void *base, uint64_t *lock, uint64_t seen);
	void (*wake)(uint64_t *lock); /* all who wait */
	/*
	 * For readers (read.h), who may have no right to write: waits until head->retired is at least
	 * seq, or settles the object if the lock's owner is dead; 0: look again. TWZ_E_TIMEOUT, or why it
	 * cannot be settled.
	 */
	int (*stored)(const void *base, const struct twz_log_head *head, uint64_t seq);
	/* Makes the pages of the range present and unshared; TWZ_E_FULL, TWZ_E_OUTSIDE, ... */
	int (*touch)(void *addr, uint64_t bytes);
	/*
	 * The range's pages, of an object that the caller has locked, become holes, which read as zeros.
	 * Durable on return; nothing that is staged for them is stored afterwards.
	 */
	int (*drop)(void *addr, uint64_t bytes);
	/* ID of the object mapped at base. */
	struct twz_id (*id)(const void *base);
};
extern struct tx_env tx_env;

/*
 * A transaction finds out whether a page can be written by writing it: one instruction that stores
 * the byte that is there. Its fault is like any other, and whoever handles faults makes the page.
 * If that cannot be done (a full store), it asks here with the fault's instruction pointer, and
 * goes on at the address returned; 0: not one of these. Then tx_env.touch is called for the reason.
 */
uintptr_t tx_fixup(uintptr_t ip);

/* A participant. Everything in it is tx.c's own. */
struct tx_part {
	uint8_t *base;
	uint64_t data;    /* from the FOT on, where a short range can start; 0 after an error */
	uint8_t *room;    /* end of the log's pages that can be written */
	uint64_t filter;  /* bit (offset / 64) mod 64: lines that ranges may lie in */
	uint8_t *tail;    /* of the record: where the next range goes */
	uint8_t *indexed; /* the ranges before it are in the index, if there is one */
};

#define TX_SLOTS 2048u

/* map_change.c's own. */
struct tx_finger {
	const void *map; /* in place */
	void *head;      /* its copy */
	uint64_t root;
	const void *leaf;     /* in place */
	void *copy;           /* of the leaf */
	uint64_t low, behind; /* the least key that belongs there; the greatest one less that */
};

struct twz_tx {
	uint16_t nparts;
	uint16_t special; /* not 0: commit must look closer */
	int error;
	struct tx_part *last; /* that was used */
	uint64_t owner;       /* who has the locks; set with the first part */
	struct tx_part part[TWZ_LOG_PARTS_MAX];
	uint32_t nslots, nused, reach; /* index of many ranges: which are staged where */
	uint32_t slot[TX_SLOTS];
	struct tx_finger finger;
};
TWZ_PIN(sizeof(struct twz_tx) <= 11 * 1024 + 256); /* of somebody's stack */

static inline void twz_tx_begin(struct twz_tx *tx)
{
	tx->nparts = 0;
	tx->special = 0;
	tx->error = 0;
	tx->last = tx->part;
	tx->part[0].data = 0; /* no address is in it */
}

/* The object at addr takes part (is locked), also without a write. 0 or the error. */
int twz_tx_add(struct twz_tx *tx, const void *addr);

/*
 * The staged copy of [addr, addr + bytes), holding the present content (staged or not), to be
 * changed by plain stores until commit. A range inside one staged before gives that one's copy;
 * one that overlaps another partly is TWZ_E_ARG. A range takes its bytes and 8 more in its object's
 * log, rounded up to 16; together at most TWZ_LOG_BODY_MAX, TWZ_E_TXFULL. Null after an error.
 */
void *twz_tx_write(struct twz_tx *tx, void *addr, uint64_t bytes);

/* Stages one word: *addr = value at commit. */
int twz_tx_set(struct twz_tx *tx, uint64_t *addr, uint64_t value);

/* The staged copy if the range is inside a staged one, else addr itself. */
const void *twz_tx_read(const struct twz_tx *tx, const void *addr, uint64_t bytes);

/*
 * Memory inside a participant that no durable structure refers to yet (a fresh block) may be
 * stored to directly; this flushes it, and the commit fences it before it writes the record that
 * publishes it: a third fence, once for all.
 */
void twz_tx_fresh(struct twz_tx *tx, const void *addr, uint64_t bytes);

/*
 * All or nothing, durable on return. On error nothing is changed and the locks are free. After
 * either of these two, twz_tx_begin comes first again.
 */
int twz_tx_commit(struct twz_tx *tx);
void twz_tx_abort(struct twz_tx *tx);

/*
 * Of core: the transaction has failed as a whole, since what is staged is no longer sound. Nothing more
 * can be staged; commit returns the error, as this does.
 */
int tx_fail(struct twz_tx *tx, int error);

/*
 * Makes plain stores to [addr, addr + bytes) durable: flushes them and the object's log head (or
 * replay would undo them), one fence. The object is not in a transaction of another thread.
 */
void twz_persist(const void *addr, uint64_t bytes);

/*
 * Settling: what a crash left in logs is decided, at the first load of an object in an epoch or when
 * a lock's owner is dead. `io` gives access to objects that may not be mapped.
 */
struct settle_io {
	void *arg;
	/* A handle for the object. TWZ_E_NOTFOUND, TWZ_E_RIGHT: counts as absent. */
	int (*find)(void *arg, struct twz_id id, uint64_t *handle);
	/*
	 * Its page, which stays where it is until the next call with `write`. Null and no error:
	 * it is absent; with `write`, which makes pages present and unshared: it must not be
	 * written (a page limit), and what is for it is dropped.
	 */
	void *(*page)(void *arg, uint64_t handle, uint64_t page, bool write, int *error);
	bool (*writable)(void *arg, uint64_t handle); /* false for a sealed object */
};

/*
 * Settles the transaction that the object's log holds, in all its participants: applies it if the
 * coordinator's record and every listed one are whole and none is retired, else there is nothing to
 * apply; then retires (voids) durably and frees the object's own lock. Calling it again, also after
 * a crash inside, ends in the same state. Nobody else uses these objects meanwhile; what hostile
 * ones write there is bounded. A sealed object has no log: 0.
 * What io->find and io->page return, TWZ_E_FULL among it: nothing is decided then.
 */
int tx_settle(const struct settle_io *io, struct twz_id id);

TWZ_C_END

#endif
