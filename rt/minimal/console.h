/*
 * console.h - the console: what comes in, byte by byte, and interrupts (Ctrl-C).
 *
 * Input is taken from the kernel only as far as it is used: the rest is for the program that reads
 * next.
 */
#ifndef TWZ_RT_MINIMAL_CONSOLE_H
#define TWZ_RT_MINIMAL_CONSOLE_H

#include "rt/minimal/minimal.h"

/* How often Ctrl-C was pressed. */
uint32_t console_interrupts(void);

/*
 * While this is on, the program deals with interrupts: else whoever runs it ends it. Off at the start,
 * and while it is its own work that runs.
 */
void console_own_interrupts(bool on);

#define CONSOLE_INTERRUPTED (-1000)
/* Waits for one byte; CONSOLE_INTERRUPTED if the count is no longer that; or an enum twz_error. */
int console_byte(uint32_t interrupts);

/* Is something left of the line that was typed last? */
bool line_left(void);
/* A line as a person types it, with its '\n', or what the console's input has; 0: the end. */
int64_t line_read(char *data, uint64_t bytes);

#endif
