/*
 * cpu.c - a processor's features, descriptor tables and vector state.
 */
#include <cpuid.h>

#include "core/mem.h"
#include "kernel/arch/x86_64/processor.h"
#include "kernel/log.h"

#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)

#define CR4_PAE (1u << 5)
#define CR4_MCE (1u << 6)
#define CR4_PGE (1u << 7)
#define CR4_OSFXSR (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP (1u << 11)
#define CR4_FSGSBASE (1u << 16)
#define CR4_OSXSAVE (1u << 18)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)

#define MSR_EFER 0xc0000080u
#define MSR_STAR 0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_FMASK 0xc0000084u
#define MSR_GS_BASE 0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define EFER_SCE (1u << 0)
#define EFER_NXE (1u << 11)

/* Off at a system call: all that a user can set, IF and NT with it. */
#define FMASK 0x257fd5u

#define XCR0_X87 1u
#define XCR0_SSE 2u
#define XCR0_AVX 4u

#define XSAVE_FCW 0 /* in the saved state */
#define XSAVE_MXCSR 24
#define XSAVE_XMM 160      /* the low halves of the vector registers, */
#define XSAVE_USED 512     /* which parts are in use: bits as in XCR0, */
#define XSAVE_YMM_HIGH 576 /* and the high halves */
#define XMM_BYTES 16u
#define VECTOR_REGISTERS 16u
#define FCW_NEW 0x37fu
#define MXCSR_NEW 0x1f80u

struct stacks stacks[CPU_MAX] __attribute__((aligned(4096)));

/* The first one is on its stack before any C runs. */
struct cpu cpus[CPU_MAX] = {{.stack = (uint64_t)stacks[0].last_guard}};
unsigned ncpus;

/* ---- features ----------------------------------------------------------------------------------- */

enum leaf { LEAF_1_C, LEAF_1_D, LEAF_7_B, LEAF_7_C, LEAF_EXTENDED_D, LEAVES };

/* What the kernel stands on. */
static const struct {
	enum leaf leaf;
	unsigned bit;
	const char *name;
} needed[] = {
	{LEAF_EXTENDED_D, 20, "nx"},
	{LEAF_EXTENDED_D, 26, "pdpe1gb (1 GiB pages)"},
	{LEAF_EXTENDED_D, 11, "syscall"},
	{LEAF_7_B, 0, "fsgsbase"},
	{LEAF_7_B, 7, "smep"},
	{LEAF_7_B, 20, "smap"},
	{LEAF_7_C, 2, "umip"},
	{LEAF_1_C, 26, "xsave"},
	{LEAF_1_D, 7, "mce"},
	{LEAF_1_D, 9, "apic"},
	{LEAF_1_D, 13, "pge"},
};

static void read_leaves(unsigned leaves[LEAVES])
{
	unsigned a, b;

	memset(leaves, 0, LEAVES * sizeof(*leaves));
	__get_cpuid(1, &a, &b, &leaves[LEAF_1_C], &leaves[LEAF_1_D]);
	__get_cpuid_count(7, 0, &a, &leaves[LEAF_7_B], &leaves[LEAF_7_C], &b);
	__get_cpuid(0x80000001, &a, &b, &b, &leaves[LEAF_EXTENDED_D]);
}

static void check_features(const unsigned leaves[LEAVES])
{
	for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!(leaves[needed[i].leaf] >> needed[i].bit & 1))
			panic("this processor lacks %s (QEMU: -cpu max)", needed[i].name);
}

static void turn_on(const unsigned leaves[LEAVES])
{
	uint64_t cr0;
	uint64_t cr4 = CR4_PAE | CR4_MCE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP |
		       CR4_FSGSBASE | CR4_OSXSAVE | CR4_SMEP | CR4_SMAP;
	uint32_t xcr0 = XCR0_X87 | XCR0_SSE | (leaves[LEAF_1_C] & bit_AVX ? XCR0_AVX : 0);
	unsigned a, b = 0, c, d;

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	cr0 = (cr0 & ~(uint64_t)(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE | CR0_WP;
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0));
	msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SCE | EFER_NXE);
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
	__asm__ volatile("xsetbv" : : "c"(0), "a"(xcr0), "d"(0));
	__get_cpuid_count(0xd, 0, &a, &b, &c, &d);
	KASSERT(b <= VECTOR_STATE_MAX);
	machine_errors_on();
}

/* ---- descriptor tables ---------------------------------------------------------------------------- */

#define LAST 1 /* IST entry of the last stack */

struct tss {
	uint32_t before; /* not of the TSS: it puts the words at multiples of 8 */
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map;
};
TWZ_AT(struct tss, rsp, 8);
TWZ_AT(struct tss, ist, 40);
TWZ_AT(struct tss, io_map, 106);
#define TSS_BYTES 104u

struct gate {
	uint16_t offset_0;
	uint16_t selector;
	uint8_t ist;
	uint8_t type;
	uint16_t offset_16;
	uint32_t offset_32;
	uint32_t reserved;
};
TWZ_SIZE(struct gate, 16);
#define GATE_INTERRUPT 0x8eu /* present, interrupts off */
#define GATE_USER 0x60u      /* user mode may ask for it */

static struct descriptors {
	struct tss tss;
	uint64_t gdt[8]; /* the TSS takes two */
} descriptors[CPU_MAX] __attribute__((aligned(256)));
static struct gate idt[256] __attribute__((aligned(4096)));

static void load_gdt(const uint64_t *gdt, unsigned bytes)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} pointer = {(uint16_t)(bytes - 1), (uint64_t)gdt};

	__asm__ volatile("lgdt %0\n\t"
			 "push %1\n\t"
			 "lea 1f(%%rip), %%rax\n\t"
			 "push %%rax\n\t"
			 "lretq\n\t"
			 "1: mov %w2, %%ss\n\t"
			 "mov %w3, %%ds\n\t"
			 "mov %w3, %%es"
			 :
			 : "m"(pointer), "i"(SELECTOR_KERNEL_CODE), "r"(SELECTOR_KERNEL_DATA),
			   "r"(SELECTOR_USER_DATA)
			 : "rax", "memory");
}

static void load_idt(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} pointer = {sizeof(idt) - 1, (uint64_t)idt};

	__asm__ volatile("lidt %0" : : "m"(pointer));
}

static void make_idt(void)
{
	for (unsigned i = 0; i < 256; i++) {
		uint64_t stub = (uint64_t)trap_stubs[i];

		idt[i] = (struct gate){.offset_0 = (uint16_t)stub,
				       .selector = SELECTOR_KERNEL_CODE,
				       .type = GATE_INTERRUPT,
				       .offset_16 = (uint16_t)(stub >> 16),
				       .offset_32 = (uint32_t)(stub >> 32)};
	}
	idt[EXCEPTION_BREAKPOINT].type |= GATE_USER;
	idt[EXCEPTION_NMI].ist = LAST;
	idt[EXCEPTION_DOUBLE_FAULT].ist = LAST;
	idt[EXCEPTION_MACHINE_CHECK].ist = LAST;
}

static void load_descriptors(struct cpu *cpu)
{
	struct descriptors *t = &descriptors[cpu->number];
	struct stacks *s = &stacks[cpu->number];
	uint64_t tss = (uint64_t)&t->tss.reserved0;

	s->cpu = cpu;
	t->tss.ist[LAST - 1] = (uint64_t)&s->cpu;
	t->tss.io_map = TSS_BYTES; /* none */
	t->gdt[SELECTOR_KERNEL_CODE / 8] = 0x00af9b000000ffff;
	t->gdt[SELECTOR_KERNEL_DATA / 8] = 0x00cf93000000ffff;
	t->gdt[SELECTOR_USER_DATA / 8] = 0x00cff3000000ffff;
	t->gdt[SELECTOR_USER_CODE / 8] = 0x00affb000000ffff;
	t->gdt[SELECTOR_TSS / 8] =
		(TSS_BYTES - 1) | (tss & 0xffffff) << 16 | 0x89ull << 40 | (tss >> 24 & 0xff) << 56;
	t->gdt[SELECTOR_TSS / 8 + 1] = tss >> 32;
	load_gdt(t->gdt, sizeof(t->gdt));
	load_idt();
	__asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS));
	cpu->rsp0 = &t->tss.rsp[0];
}

/* ---- all of it -------------------------------------------------------------------------------------- */

void cpu_prepare(struct cpu *cpu, uint32_t apic_id)
{
	cpu->self = cpu;
	cpu->number = (uint32_t)(cpu - cpus);
	cpu->trace = &trace_rings[cpu->number];
	cpu->apic_id = apic_id;
	cpu->stack = (uint64_t)stacks[cpu->number].last_guard;
	cpu->timer = ~0ull;
	cpu->online = 0;
}

_Alignas(64) uint8_t cpu_vector_clean[VECTOR_STATE_MAX];

void cpu_init(struct cpu *cpu)
{
	unsigned leaves[LEAVES];

	msr_write(MSR_GS_BASE, (uint64_t)cpu);
	msr_write(MSR_KERNEL_GS_BASE, 0);

	read_leaves(leaves);
	check_features(leaves);
	if (cpu == &cpus[0]) {
		make_idt();
		cpu_vector_new(cpu_vector_clean);
	}
	load_descriptors(cpu);
	turn_on(leaves);
	msr_write(MSR_STAR,
		  (uint64_t)(SELECTOR_USER_DATA - 8) << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32);
	msr_write(MSR_LSTAR, (uint64_t)entry_syscall);
	msr_write(MSR_FMASK, FMASK);
}

void cpu_vector_new(void *state)
{
	static const uint16_t fcw = FCW_NEW;
	static const uint32_t mxcsr = MXCSR_NEW;

	memset(state, 0, VECTOR_STATE_MAX);
	memcpy((uint8_t *)state + XSAVE_FCW, &fcw, sizeof(fcw));
	memcpy((uint8_t *)state + XSAVE_MXCSR, &mxcsr, sizeof(mxcsr));
}

/* The x87 registers are new ones by the header; of the others each half is there, in use or not. */
void cpu_vector_keep(void *state, uint16_t keep)
{
	static const uint32_t mxcsr = MXCSR_NEW;
	uint8_t *s = state;
	uint64_t used;

	cpu_vector_save(state);
	for (unsigned i = 0; i < VECTOR_REGISTERS; i++)
		if (!(keep >> i & 1)) {
			memset(s + XSAVE_XMM + i * XMM_BYTES, 0, XMM_BYTES);
			memset(s + XSAVE_YMM_HIGH + i * XMM_BYTES, 0, XMM_BYTES);
		}
	memcpy(&used, s + XSAVE_USED, sizeof(used));
	used &= ~(uint64_t)XCR0_X87;
	memcpy(s + XSAVE_USED, &used, sizeof(used));
	memcpy(s + XSAVE_MXCSR, &mxcsr, sizeof(mxcsr));
	cpu_vector_load(state);
}

bool cpu_random(uint64_t *value)
{
	static const unsigned tries = 10; /* as the manual advises */
	unsigned a, b, c = 0, d;
	bool done = false;

	__get_cpuid(1, &a, &b, &c, &d);
	if (!(c & bit_RDRND))
		return false;
	for (unsigned i = 0; i < tries && !done; i++)
		__asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(done));
	return done;
}

void cpu_flush_requests(struct cpu *cpu)
{
	uint32_t wanted = __atomic_load_n(&cpu->flush_wanted, __ATOMIC_ACQUIRE);
	uint64_t root;

	if (wanted == cpu->flush_done)
		return;
	__asm__ volatile("mov %%cr3, %0" : "=r"(root));
	cpu_load_root(root);
	__atomic_store_n(&cpu->flush_done, wanted, __ATOMIC_RELEASE);
}
