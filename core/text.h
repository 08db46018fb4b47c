/*
 * text.h - texts that a person reads, the same from every runtime.
 */
#ifndef TWZ_CORE_TEXT_H
#define TWZ_CORE_TEXT_H

#include "abi/rt.h"
#include "core/right.h"

/* Of an enum twz_error. */
const char *error_text(int error);

/* Why a touch could not be resolved. */
const char *fault_text(const struct twz_fault *fault);

/* Why a permission is there or not: an enum right_why. */
const char *right_text(uint32_t why);

#endif
