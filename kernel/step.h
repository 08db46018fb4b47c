/*
 * step.h - the steps that isolation rests on, each of which tests can switch off.
 *
 * KSTEP(name) is true. In the checking kernel the word off=NAME on the command line makes it false, and
 * tests/guest/mutate.sh and tests/attack/mutate.sh switch off one after the other and expect a test in
 * the machine to fail; they find the names in these sources. In the kernel that ships it is the constant
 * true. The decision's STEPs (core/step.h) are switched off in the same way, with '-' for each blank and
 * colon of the name.
 */
#ifndef KERNEL_STEP_H
#define KERNEL_STEP_H

#include <stdbool.h>

#if TWZ_KERNEL_CHECK
bool step_on(const char *name);
#define KSTEP(name) step_on(name)
#else
#define KSTEP(name) true
#endif

#endif
