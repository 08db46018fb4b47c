/*
 * switch.S - from one stack of the kernel to another (cpu.h).
 */
	.section .text, "ax", @progbits

/* void stack_switch(uint64_t *from, uint64_t to): what C keeps is on the stack that is left. */
	.globl stack_switch
	.balign 16
stack_switch:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, (%rdi)
	mov %rsi, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret

	.section .note.GNU-stack, "", @progbits
