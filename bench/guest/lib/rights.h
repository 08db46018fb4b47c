/*
 * rights.h - keys, contexts and capabilities of the programs of the kernel's bench.
 *
 * The program runs in the boot context, which may do everything to what the system's key made: so it
 * can also give that context more.
 */
#ifndef TWZ_BENCH_GUEST_RIGHTS_H
#define TWZ_BENCH_GUEST_RIGHTS_H

#include <twz/right.h>

#include "bench/guest/lib/measure.h"

/* The context that the program runs in. */
struct twz_obj context_own(void);

/* Published when it is changed: what was decided for it does not count any more. */
void publish(const struct twz_obj *context);

/* A new key. To all that is made under it this program may do `perms`; with USE it can make such. */
void key_new(struct twz_secret *secret, uint32_t perms);

/* Under the key; empty, and not published. */
struct twz_obj context_new(struct twz_id key);

/* With defaults 0; flags: enum twz_sys_new_flags. One page. */
struct twz_id object_under(struct twz_id key, uint32_t flags);

/* The context may do `perms` to the object, until that second, 0: always. It is not published. */
struct twz_cap give(const struct twz_obj *context, const struct twz_secret *secret,
		    struct twz_id object, uint32_t perms, uint64_t expires);

/* Threads in the context can run this program: it may use its memory. */
void share_program(struct twz_id context);

#endif
