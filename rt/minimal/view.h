/*
 * view.h - entries of views, and the window in which a program has the objects of another.
 *
 * The window is slot TWZ_SLOT_WINDOW of the own view. One thread has it at a time: window_open waits
 * for it, window_close gives it back.
 */
#ifndef TWZ_RT_MINIMAL_VIEW_H
#define TWZ_RT_MINIMAL_VIEW_H

#include "rt/minimal/minimal.h"

#define VIEW_ENTRIES (TWZ_VIEW_SLOTS + TWZ_VIEW_PLACES)

static inline struct twz_view *view_own(void)
{
	return (struct twz_view *)TWZ_SLOT_DATA_AT(TWZ_SLOT_VIEW);
}

/* An entry of any view; who reads it meanwhile sees all of it or tries again. */
void view_enter(struct twz_view *view, uint32_t slot, struct twz_id id, uint64_t epoch,
		uint32_t rights);

/*
 * Copies from the object's data, from the front; TWZ_E_NOTFOUND if that cannot be loaded: it was deleted,
 * or is damaged.
 */
int window_read(struct twz_id id, uint64_t offset, void *out, uint64_t bytes);

/* The word, which others store to; false if it cannot be loaded. */
bool view_load(const uint32_t *from, uint32_t *word);

/* Address of the object's data. A touch of what is not there is a fault of this program. */
void *window_open(struct twz_id id, uint32_t rights);
void window_close(void);

#endif
