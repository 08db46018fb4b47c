/*
 * late.h - late binding: what the names in FOT entries lead to.
 *
 * A look-up is kept with the generations of the namespaces that it went through, and is good as long
 * as none of them has changed.
 */
#ifndef LIB_LATE_H
#define LIB_LATE_H

#include <twz/obj.h>

/*
 * *obj gets the object, opened, that name entry `index` of the holder's FOT leads to now; `entry` is
 * a copy of that entry. What a look-up and twz_obj_open return; TWZ_E_ABSENT for another resolver
 * than the default one, TWZ_E_DAMAGED for a name outside of the holder.
 */
int late_follow(const void *holder, uint32_t index, const struct twz_fot_entry *entry,
		struct twz_obj *obj);

/* A slot is being recycled: nothing that was kept is good any more. Takes a lock of its own. */
void late_forget(void);

#endif
