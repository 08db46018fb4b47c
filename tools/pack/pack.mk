# The boot archives of the machine: what the boot loader brings (docs/format/program.md).
#
#   $(B)/machine/boot        init, the services and the programs of bin/
#   $(B)/machine/boot-test   the same and the programs below tests/guest/
#
# rt/minimal/guest.mk builds the images.

PACK_SRC := $(call sources,tools/pack/*.c)
$(foreach v,plain asan,$(call executable,$(v),$(call folder,$(v))/pack,$(PACK_SRC),$(call \
	folder,$(v))/libcore.a))
BINS += $(B)/pack

# Services: srv/NAME/*.c, and srv/init.c, which starts the others.
SERVICES := $(sort $(notdir $(patsubst %/,%,$(dir $(call sources,srv/*/*.c)))))
$(call guest,bin/init,srv/init.c)
$(foreach s,$(SERVICES),$(call guest,bin/$(s),$(call sources,srv/$(s)/*.c)))

# $(call boot,ARCHIVE,IMAGES below $(B)/guest/image): an image's name is its program's.
define boot-rules
$(B)/machine/$(1): $(B)/pack $(2:%=$(B)/guest/image/%)
	@mkdir -p $$(@D)
	$$(call quiet,pack)$$< $$@ $(foreach i,$(2),$(notdir $(i))=$(B)/guest/image/$(i))
machine: $(B)/machine/$(1)
endef
boot = $(eval $(call boot-rules,$(1),$(2)))
$(call boot,boot,init $(SERVICES) $(GUEST_PROGRAMS))
$(call boot,boot-test,init $(SERVICES) $(GUEST_PROGRAMS) $(patsubst %,test/%,$(GUEST_TESTS) $(GUEST_RUN)))
