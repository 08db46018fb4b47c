/*
 * hostile.h - a library that does with the program that calls it what it can (tests/attack/library.c): linked as
 * an object of its own.
 */
#ifndef TESTS_ATTACK_HOSTILE_H
#define TESTS_ATTACK_HOSTILE_H

#include "abi/syscall.h"

/* Where its faults come in, in its slot: the call returns the fault's error. */
int64_t hostile_handler(void);

int64_t hostile_load(const uint8_t *at);
int64_t hostile_store(uint8_t *at);
/* What is there is called as a function. */
int64_t hostile_jump(uint64_t to, uint64_t argument);
/* It returns there. */
int64_t hostile_return(uint64_t to);
/* The system call of this number, with up to five arguments. */
int64_t hostile_syscall(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
			uint64_t e);
/* A call of a gate of that context, by its number. */
int64_t hostile_gate(uint64_t lo, uint64_t hi, uint64_t entry);
/* A thread in that context; zero: in those that it is in. flags: enum twz_sys_thread_flags. */
int64_t hostile_thread(uint64_t lo, uint64_t hi, uint64_t flags);
/* Faults of the call come to `entry` from now on; then it loads what may not be loaded. */
int64_t hostile_handled(uint64_t entry, const uint8_t *at);
/* Sets *inside, and never returns. */
int64_t hostile_forever(uint32_t *inside);

#endif
