/*
 * read.h - reading an object beside transactions that change it, without waiting for them.
 *
 *     struct account copy;
 *     uint64_t version;
 *
 *     do {
 *             version = twz_read_begin(account);
 *             twz_read_copy(&copy, account, sizeof(copy));
 *     } while (twz_read_again(account, version));
 *     error = twz_read_error(version);
 *
 * The copy is then what one moment between two transactions held. The rules are in core/read.h.
 */
#ifndef TWZ_READ_H
#define TWZ_READ_H

#include "core/read.h"

#endif
