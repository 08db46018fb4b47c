/*
 * verify.h - signatures, verified by threads of the kernel's own, with interrupts on and without the lock.
 *
 * A verification takes some 600,000 instructions. Who needs one sleeps until there is a verdict, and
 * then tries again what it wanted. Verdicts are kept by the hash of the whole record, which is copied
 * before it is looked at; and, so that it need not be hashed at every decision, by its place in a
 * snapshot, which does not change as long as it is there.
 *
 * Lock: the kernel's.
 */
#ifndef KERNEL_VERIFY_H
#define KERNEL_VERIFY_H

#include "core/right.h"

struct thread;

/* Starts the verifying threads. */
void verify_init(void);

/* What is known of the signature of this record in a snapshot. */
enum right_verdict verify_verdict(const struct twz_cap *cap);

/* Is it the parent of this record in the same snapshot, which it stands behind? */
enum right_verdict verify_parent(const struct twz_cap *link, const struct twz_cap *parent);

/*
 * The running thread sleeps until there is a verdict on this record. False: there is no memory, or no such
 * key; then it is not to be had.
 */
bool verify_wait(struct thread *thread, const struct twz_cap *cap);

/* A snapshot goes, or a key: nothing is known by place any more. */
void verify_forget_places(void);

extern uint64_t verifications; /* that were made */

#endif
