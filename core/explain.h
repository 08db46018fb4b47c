/*
 * explain.h - the decision over the objects of a store: what a context may do to an object, and why.
 *
 * For who enforces nothing but wants to know: the hosted runtime and the tools. Contexts are read as
 * they lie in the store, and every signature is checked. The store's rules are core/store.h's.
 */
#ifndef TWZ_CORE_EXPLAIN_H
#define TWZ_CORE_EXPLAIN_H

#include "core/right.h"
#include "core/store.h"

/*
 * `context` zero: none, so the object's default permissions alone. `now` in seconds since 1970. `entry` as in
 * struct right_query: null, or may execution enter at that offset?
 * TWZ_E_NOTFOUND: the object or the context is not there; TWZ_E_TYPE: it is no context.
 */
int explain(struct store *s, struct twz_id object, struct twz_id context, uint64_t now,
	    const uint64_t *entry, struct right_answer *answer);

/* Is this capability's signature right? UNKNOWN: the key that it names is not in the store. */
enum right_verdict explain_signature(struct store *s, const struct twz_cap *cap);

#endif
