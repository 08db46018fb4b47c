/*
 * entry.S - into the kernel and back: system calls, traps and interrupts.
 *
 * A thread's registers are saved in its struct regs, which is the start of its struct thread and a
 * multiple of 16 bytes aligned, as processors push. gs is swapped on each way in from user mode and
 * each way out to it; but what comes on the last stack (IST) can come at any instruction, finds gs
 * on that stack, and never returns, unless it is a program's machine error.
 */

/* struct regs */
#define R15 0
#define R14 8
#define R13 16
#define R12 24
#define RBP 32
#define RBX 40
#define R11 48
#define R10 56
#define R9 64
#define R8 72
#define RAX 80
#define RCX 88
#define RDX 96
#define RSI 104
#define RDI 112
#define VECTOR 120
#define ERROR 128
#define RIP 136
#define CS 144
#define RFLAGS 152
#define RSP 160
#define REGS_BYTES 176

/* struct cpu */
#define CPU_THREAD 8
#define CPU_STACK_TOP 16
#define CPU_SCRATCH 24

#define ENTER_REPLACED 2 /* enum enter_how */
#define ENTER_WHOLE 4

#define SYS_GATE_CALL 4145 /* abi/syscall.h */
#define SYS_GATE_RETURN 4146

/* struct crossing */
#define CROSSING_RBX 0
#define CROSSING_RBP 8
#define CROSSING_R12 16
#define CROSSING_R13 24
#define CROSSING_R14 32
#define CROSSING_R15 40
#define CROSSING_RIP 48
#define CROSSING_RSP 56
#define CROSSING_RFLAGS 64

#define MSR_GS_BASE 0xc0000101

#define VECTOR_PROTECTION 13
#define VECTOR_MACHINE 18

	.section .text.entry, "ax", @progbits

	.macro push_registers
	push %rdi
	push %rsi
	push %rdx
	push %rcx
	push %rax
	push %r8
	push %r9
	push %r10
	push %r11
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	.endm

	.macro pop_registers
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rax
	pop %rcx
	pop %rdx
	pop %rsi
	pop %rdi
	.endm

	/* What C keeps, into the struct regs at rdi. */
	.macro save_kept
	mov %r15, R15(%rdi)
	mov %r14, R14(%rdi)
	mov %r13, R13(%rdi)
	mov %r12, R12(%rdi)
	mov %rbp, RBP(%rdi)
	mov %rbx, RBX(%rdi)
	.endm

/*
 * `syscall`: rcx = rip, r11 = rflags, of which MSR_FMASK has cleared what matters here. cs, ss and
 * vector in the struct regs are as they were when the thread was made, or as a trap left them: the
 * same. What C keeps (rbx, rbp, r12 to r15) is saved only if the thread does not go on at once. The last
 * place of the user half is never executable (view.c): so rip is canonical.
 */
	.globl entry_syscall
	.balign 64
entry_syscall:
	swapgs
	mov %rsp, %gs:CPU_SCRATCH
	mov %gs:CPU_THREAD, %rsp
	mov %r10, R10(%rsp)
	mov %r9, R9(%rsp)
	mov %r8, R8(%rsp)
	mov %rdx, RDX(%rsp)
	mov %rsi, RSI(%rsp)
	mov %rdi, RDI(%rsp)
	mov %rcx, RIP(%rsp)
	mov %r11, RFLAGS(%rsp)
	mov %gs:CPU_SCRATCH, %rcx
	mov %rcx, RSP(%rsp)
	mov %rsp, %rdi
	mov %gs:CPU_STACK_TOP, %rsp
	cmp $SYS_GATE_CALL, %rax
	jae 5f
4:	mov %rax, %rsi
	call enter_syscall
	test %edx, %edx
	jnz 1f
	mov %gs:CPU_THREAD, %rsp
	mov RIP(%rsp), %rcx
	mov RFLAGS(%rsp), %r11
	mov R10(%rsp), %r10
	mov R9(%rsp), %r9
	mov R8(%rsp), %r8
	mov RDX(%rsp), %rdx
	mov RSI(%rsp), %rsi
	mov RDI(%rsp), %rdi
	mov RSP(%rsp), %rsp
	swapgs
	sysretq

1:	mov %gs:CPU_THREAD, %rdi
	cmp $ENTER_REPLACED, %edx
	jae 3f
	mov %rax, RAX(%rdi)
	save_kept
2:	call enter_leave
	jmp cpu_leave
3:	je cpu_leave
	cmp $ENTER_WHOLE, %edx
	jne 2b
	save_kept
	call enter_whole
	test %eax, %eax
	jnz 2b
	jmp cpu_leave

/* Gates first try the short way (kernel/gate.h). What a function keeps is still the caller's, or the callee's. */
5:	je 6f
	cmp $SYS_GATE_RETURN, %rax
	jne 4b
	call gate_return_now
	test %rax, %rax
	jz 7f
	mov %rax, %rsi
	mov %gs:CPU_THREAD, %rdi
	mov RDI(%rdi), %rax
	mov RSI(%rdi), %rdx
	mov CROSSING_RBX(%rsi), %rbx
	mov CROSSING_RBP(%rsi), %rbp
	mov CROSSING_R12(%rsi), %r12
	mov CROSSING_R13(%rsi), %r13
	mov CROSSING_R14(%rsi), %r14
	mov CROSSING_R15(%rsi), %r15
	mov CROSSING_RIP(%rsi), %rcx
	mov CROSSING_RFLAGS(%rsi), %r11
	mov CROSSING_RSP(%rsi), %rsp
	xor %esi, %esi
	xor %edi, %edi
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	swapgs
	sysretq
7:	mov %gs:CPU_THREAD, %rdi
	mov $SYS_GATE_RETURN, %eax
	jmp 4b

6:	call gate_call_now
	mov %gs:CPU_THREAD, %rdi
	test %rax, %rax
	jz 8f
	mov %rbx, CROSSING_RBX(%rax)
	mov %rbp, CROSSING_RBP(%rax)
	mov %r12, CROSSING_R12(%rax)
	mov %r13, CROSSING_R13(%rax)
	mov %r14, CROSSING_R14(%rax)
	mov %r15, CROSSING_R15(%rax)
	lea RIP(%rdi), %rsp
	mov R11(%rdi), %r11
	mov R10(%rdi), %r10
	mov R8(%rdi), %r8
	mov RCX(%rdi), %rcx
	mov RDX(%rdi), %rdx
	mov RSI(%rdi), %rsi
	mov RDI(%rdi), %rdi
	xor %eax, %eax
	xor %ebx, %ebx
	xor %ebp, %ebp
	xor %r9d, %r9d
	xor %r12d, %r12d
	xor %r13d, %r13d
	xor %r14d, %r14d
	xor %r15d, %r15d
	swapgs
	iretq
8:	mov $SYS_GATE_CALL, %eax
	jmp 4b

/* All vectors: the number of the vector, behind an error code, on the stack. 16 bytes each. */
	.globl trap_stubs
	.balign 16
trap_stubs:
	.set vector, 0
	.rept 256
	.balign 16
	.if vector == 2 || vector == 18
	push $0
	push $vector
	jmp trap_last_common
	.elseif vector == 8
	push $vector
	jmp trap_last_common
	.elseif vector == 10 || vector == 11 || vector == 12 || vector == 13 || vector == 14 || \
		vector == 17 || vector == 21 || vector == 29 || vector == 30
	push $vector
	jmp trap_common
	.else
	push $0
	push $vector
	jmp trap_common
	.endif
	.set vector, vector + 1
	.endr
	.balign 16

trap_common:
	testb $3, CS - VECTOR(%rsp)
	jz 1f
	swapgs
	push_registers
	cld
	clac
	mov %rsp, %rdi
	mov %gs:CPU_STACK_TOP, %rsp
	call trap_user

/* rsp may be anything. */
	.globl cpu_leave
cpu_leave:
	mov %gs:CPU_THREAD, %rsp
	mov RIP(%rsp), %rax
	shr $47, %rax
	jnz 2f
	pop_registers
	add $16, %rsp /* vector, error */
	swapgs
	iretq

/* A thread of the kernel's own: nothing of it is a user's. */
2:	testb $3, CS(%rsp)
	jnz 3f
	pop_registers
	add $16, %rsp
	iretq

/* iretq would fault here and not there, where it belongs. */
3:	movq $VECTOR_PROTECTION, VECTOR(%rsp)
	movq $0, ERROR(%rsp)
	mov %rsp, %rdi
	mov %gs:CPU_STACK_TOP, %rsp
	call trap_user
	jmp cpu_leave

/* From the kernel: on the same stack. */
1:	push_registers
	cld
	clac
	mov %rsp, %rdi
	call trap_kernel
	pop_registers
	add $16, %rsp
	iretq

/*
 * The last stack: a struct cpu lies at its end, above ss, rsp, rflags, cs, rip and the two words. A machine
 * error in user mode goes on as other traps do, with the registers moved to where those have them.
 */
trap_last_common:
	push_registers
	cld
	clac
	testb $3, CS(%rsp)
	jz 1f
	cmpq $VECTOR_MACHINE, VECTOR(%rsp)
	jne 1f
	swapgs
	mov %rsp, %rsi
	mov %gs:CPU_THREAD, %rdi
	mov $REGS_BYTES / 8, %ecx
	rep movsq
	mov %gs:CPU_THREAD, %rdi
	mov %gs:CPU_STACK_TOP, %rsp
	call trap_machine
	jmp cpu_leave
1:
	mov REGS_BYTES(%rsp), %rax
	mov %rax, %rdx
	shr $32, %rdx
	mov $MSR_GS_BASE, %ecx
	wrmsr
	mov %rsp, %rdi
	call trap_last

/* void cpu_restart(void (*fn)(void)) */
	.globl cpu_restart
cpu_restart:
	mov %gs:CPU_STACK_TOP, %rsp
	xor %ebp, %ebp
	call *%rdi
	ud2

	.section .note.GNU-stack, "", @progbits
