/*
 * contexts.h - the two contexts of the example: the program's and its library's.
 *
 *     object                everybody may   the program may   the library may
 *     the program's text       r-x--           r-x--             -----
 *     private data             rw-u-           rw-u-             ---u-
 *     the library              r-x--           r----             r-x--
 *     its stack and heap       -----           rw---             rw---
 *     the program's memory     -----           rw---             -----
 *
 * What everybody may is cut down by masks; where everybody may nothing, rights are granted. What one may do
 * nothing at all with is to him as if it were not there: the USE that is left of the private data lets
 * faults on it say why. Either context lists one gate, in place: the library's its functions, the program's the
 * one function that the library may call.
 */
#ifndef BIN_UNTRUSTED_CONTEXTS_H
#define BIN_UNTRUSTED_CONTEXTS_H

#include "abi/security.h"
#include <twz/twz.h>

struct sandbox {
	struct twz_obj program, library; /* the contexts */
	struct twz_obj private;          /* for the program only */
	struct twz_obj heap;             /* for both */
	struct twz_gate functions;       /* the library's */
};

/*
 * Makes all of it, in memory, gone when this program ends; the calling thread is attached to both contexts, to no
 * other that it can leave, and acts in the program's. `callback` is what the library may call. A status: what was
 * wrong was said.
 */
int sandbox_enter(struct sandbox *s, int64_t (*callback)(int64_t number));

#endif
