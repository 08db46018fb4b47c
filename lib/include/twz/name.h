/*
 * name.h - names: namespaces are objects that map names to objects.
 *
 * Rules
 *   - A path is names separated by '/', from the root namespace, with or without a leading '/'.
 *     "." is the namespace itself, ".." the one above (the root's is the root). The empty path,
 *     "/" and "." are the root. Empty names ("a//b") and a trailing '/' are TWZ_E_NAME, and so is a
 *     name of more than TWZ_NAME_MAX bytes or with a control character, or a path of more than
 *     TWZ_PATH_MAX.
 *   - Every change is one transaction, durable on return: a crash leaves all of it or nothing.
 *   - Any thread may call; look-ups take no lock and wait only for a change under way.
 *   - A name does not hold its object: a crash, or a delete, can leave a name that leads nowhere.
 *     Looking it up succeeds; opening says TWZ_E_NOTFOUND, a late-bound pointer TWZ_E_UNRESOLVED.
 *     It can be replaced and removed. The other way round, twz_name_publish and TWZ_NAME_DELETE see
 *     to it that no object is left without a name, but for one: a crash between the two steps of
 *     TWZ_NAME_DELETE can leave a sealed object, whose ID may come to life again and so cannot be
 *     noted as doomed. `twz check` notes it; sealing the same again gives it back.
 */
#ifndef TWZ_NAME_H
#define TWZ_NAME_H

#include "abi/interface.h"
#include "abi/namespace.h"
#include <twz/obj.h>

TWZ_C_BEGIN

/* The root namespace; makes it in a store that has none. */
int twz_name_root(struct twz_id *id);

/* TWZ_E_NOTFOUND; TWZ_E_TYPE if something on the way is not a namespace; TWZ_E_NAME. */
int twz_name_resolve(const char *path, struct twz_id *id);

/*
 * What resolves names: a namespace, from which the path goes, or a search list, or zero: the root namespace.
 * A search list names namespaces: the path goes from the first that has it. TWZ_E_UNRESOLVED: none has;
 * TWZ_E_NOTFOUND: the resolver, or a namespace that it lists, is gone; TWZ_E_TYPE: it is neither.
 */
int twz_name_resolve_in(struct twz_id resolver, const char *path, struct twz_id *id);

/*
 * Makes an object whose data is not used a search list, or changes one; durable on return, in one step.
 * TWZ_E_LIMIT: more than TWZ_SEARCH_MAX; what a transaction returns.
 */
int twz_search_set(const struct twz_obj *obj, const struct twz_id *list, uint32_t count);
/* TWZ_E_TYPE. */
int twz_search_get(const struct twz_obj *obj, struct twz_id list[TWZ_AT_LEAST TWZ_SEARCH_MAX],
		   uint32_t *count);

/* Resolves and opens. */
int twz_name_open(const char *path, struct twz_obj *obj);

/*
 * Opens the object that has the name. If there is none: makes one as `wanted` says, which lasts, and publishes it
 * under the name. Of those that do so at the same time one makes it.
 */
int twz_name_open_or_make(const char *path, const struct twz_new *wanted, struct twz_obj *obj);

enum twz_name_flags {
	TWZ_NAME_REPLACE = 1, /* the name may exist: it is taken over */
	TWZ_NAME_DELETE = 2,  /* the object that loses its name is deleted, over a crash too */
};
/*
 * Binds the name to the object. TWZ_E_EXISTS without REPLACE. A namespace that would lose its name
 * must be empty: TWZ_E_NOTEMPTY.
 */
int twz_name_bind(const char *path, struct twz_id id, uint32_t flags);

/*
 * Binds the name and keeps the object, which was made ending: no crash can leak it. With REPLACE,
 * the object that has the name is there until the new one takes its place, in one step; a crash in
 * between can leave the new one under the name with TWZ_NAME_NEW behind it, where the next such
 * call replaces it. Names that end so are this function's. After an error the object has no name by
 * this call, but may have been kept: the caller deletes it. TWZ_E_BUSY: somebody else published
 * under the same name at the same time, and theirs is there.
 */
#define TWZ_NAME_NEW ".twz-new"
int twz_name_publish(const char *path, struct twz_id id, uint32_t flags);

/* Removes the name; with TWZ_NAME_DELETE the object too. TWZ_E_NOTFOUND, TWZ_E_NOTEMPTY. */
int twz_name_unbind(const char *path, uint32_t flags);

/*
 * The object's name is `to` instead of `from`; the namespaces may differ. Flags as in twz_name_bind,
 * for what `to` was. A namespace cannot move into itself: TWZ_E_ARG.
 */
int twz_name_rename(const char *from, const char *to, uint32_t flags);
/* Both names exist; they change their objects. */
int twz_name_exchange(const char *a, const char *b);

/* Makes an empty namespace with that name. */
int twz_ns_make(const char *path, struct twz_id *id);
/* One of the program's owner to which everybody has these rights; with 0 it is as other objects are. */
int twz_ns_make_for_all(const char *path, uint32_t perms, struct twz_id *id);

/*
 * Calls each for every name in the namespace, sorted by bytes, until it returns something other than 0,
 * which is then returned. The callback may change the namespace, removing the entry it is given
 * included; of names that come or go meanwhile it sees some.
 */
struct twz_name_entry {
	struct twz_id id;
	uint32_t type; /* of the object when it was bound, enum twz_type */
	uint32_t length;
	char name[TWZ_NAME_MAX + 1]; /* terminated */
};
int twz_name_list(const char *path, int (*each)(const struct twz_name_entry *entry, void *arg),
		  void *arg);
int twz_name_list_in(struct twz_id space,
		     int (*each)(const struct twz_name_entry *entry, void *arg), void *arg);

TWZ_C_END

#endif
