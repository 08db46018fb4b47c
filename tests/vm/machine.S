/*
 * machine.S - a kernel for the tests of vm: it does what the letters of its command line say, or
 * those that it was assembled with.
 *
 *   b beat    l a line of the log    o a line on the console    p panic    s status 42    r reset
 *   e echo the console's input until Ctrl-D    m fill the console without an end
 *   O power off    R reset the processor    T triple fault    H halt; so does the end
 */
#define COM1 0x3f8
#define LOG 0xe9
#define WORDS 0x402
#define POWER 0x604 /* PM1a control block of q35 */
#define RESET 0xcf9

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 8, 18
	.asciz "Xen"
	.quad start

	.macro tell port, byte
	mov $\port, %dx
	mov $\byte, %al
	out %al, %dx
	.endm

	.text
	.code32
	.globl start
start:
	mov $stack, %esp
#ifdef COMMANDS
	mov $commands, %esi
#else
	mov 24(%ebx), %esi /* cmdline_paddr of hvm_start_info */
#endif
next:
	lodsb
	mov $acts, %edi
1:
	cmpb $0, (%edi)
	je unknown
	cmp (%edi), %al
	je 2f
	add $5, %edi
	jmp 1b
2:
	mov 1(%edi), %edi
	jmp *%edi
unknown:
	test %al, %al
	jnz next
halt:
	cli
	hlt
	jmp halt

beat:
	tell WORDS, 'b'
	jmp next
log:
	mov $LOG, %dx
	jmp line
output:
	mov $COM1, %dx
line:
	mov $hello, %edi
1:
	mov (%edi), %al
	test %al, %al
	jz next
	out %al, %dx
	inc %edi
	jmp 1b
panic:
	tell WORDS, 'p'
	jmp next
status:
	tell WORDS, 's'
	tell WORDS, 42
	jmp next
reset_word:
	tell WORDS, 'r'
	jmp next

/* The line status register, COM1 + 5: bit 0, something came; bit 5, something may go. */
echo:
	mov $(COM1 + 5), %dx
	in %dx, %al
	test $1, %al
	jz echo
	mov $COM1, %dx
	in %dx, %al
	cmp $4, %al
	je next
	call put
	jmp echo
put:
	mov %al, %ah
1:
	mov $(COM1 + 5), %dx
	in %dx, %al
	test $0x20, %al
	jz 1b
	mov %ah, %al
	mov $COM1, %dx
	out %al, %dx
	ret
much:
	mov $'m', %al
	call put
	tell WORDS, 'b'
	jmp much

power_off:
	mov $POWER, %dx
	mov $0x2000, %ax
	out %ax, %dx
	jmp halt
reset:
	tell RESET, 6
	jmp halt
triple_fault:
	lidt none
	int3

	.macro act letter, to
	.byte \letter
	.long \to
	.endm
acts:
	act 'b', beat
	act 'l', log
	act 'o', output
	act 'p', panic
	act 's', status
	act 'r', reset_word
	act 'e', echo
	act 'm', much
	act 'O', power_off
	act 'R', reset
	act 'T', triple_fault
	act 'H', halt
	.byte 0
hello:
	.asciz "a line\n"
#ifdef COMMANDS
commands:
	.asciz COMMANDS
#endif
none:
	.word 0
	.long 0

	.section .stack, "aw", @nobits
	.skip 256
stack:
