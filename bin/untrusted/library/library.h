/*
 * library.h - a library that adds up numbers, and does what its author likes with whoever calls it.
 *
 * The program trusts none of it: docs/gates.md, "The slides' example".
 */
#ifndef BIN_UNTRUSTED_LIBRARY_H
#define BIN_UNTRUSTED_LIBRARY_H

#include "abi/base.h"

/* What it is there for. */
int64_t library_sum(const int64_t *number, uint64_t count);
/* Calls `each` with every number, until that returns something other than 0, which is then returned. */
int64_t library_each(const int64_t *number, uint64_t count, int64_t (*each)(int64_t number));
/* The same sum, left at *to. */
int64_t library_sum_to(const int64_t *number, uint64_t count, int64_t *to);

/* What it tries besides: to look at what it was not given, to store there, to run what it likes. */
int64_t library_peek(const int64_t *at);
int64_t library_poke(int64_t *at, int64_t value);
int64_t library_jump(int64_t (*to)(int64_t number));
/* Writes a function into the memory that it was given, and calls it. */
int64_t library_write_and_run(uint8_t *memory);

#endif
