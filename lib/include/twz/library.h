/*
 * library.h - a library that its program does not trust: an object of its own, entered by a gate.
 * docs/gates.md, "The slides' example".
 *
 * Its sources are the folder bin/NAME/library/ of the program NAME. They are linked alone, to a slot of their
 * own (rt/minimal/library.ld), and to the program their functions are plain ones: a call is a jump to the
 * library's entry of that name. In a context that may not execute the library, and whose thread is attached to one
 * that may and lists the gate, this jump is a crossing: nobody calls one.
 *
 * Rules
 *   - Functions that a program may call have a TWZ_LIBRARY_FUNCTION (abi/program.h) beside them.
 *   - A library has text and constants and no data: what it may store to is its stack and what it is given.
 *   - Up to six numbers or addresses go to a function, and one comes back.
 *   - Hosted a program's library is a part of it and there are no gates: TWZ_E_ABSENT.
 */
#ifndef TWZ_LIBRARY_H
#define TWZ_LIBRARY_H

#include "abi/program.h"
#include "abi/security.h"
#include <twz/obj.h>

TWZ_C_BEGIN

/* The library of the program NAME: &NAME_library is what lies at its start; null if it is no object. */
#define TWZ_LIBRARY(name) extern const struct twz_library name##_library __attribute__((weak))

/*
 * Makes an object of the library, in memory, gone when this program ends; everybody may read and execute it, and
 * it is shown in its slot. *gate is one on all its entries: in place, ABORTABLE, so that the library cannot keep
 * the program from ending, with one stack of `stack_bytes` (a multiple of TWZ_PAGE) in an object of this
 * program's, which the context that lists the gate is yet to be given. What making objects returns.
 */
int twz_library_open(const struct twz_library *library, uint64_t stack_bytes,
		     struct twz_gate *gate);

TWZ_C_END

#endif
