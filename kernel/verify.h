/*
 * verify.h - signatures, verified by threads of the kernel's own, with interrupts on and without the lock.
 *
 * A verification takes some 600,000 instructions, and 1,200,000 more the first time that its key is used: it
 * is proved that the key object's content is what its ID says. Who needs a verdict sleeps until it is
 * there, and then tries again what it wanted. Verdicts are kept by the hash of the whole record,
 * which is copied before it is looked at; and, so that it need not be hashed at every decision, by its
 * place in a snapshot, which does not change as long as it is there.
 *
 * Lock: the kernel's.
 */
#ifndef KERNEL_VERIFY_H
#define KERNEL_VERIFY_H

#include "core/right.h"

struct thread;

/* Starts the verifying threads. */
void verify_init(void);
/* How many of them sleep. */
uint32_t verify_asleep(void);

/* A decision begins: it has one record hashed at most, so that it takes a bounded time. */
void verify_begin(void);

/* What is known of the signature of this record in a snapshot. */
enum right_verdict verify_verdict(const struct twz_cap *cap);

/* Is it the parent of this link? Both in one snapshot. */
enum right_verdict verify_parent(const struct twz_cap *link, const struct twz_cap *parent);

/*
 * Right after a decision that a verdict is missing for: the running thread sleeps until it is there, and
 * begins anew. False: there is no memory, or no such key; then none is to be had.
 */
bool verify_wait(struct thread *thread);

/* A snapshot goes: nothing is known by place any more. */
void verify_forget_places(void);
/* A key goes, and all verdicts that it gave. */
void verify_forget_key(struct twz_id key);

#endif
