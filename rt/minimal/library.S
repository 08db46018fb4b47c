/*
 * library.S - a library that is an object of its own, as the program has it that uses it: the image, page by
 * page, and for each of its functions a jump to the entry, which is farther away than a call
 * reaches. rt/minimal/guest.mk gives LIBRARY, the image's symbol, and the files IMAGE and ENTRIES, lines of
 * ENTRY(function, address).
 */
#define ENTRY(name, address)                \
	.section .text.library.name, "ax";  \
	.globl name;                        \
	.type name, @function;              \
name:	jmp *1f(%rip);                      \
1:	.quad address;                      \
	.size name, . - name;

#include ENTRIES

	.section .rodata.library, "a"
	.balign 4096
	.globl LIBRARY
	.type LIBRARY, @object
LIBRARY:
	.incbin IMAGE
	.size LIBRARY, . - LIBRARY

	.section .note.GNU-stack, "", @progbits
