/*
 * tie.h - what tie and stat print of an object's ties.
 */
#ifndef BIN_COMMON_TIE_H
#define BIN_COMMON_TIE_H

#include "bin/common/program.h"

/*
 * A line for each tie of the object, up to `max` of them; those out of it first. A status, printed
 * with `name`.
 */
int print_ties(const char *name, struct twz_id id, uint32_t max);

#endif
