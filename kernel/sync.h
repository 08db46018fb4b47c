/*
 * sync.h - sleeping until a word in an object changes, and waking who sleeps on one.
 *
 * The word is known by object and offset, so it does not matter at which address who has it mapped.
 * Lock: the kernel's; that it is held from the comparison to the sleep is why no waking is lost.
 */
#ifndef KERNEL_SYNC_H
#define KERNEL_SYNC_H

#include "abi/syscall.h"

struct object;
struct regs;
struct thread;

void sync_init(void);

/* Wakes at most `max` threads that sleep on this word; how many. */
uint32_t sync_wake(struct object *object, uint64_t offset, uint32_t max);
/* All that sleep on any word of the object. */
void sync_wake_all(struct object *object);

/* The thread sleeps on nothing any more. */
void sync_leave(struct thread *thread);
/* Its sleep, if it sleeps on words, ends with TWZ_E_INTERRUPTED. */
void sync_interrupt(struct thread *thread);

#endif
