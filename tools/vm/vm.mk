# The front door to the machine: vm, on the host.
VM_SRC := $(call sources,tools/vm/*.c)
$(call executable,plain,$(B)/vm,$(VM_SRC),$(call folder,plain)/librt.a $(call folder,plain)/libcore.a)
$(call executable,asan,$(B)/asan/vm,$(VM_SRC),$(call folder,asan)/librt.a $(call folder,asan)/libcore.a)
BINS += $(B)/vm
