/*
 * console.h - the console, for programs that have no right to it: a service prints their lines.
 *
 * twz_warn says by it what it could not write otherwise. Output (twz_print) does not go that way: it fails.
 */
#ifndef TWZ_CONSOLE_H
#define TWZ_CONSOLE_H

#include <twz/gate.h>

TWZ_C_BEGIN

#define TWZ_CONSOLE "/srv/console"
#define CONSOLE_VERSION TWZ_VERSION(1, 0)
#define CONSOLE_CALLS(X) X(console, 0, say)
TWZ_CALLS(CONSOLE_CALLS)

/*
 * say(buffer, n): prints n bytes of text, at most CONSOLE_TEXT: TWZ_E_ARG. Each line goes out whole, behind the ID of
 * the context that the caller acts in, "[ID] ", which the kernel tells the service: no line looks like another's.
 * Control characters but tabs become '?'; what is behind the last '\n' is a line too.
 */
#define CONSOLE_TEXT 1024u

/* Says it. TWZ_E_NOTFOUND: nobody serves; what a call returns. */
int twz_console_say(const char *text, uint64_t bytes);

TWZ_C_END

#endif
