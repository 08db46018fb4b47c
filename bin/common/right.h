/*
 * right.h - what the programs of rights share: names of contexts, permissions, chains that are printed.
 */
#ifndef BIN_COMMON_RIGHT_H
#define BIN_COMMON_RIGHT_H

#include "bin/common/program.h"

/* What a path or 32 hexadecimal digits lead to. A status, printed. */
int named(const char *name, struct twz_id *id);
/* The same, and it is a context, which is mapped. A status, printed. */
int named_context(const char *name, struct twz_obj *obj);

/* A chain, each record behind what it stems from. */
void print_chain(const struct twz_cap *chain, uint32_t count);

#endif
