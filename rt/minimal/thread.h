/*
 * thread.h - threads of a program beside its first one, and what is done to threads.
 *
 * Their stacks lie in the object of the first one's, from its front on: a region for each, with a guard page,
 * the stack of its fault handler, another guard page, its stack. They are given back when the thread
 * has been waited for.
 */
#ifndef TWZ_RT_MINIMAL_THREAD_H
#define TWZ_RT_MINIMAL_THREAD_H

#include "rt/minimal/program.h"

#define THREAD_REGION ((uint64_t)1 << 20)
#define THREAD_FAULT_STACK ((uint64_t)248 << 10)
#define THREAD_REGIONS TWZ_SLOT_DATA_AT(TWZ_SLOT_STACK)
TWZ_PIN(THREAD_REGIONS + TWZ_THREADS * THREAD_REGION < PROGRAM_STACK_LOW - TWZ_PAGE);

/* A signal has come to the calling thread. */
void thread_signalled(uint32_t number);

#endif
