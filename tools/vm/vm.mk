# vm, the host's program that runs the machine.
VM_SRC := $(call sources,tools/vm/*.c)
$(call executable,plain,$(B)/vm,$(VM_SRC),$(addprefix $(call folder,plain)/,librt.a libcore.a))
$(call executable,asan,$(B)/asan/vm,$(VM_SRC),$(addprefix $(call folder,asan)/,librt.a libcore.a))
BINS += $(B)/vm

.PHONY: machine
machine: $(B)/vm
include tools/uefi/uefi.mk
