# The attacks (tests/attack/attack.h): programs as those of tests/guest/, and their boot archive.
#
#   $(B)/machine/boot-attack    init, the programs of bin/, the attacks, and `tests` that runs them

ATTACKS := $(patsubst tests/attack/%.c,%,$(call sources,tests/attack/*.c))
# What library.c does not trust.
$(call guest-library,hostile,10,$(call sources,tests/attack/hostile/*.c))
$(foreach a,$(ATTACKS),$(call guest,test/attack/$(a),tests/attack/$(a).c,$(if $(filter \
	library,$(a)),hostile)))
$(call boot,boot-attack,init $(SERVICES) $(GUEST_PROGRAMS) test/tests $(ATTACKS:%=test/attack/%))
