/*
 * console.h - the console: text out, and in, over the serial line.
 *
 * What comes in is kept until it is read. While 4096 bytes wait, nothing is taken from the line: who
 * sends waits too, as QEMU does, or loses it; and a Ctrl-C behind so much input is not seen. Its
 * object (struct twz_console) counts the bytes that came, and Ctrl-C, which is no input: programs
 * sleep on these words. Lock: the kernel's.
 */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include "abi/base.h"

void console_init(bool terminal);
struct twz_id console_id(void);
/* A DEVICE object for the machine as a whole. */
struct twz_id machine_id(void);

void console_write(const char *text, uint64_t bytes);
/* Copies what waits, at most `room` bytes; how many. It goes on waiting until console_take. */
uint64_t console_look(char *to, uint64_t room);
void console_take(uint64_t bytes);

/* Something has come in. */
void console_interrupt(void);

#endif
