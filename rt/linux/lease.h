/*
 * lease.h - what other processes have mapped of an object, and how it is taken away from them.
 *
 * A mapping shows frames, and what frames an object's pages are changes: holes get pages, pages shared
 * with a copy get frames of their own, a copy makes pages shared, pages are dropped, limited, deleted.
 * A process that changes that knows its own mappings only. So each process says in a table in the
 * runtime area (struct twz_lease) what it has mapped, of which object and of what kind, and who
 * is about to change pages recalls the leases that would be wrong, before anything has changed:
 *
 *   what is to change                            wrong are mappings of
 *   pages are made, unshared, settled            HOLES, READ
 *   pages are copied, or sealed                  WRITE, of the source
 *   pages are dropped, limited, copied over;     all
 *     the object is deleted
 *
 * core/ decides that, in one place for each (recall in struct store, core/store.h). Any number of
 * processes may have an object mapped, to write too: locks and transactions order what they store.
 *
 * Rules
 *   - A lease says at least what is mapped; one too many costs a recall and nothing else. It is in the
 *     table before the mapping is made, and goes after it.
 *   - Leases are taken, and recalled, by who holds the store's lock. A lease that is there is changed
 *     by its process only; those of a dead process are freed by who finds that it is gone.
 *   - Each process has a thread of the runtime's own for this, asleep on the word `recall` of its entry
 *     in the process table (enum twz_recall). Asked, it takes away all that its process has mapped of
 *     the object, gives the leases back and says so. It takes no lock: who asks holds the store's, so no
 *     thread of its process is at the slots; and one that gets that lock because who asked gave up, or
 *     died, waits first until its own process's thread is done (lease_quiet).
 *   - A thread in the middle of a store to what was taken away faults, and waits for the store's lock.
 *   - Who does not answer, because it is stopped, has RECALL_NS; then the change fails with TWZ_E_BUSY
 *     and has changed nothing. Who was so late once is given less time until it has answered, or it would
 *     hold everybody up each time.
 *   - With one process that has anything mapped, nothing is looked through.
 *
 * A commit (core/tx.c) does not fail for want of space behind its first fence, recalls or not: the pages
 * that it is going to store to were made present and unshared when they were staged, and stay so until its
 * locks are free. What would change that, copying, sealing, dropping, limiting and settling, takes
 * writable mappings away first and looks at the object's lock then (objects.c): BUSY. What its faults
 * need is a lease: with the table full others give theirs up, one after the other, and only if nobody
 * answers, this process included, it ends with BUSY. Deleting is for whoever knows that nobody is at it.
 *
 * Locking: home_lock held, but for lease_quiet.
 */
#ifndef TWZ_RT_LINUX_LEASE_H
#define TWZ_RT_LINUX_LEASE_H

#include "rt/linux/home.h"

#define RECALL_NS (5ull * 1000 * 1000 * 1000)
#define RECALL_LATE_NS (10ull * 1000 * 1000) /* for who let that time go by */

/* Begins to answer recalls, for a process that has its entry in the table. TWZ_E_NOMEM. */
int lease_start(void);

/* Right after the store's lock was taken: nobody is asked, and this process's thread is asleep. */
void lease_quiet(void);

/*
 * Before something of this object is mapped, of a kind (enum twz_lease_mode): *lease, 0 for none yet, is
 * taken or widened. When the table is full some other lease goes. TWZ_E_BUSY: nobody gave one up.
 */
int lease_take(uint64_t ref, uint32_t kind, uint32_t *lease);

/* After the mappings are gone. Also called by the thread that answers. */
void lease_give(uint32_t lease);

/*
 * For struct store's `recall`: takes away what all processes have mapped of the object, if it is of these
 * kinds. TWZ_E_BUSY: one of them does not answer, lease_late() says which.
 */
int lease_recall(uint64_t ref, uint32_t kinds);
pid_t lease_late(void);

/* Processes that are gone have no leases. */
void lease_bury(void);

/* For tests: at most so many leases in the table; 0: as many as there is room for. */
void lease_limit(uint32_t leases);

#endif
