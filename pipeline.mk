# Commands chained by file dependencies; copy this into a project of your own:
#   make -f pipeline.mk CLIPFACE=clipface LOOKS="zombie ghost" -j2
CLIPFACE ?= clipface
OUT ?= out
HEADS ?= 000 001
LOOKS ?= zombie ghost

.PHONY: all
.SECONDARY:
all: $(foreach look,$(LOOKS),$(foreach head,$(HEADS),$(OUT)/$(head)-$(look).glb))

# One command writes every head; the first file stands for all of them.
$(OUT)/heads/000.obj:
	$(CLIPFACE) sample -n $(words $(HEADS)) --seed 7 -o $(OUT)/heads --force
$(OUT)/heads/%.obj: $(OUT)/heads/000.obj ;

# One rule per look: heads/000.obj -> 000-zombie/edited.obj
define edit_rule
$(OUT)/%-$(1)/edited.obj: $(OUT)/heads/%.obj
	$(CLIPFACE) edit $$< --prompt "$(1)" -o $$(@D) --force
endef
$(foreach look,$(LOOKS),$(eval $(call edit_rule,$(look))))

$(OUT)/%.glb: $(OUT)/%/edited.obj
	$(CLIPFACE) export $< --format glb -o $@ --force
