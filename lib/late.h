/*
 * late.h - late binding: what the names in FOT entries lead to.
 *
 * A look-up is kept with the generations of the namespaces and the search list that it went through, and
 * is good as long as none of them has changed.
 */
#ifndef LIB_LATE_H
#define LIB_LATE_H

#include <twz/obj.h>

/*
 * *obj gets the object, opened, that name entry `index` of the holder's FOT leads to now; `entry` is
 * a copy of that entry. TWZ_E_UNRESOLVED: the name is bound to nothing, or to what is gone; what opening
 * the resolver (search.h) and looking up return; TWZ_E_DAMAGED for a name outside of the holder.
 */
int late_follow(const void *holder, uint32_t index, const struct twz_fot_entry *entry,
		struct twz_obj *obj);

#endif
