/*
 * entry.S - where the kernel enters a program, and where the program's faults come in.
 */

/* rdi, rsp: struct twz_start. */
	.section .text._start, "ax"
	.globl _start
	.type _start, @function
_start:
	xor %ebp, %ebp
	and $-16, %rsp
	call start
	ud2
	.size _start, . - _start

/*
 * rdi: struct twz_upcall, which holds all general registers. The vector registers are the program's
 * still, and may be those of a half-finished copy: they are saved around the handler, which is C and
 * calls what the program supplied.
 */
	.section .text.fault_entry, "ax"
	.globl fault_entry
	.type fault_entry, @function
fault_entry:
	cld
	mov %rdi, %rbx
	sub fault_vector_bytes(%rip), %rsp
	and $-64, %rsp
	cmpb $0, fault_xsave(%rip)
	je 1f
	xor %eax, %eax			/* the header's reserved bytes must be zero */
	lea 512(%rsp), %rdi
	mov $8, %ecx
	rep stosq
	mov $-1, %eax
	mov $-1, %edx
	xsave64 (%rsp)
	mov %rbx, %rdi
	call fault_upcall
	mov %rax, %r12
	mov $-1, %eax
	mov $-1, %edx
	xrstor64 (%rsp)
	jmp 2f
1:	fxsave64 (%rsp)
	mov %rbx, %rdi
	call fault_upcall
	mov %rax, %r12
	fxrstor64 (%rsp)
2:	mov %r12, %rax			/* thread_resume */
	mov %rbx, %rdi
	syscall
	ud2
	.size fault_entry, . - fault_entry

	.section .note.GNU-stack, "", @progbits
