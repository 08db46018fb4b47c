# The kernel: ELF64 images that QEMU's -kernel takes (PVH), from all of kernel/ and core/. Included by
# the Makefile. A new source file needs no edit here.
#
#   make P=... machine    build/$P/machine/kernel, and kernel-check, which checks itself
#
# core is compiled once more, as the kernel is; what of it the kernel does not use, the linker drops.

include kernel/sodium.mk

KERNEL_SRC := $(call sources,kernel/*.c kernel/arch/x86_64/*.c kernel/plat/pc/*.c) $(CORE_SRC)
KERNEL_ASM := $(wildcard kernel/arch/x86_64/*.S)

# No register but the general ones: the others are the user's. Frame pointers are for panic.c. No loop
# becomes a call of strlen, which is not there, or of memcpy in memcpy itself.
KERNEL_CFLAGS := -std=gnu11 $(WARN) $(OPT) $(FREESTANDING) -fno-common -ffunction-sections \
	-fdata-sections -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -momit-leaf-frame-pointer \
	-fno-tree-loop-distribute-patterns -fcf-protection=none \
	-I. -MMD -MP
KERNEL_LDFLAGS := -nostdlib -static -no-pie -Wl,--gc-sections -Wl,--build-id=none \
	-Wl,-z,noexecstack -Wl,-z,max-page-size=4096 -Wl,--fatal-warnings -Wl,-T,kernel/kernel.ld

CFLAGS_kernel :=
# What is undefined in C ends in an invalid instruction, and so in a panic.
CFLAGS_kernel-check := -DTWZ_KERNEL_CHECK=1 -fsanitize=undefined \
	-fsanitize-undefined-trap-on-error $(UNSURE)

# A first link without a table of symbols gives the functions' names and addresses, which do not move
# when it is there: it stands behind all text.
define kernel-rules
$(B)/obj/$(1)/%.o: %.c Makefile kernel/kernel.mk
	@mkdir -p $$(@D)
	$$(call quiet,cc  )$(CC) $(KERNEL_CFLAGS) $(CFLAGS_$(1)) $$(KERNEL_EXTRA) -c -o $$@ $$<
$(B)/obj/$(1)/%.o: %.S Makefile kernel/kernel.mk
	@mkdir -p $$(@D)
	$$(call quiet,as  )$(CC) -g -I. -MMD -MP -c -o $$@ $$<

# libsodium's header, of the version that is linked.
$(B)/obj/$(1)/core/crypto.o: KERNEL_EXTRA := -I$(SODIUM)/include
$(B)/obj/$(1)/core/crypto.o: | $(SODIUM_TREE)/.version

KERNEL_OBJ_$(1) := $(KERNEL_SRC:%.c=$(B)/obj/$(1)/%.o) $(KERNEL_ASM:%.S=$(B)/obj/$(1)/%.o)

$(B)/obj/$(1)/first: $$(KERNEL_OBJ_$(1)) $(SODIUM_LIBRARY) kernel/kernel.ld
	$$(call quiet,link)$(CC) $(KERNEL_LDFLAGS) -o $$@ $$(KERNEL_OBJ_$(1)) $(SODIUM_LIBRARY)
$(B)/obj/$(1)/symbols.S: $(B)/obj/$(1)/first kernel/symbols.awk
	$$(call quiet,gen )nm -n $$< | awk -f kernel/symbols.awk >$$@
$(B)/obj/$(1)/symbols.o: $(B)/obj/$(1)/symbols.S
	$$(call quiet,as  )$(CC) -c -o $$@ $$<
$(B)/machine/$(1): $(B)/obj/$(1)/symbols.o
	@mkdir -p $$(@D)
	$$(call quiet,link)$(CC) $(KERNEL_LDFLAGS) -o $$@ $$(KERNEL_OBJ_$(1)) $$< $(SODIUM_LIBRARY)
	@nm -n $$@ | awk -f kernel/symbols.awk | cmp -s - $(B)/obj/$(1)/symbols.S || \
		{ echo "$$@: functions have moved between the two links" >&2; exit 1; }
endef
$(foreach v,kernel kernel-check,$(eval $(call kernel-rules,$(v))))

.PHONY: machine
machine: $(B)/machine/kernel $(B)/machine/kernel-check
