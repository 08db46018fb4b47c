/*
 * names.h - changes of names by the service (twz/names.h), from the caller's side.
 */
#ifndef LIB_NAMES_H
#define LIB_NAMES_H

#include "lib/ns.h"

#include <twz/names.h>

/*
 * A change that the caller may not make himself, by the service. Flags are twz_name_flags: what loses its name to
 * be deleted is deleted here, when it has lost it. TWZ_E_RIGHT: the service may not either, or is not there.
 */
int names_ask(struct twz_name_change *change);

/* Would `below` become part of itself if it moved into `space`? TWZ_E_ARG; TWZ_E_DAMAGED. */
int names_circle(const struct twz_tx *tx, const struct ns *below, const struct ns *space);

#endif
