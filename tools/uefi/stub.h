/*
 * stub.h - what the stub and those who pack and start an image with it agree on.
 */
#ifndef TOOLS_UEFI_STUB_H
#define TOOLS_UEFI_STUB_H

/* The files on the image's volume; the command line (abi/program.h) may be missing. */
#define STUB_KERNEL "\\twizzler\\kernel"
#define STUB_BOOT "\\twizzler\\boot"
#define STUB_COMMAND_LINE "\\twizzler\\command-line"

/* What it prints last: before this the console belongs to the firmware. */
#define STUB_LAST_WORDS "Twizzler takes over from the firmware.\r\n"

#endif
