/*
 * names.h - changes of names as data, and the service that makes them for who may not write a namespace.
 *
 * twz_name_bind and the like (name.h) make a change themselves where the caller may WRITE the namespaces, and else
 * ask the service at TWZ_NAMES. Programs need nothing of this.
 *
 * Rules of the service
 *   - It changes the namespaces that its own context may WRITE, for callers that may USE them; in a change of
 *     two, both. Who may not know of a namespace is told TWZ_E_NOTFOUND.
 *   - What a name leads to is not its affair: a name gives no right. Objects that lose their names are the
 *     caller's to delete, with the caller's rights.
 *   - A namespace has one name and knows what is above it. One that the service may not write itself gets,
 *     changes and loses its name only by who may WRITE it, who then sets what is above it.
 *   - A change is one transaction: a caller that is ended waits at the boundary, and after a crash there is all
 *     of it or nothing.
 */
#ifndef TWZ_NAMES_H
#define TWZ_NAMES_H

#include <twz/gate.h>
#include <twz/name.h>

TWZ_C_BEGIN

#define TWZ_NAMES "/srv/names"
#define NAMES_VERSION TWZ_VERSION(1, 0)
#define NAMES_CALLS(X) X(names, 0, change)
TWZ_CALLS(NAMES_CALLS)

enum twz_name_kind { TWZ_NAME_BIND = 1, TWZ_NAME_UNBIND, TWZ_NAME_RENAME, TWZ_NAME_EXCHANGE };

/* A name in a namespace. */
struct twz_name_at {
	struct twz_id space;
	uint32_t length;
	uint32_t reserved;
	char name[TWZ_NAME_MAX + 1]; /* need not be terminated */
};

/*
 * names_change(buffer): makes the change that lies there; 0, and `lost` is set there. What twz_name_bind,
 * _unbind, _rename and _exchange return; TWZ_E_RIGHT: a rule above; TWZ_E_ARG: it is no change.
 */
struct twz_name_change {
	uint32_t kind;    /* enum twz_name_kind */
	uint32_t flags;   /* TWZ_NAME_REPLACE or 0; TWZ_NAME_DELETE is not for the service */
	struct twz_id id; /* BIND: to what */
	uint32_t type;    /* BIND: of that, enum twz_type */
	uint32_t reserved;
	struct twz_id lost;       /* result: the object that has lost its name by this, or zero */
	struct twz_name_at at[2]; /* the second of RENAME, where to, and EXCHANGE */
};
TWZ_SIZE(struct twz_name_change, 608);

/*
 * Makes the change. `may` asks whether somebody else, for whom it is made, has these rights to an object: the
 * service's, then nothing is deleted. Null: the caller makes it for himself, also with TWZ_NAME_DELETE.
 */
typedef int (*twz_name_may)(struct twz_id object, uint32_t perms);
int twz_name_make(struct twz_name_change *change, twz_name_may may);

TWZ_C_END

#endif
