/*
 * ns.h - one namespace (abi/namespace.h): find, add, remove a name.
 *
 * Nothing in the object is trusted: offsets are checked before they are followed, chains have a
 * bound; TWZ_E_DAMAGED. With a transaction, which has the object, staged values are read; without,
 * the plain ones, which somebody else may be changing: ns_read deals with that.
 */
#ifndef LIB_NS_H
#define LIB_NS_H

#include "abi/namespace.h"
#include <twz/obj.h>
#include <twz/tx.h>

struct ns {
	struct twz_obj obj;
	struct twz_ns *head;
};

/* A name in a path: not terminated. */
struct ns_name {
	const char *text;
	uint32_t length;
};

/* Where an entry is. */
struct ns_place {
	uint64_t *link; /* the word that leads to it */
	struct twz_ns_entry *entry;
};

/* TWZ_E_NOTFOUND, TWZ_E_TYPE, TWZ_E_DAMAGED. */
int ns_open(struct twz_id id, struct ns *ns);

/*
 * Makes an empty namespace below `parent`, ending with this epoch. perms: what everybody may, of one of the program's
 * owner; 0: as twz_obj_new has it.
 */
int ns_new(struct twz_id parent, uint32_t perms, struct twz_id *id);

/* TWZ_E_NOTFOUND: `place` is where the name would be added. */
int ns_find(const struct twz_tx *tx, const struct ns *ns, struct ns_name name,
	    struct ns_place *place);

/*
 * Calls read, which must only read, as if nobody changed the namespace meanwhile, and returns what
 * it returns. It may be called several times, and must stand what it finds halfway. Without a
 * transaction at first: then the plain values are the right ones.
 */
int ns_read(const struct ns *ns,
	    int (*read)(const struct twz_tx *tx, const struct ns *ns, void *arg), void *arg);

/* What the name leads to, by ns_read. */
int ns_lookup(const struct ns *ns, struct ns_name name, struct twz_id *id);
/* The namespace above, by ns_read; zero for the root. */
int ns_above(const struct ns *ns, struct twz_id *id);

/* Words of the head, staged values if there are any. */
uint64_t ns_count(const struct twz_tx *tx, const struct ns *ns);
struct twz_id ns_parent(const struct twz_tx *tx, const struct ns *ns);
struct twz_id ns_doomed(const struct twz_tx *tx, const struct ns *ns);

/* The transaction has the object. Errors are in it too. */
int ns_add(struct twz_tx *tx, const struct ns *ns, struct ns_name name, struct twz_id id,
	   uint32_t type);
int ns_remove(struct twz_tx *tx, const struct ns *ns, const struct ns_place *place);
/* The name leads to another object. */
int ns_point(struct twz_tx *tx, const struct ns *ns, const struct ns_place *place, struct twz_id id,
	     uint32_t type);
int ns_set_parent(struct twz_tx *tx, const struct ns *ns, struct twz_id parent);
int ns_set_doomed(struct twz_tx *tx, const struct ns *ns, struct twz_id doomed);

/* Calls each for the entries, in no order; 0, what `each` returned, or TWZ_E_DAMAGED. */
int ns_walk(const struct twz_tx *tx, const struct ns *ns,
	    int (*each)(const struct twz_ns_entry *entry, void *arg), void *arg);

#endif
