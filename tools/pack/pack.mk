# The boot archives of the machine: what the boot loader brings (docs/format/program.md).
#
# rt/minimal/guest.mk says how an image is built: $(B)/machine/init, $(B)/machine/bin/NAME for the
# programs of bin/, $(B)/machine/test/NAME for those of tests/guest.

PACK_SRC := $(call sources,tools/pack/*.c)
$(foreach v,plain asan,$(call executable,$(v),$(call folder,$(v))/pack,$(PACK_SRC),$(call \
	folder,$(v))/libcore.a))
BINS += $(B)/pack
