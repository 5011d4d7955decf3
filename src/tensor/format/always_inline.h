// CHITU_ALWAYS_INLINE for small functions in headers that translation units of several instruction
// sets include. A plain inline function may be compiled out of line in each of them, and the
// linker keeps one copy for all: that copy could use instructions the machine at hand lacks.
#pragma once

#define CHITU_ALWAYS_INLINE [[gnu::always_inline]] inline
