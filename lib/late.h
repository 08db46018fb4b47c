/*
 * late.h - late binding: what the names in FOT entries lead to.
 *
 * A look-up is kept with the generations of the namespaces that it went through, and is good as long
 * as none of them has changed.
 */
#ifndef LIB_LATE_H
#define LIB_LATE_H

#include <twz/obj.h>

/* Address of the root structure of the object that the name entry leads to now. */
int late_follow(const void *holder, uint32_t index, const struct twz_fot_entry *entry,
		struct twz_obj *obj);

/* A slot is being recycled: nothing that was kept is good any more. */
void late_forget(void);

#endif
