/*
 * ext.h - interfaces: an object says by what it can be used, a program uses it without knowing what it is.
 *
 *     twz_ext_add(NULL, &obj, TWZ_TAG_IO, table);     the object's side: tag and method table
 *     twz_implement(&mine);                           the program's side: the code, by its tag
 *     twz_face(&obj, TWZ_TAG_IO, &face);              brings the two together
 *
 * Rules
 *   - An interface is a tag and a structure of functions that a header defines (twz/stream.h, twz/event.h).
 *     An implementation is a tag and such a structure filled in; a program has those that it registered
 *     and libtwz's own. An object's method table names the implementation and holds its parameters.
 *   - What an object holds is never run: an implementation that the program does not have is
 *     TWZ_E_ABSENT. Foreign code in the caller's context would have the caller's rights.
 *   - An object without the extension may still have the interface: by its type, if an implementation
 *     says so (struct twz_impl.types).
 *   - Nothing that is read here is trusted; an implementation checks its own parameters. What is no
 *     table is TWZ_E_DAMAGED.
 *   - Changes are part of the transaction, or one of their own when tx is null. Any thread may call;
 *     looking takes no lock.
 *   - A sealed object keeps its extensions, a copy gets them.
 */
#ifndef TWZ_EXT_H
#define TWZ_EXT_H

#include "abi/interface.h"
#include "core/sum.h"
#include <twz/obj.h>
#include <twz/ptr.h>

TWZ_C_BEGIN

/* The tag that follows from a name; never zero for one that anybody would use. */
static inline struct twz_id twz_tag(const char *name)
{
	struct twz_id tag = {TWZ_SUM_A, TWZ_SUM_B};

	for (; *name; name++) {
		tag.lo = twz_fold(tag.lo ^ (uint8_t)*name, TWZ_SUM_K);
		tag.hi = twz_fold(tag.hi ^ (uint8_t)*name, TWZ_SUM_A);
	}
	return tag;
}

/* The name of a tag that libtwz knows (TWZ_TAGS); null else. */
const char *twz_tag_name(struct twz_id tag);

/* ---- the object's side --------------------------------------------------------------------------- */

#define TWZ_EXT_MAX (sizeof(((struct twz_meta *)0)->ext) / sizeof(struct twz_ext))

/*
 * The object can be used by the interface, as the method table at `methods` says, which lies in any object;
 * null: the tag is all there is. TWZ_E_EXISTS, TWZ_E_LIMIT (TWZ_EXT_MAX), TWZ_E_ARG: a tag of zeros; what a
 * pointer and a transaction return.
 */
int twz_ext_add(struct twz_tx *tx, const struct twz_obj *obj, struct twz_id tag,
		const struct twz_methods *methods);
/* TWZ_E_NOTFOUND. The method table stays. */
int twz_ext_remove(struct twz_tx *tx, const struct twz_obj *obj, struct twz_id tag);

/* A method table, to be stored where `params` bytes of parameters follow. The name is cut to fit. */
struct twz_methods twz_methods_of(struct twz_id interface, struct twz_id implementation,
				  const char *name, uint32_t params);

struct twz_ext_info {
	struct twz_id tag;
	int32_t error; /* why there is no table: 0 for a mark, TWZ_E_DAMAGED, TWZ_E_RIGHT, ... */
	bool has_table;
	struct twz_methods table; /* a copy */
	void *params;             /* table.params bytes that were there, in whatever object */
};
/* TWZ_E_NOTFOUND: the object does not have it; TWZ_E_RIGHT: it cannot be read; info->error. */
int twz_ext_find(const struct twz_obj *obj, struct twz_id tag, struct twz_ext_info *info);
/* The extension at or behind *place, which 0 starts and which moves on; TWZ_E_NOTFOUND at the end. */
int twz_ext_next(const struct twz_obj *obj, uint32_t *place, struct twz_ext_info *info);

/* ---- the program's side -------------------------------------------------------------------------- */

/* Stays as it is once it is registered. */
struct twz_impl {
	struct twz_id interface, implementation;
	const char *name;      /* of the implementation, for people */
	const void *methods;   /* the functions, as the interface's header defines */
	uint32_t types;        /* bits 1 << enum twz_type: what has the interface by its type */
	struct twz_impl *next; /* libtwz's */
};
/* TWZ_E_EXISTS: the program has this implementation of this interface already. */
int twz_implement(struct twz_impl *impl);

/* An object seen by an interface. A plain value, like the handle in it. */
struct twz_face {
	struct twz_obj obj;
	const struct twz_impl *impl;
	void *params;   /* of the object's method table; null if it has the interface by its type */
	uint32_t bytes; /* of them */
	uint32_t reserved;
};
/*
 * TWZ_E_TYPE: the object does not have the interface. TWZ_E_ABSENT: it has, by an implementation that this
 * program does not have.
 */
int twz_face(const struct twz_obj *obj, struct twz_id interface, struct twz_face *face);

TWZ_C_END

#endif
