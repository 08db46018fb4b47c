/*
 * start.S - how processors get to C from the mode that they start in.
 *
 * The first one comes by PVH: 32-bit protected mode, no paging, ebx = physical address of
 * hvm_start_info. The others come in 16-bit real mode, at the start of a copy of `trampoline`. Both
 * go over to long mode on start_root, which maps the first GiB at 0 and at KERNEL_BASE.
 */
#define KERNEL_BASE 0xffffffff80000000
#define LOW(symbol) ((symbol) - KERNEL_BASE)

#define CR0_PE_PG 0x80000001
#define CR0_NW_CD 0x60000000
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define CPUID_LONG_MODE (1 << 29)

#define CODE 0x08
#define DATA 0x10

#define CPU_STACK_TOP 16 /* in struct cpu */

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 8, 18 /* bytes of name and value; XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.quad LOW(start_32)

	.section .text.start, "ax", @progbits
	.code32
	.globl start_32
start_32:
	cli
	cld
	rdtsc
	mov %eax, LOW(entry_cycles)
	mov %edx, LOW(entry_cycles) + 4
	mov %ebx, %ebp /* cpuid takes ebx */

	mov $0x80000000, %eax
	cpuid
	cmp $0x80000001, %eax
	jb no_long_mode
	mov $0x80000001, %eax
	cpuid
	test $CPUID_LONG_MODE, %edx
	jz no_long_mode

	mov %cr4, %eax
	or $CR4_PAE, %eax
	mov %eax, %cr4
	mov $LOW(start_root), %eax
	mov %eax, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_LME, %eax
	wrmsr
	mov %cr0, %eax
	or $CR0_PE_PG, %eax
	mov %eax, %cr0
	lgdt LOW(start_gdt_pointer)
	ljmp $CODE, $LOW(start_64)

/* Says so on COM1 and on the log's port, as far as these exist. */
no_long_mode:
	mov $LOW(no_long_mode_text), %esi
1:	lodsb
	test %al, %al
	jz 2f
	mov $0x3f8, %dx
	out %al, %dx
	mov $0xe9, %dx
	out %al, %dx
	jmp 1b
2:	hlt
	jmp 2b

	.code64
	.globl start_64
start_64:
	mov $start_64_high, %rax
	jmp *%rax
start_64_high:
	mov $DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	xor %edi, %edi
	xchg %rdi, starting
	test %rdi, %rdi
	jz 1f
	mov CPU_STACK_TOP(%rdi), %rsp
	mov %ebp, %esi /* start_info; the first one's only */
	xor %ebp, %ebp
	call start_processor

/* It comes so late that it was given up, or another has taken its place. */
1:	cli
	hlt
	jmp 1b

/* A copy of this lies at the start of a page below 1 MiB: cs = page / 16, ip = 0. */
	.section .rodata, "a", @progbits
	.code16
	.globl trampoline, trampoline_end
trampoline:
	cli
	cld
	mov %cs, %ax
	mov %ax, %ds
	lgdtl trampoline_gdt_pointer - trampoline
	mov %cr4, %eax
	or $CR4_PAE, %eax
	mov %eax, %cr4
	mov $LOW(start_root), %eax
	mov %eax, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_LME, %eax
	wrmsr
	mov %cr0, %eax
	and $~CR0_NW_CD, %eax
	or $CR0_PE_PG, %eax
	mov %eax, %cr0
	ljmpl $CODE, $LOW(start_64)
	.balign 4
trampoline_gdt_pointer:
	.word start_gdt_end - start_gdt - 1
	.long LOW(start_gdt)
trampoline_end:

	.balign 8
start_gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* CODE: 64 bits */
	.quad 0x00cf93000000ffff /* DATA */
start_gdt_end:
start_gdt_pointer:
	.word start_gdt_end - start_gdt - 1
	.long LOW(start_gdt)

no_long_mode_text:
	.asciz "Twizzler: this is not a 64-bit processor (QEMU: -cpu max)\r\n"

/* Tables of the start: everything may be done in them. 2 MiB pages, which every processor has. */
	.section .data, "aw", @progbits
	.balign 4096
	.globl start_root
start_root:
	.quad LOW(start_upper) + 3
	.fill 510, 8, 0
	.quad LOW(start_upper) + 3
start_upper:
	.quad LOW(start_middle) + 3
	.fill 509, 8, 0
	.quad LOW(start_middle) + 3
	.quad 0
start_middle:
	.set page, 0
	.rept 512
	.quad page + 0x83
	.set page, page + 0x200000
	.endr

	.balign 8
	.globl entry_cycles, starting
entry_cycles:
	.quad 0 /* time stamp at start_32 */
starting:
	.quad cpus /* the struct cpu of the processor that is being started, which takes it; or 0 */

	.section .note.GNU-stack, "", @progbits
