/*
 * search.h - what resolves late-bound names: the root namespace, another one, a search list (twz/name.h).
 */
#ifndef LIB_SEARCH_H
#define LIB_SEARCH_H

#include "abi/interface.h"
#include "lib/path.h"

/* Namespaces, the first that has a name wins: one, or those of a search list, opened. */
struct resolver {
	uint32_t count;
	struct twz_id id[TWZ_SEARCH_MAX];
};

/*
 * Zero: the root namespace. TWZ_E_NOTFOUND: it is gone, or there is no right to it; TWZ_E_TYPE: it is
 * neither namespace nor search list; TWZ_E_DAMAGED.
 */
int resolver_open(struct twz_id id, struct trail *trail, struct resolver *resolver);

/*
 * What the path leads to from the first of the namespaces that has it. TWZ_E_UNRESOLVED: none has.
 * TWZ_E_NOTFOUND and others: one of them is gone, cannot be read or is no namespace; those behind it are
 * not asked, because the name could be theirs only if that one did not have it.
 */
int resolver_look_up(const struct resolver *resolver, const char *path, uint64_t bytes,
		     struct trail *trail, struct twz_id *id);

#endif
