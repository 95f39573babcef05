#include "textflag.h"

// func frameReturns(pcs []uintptr) int
TEXT ·frameReturns(SB), NOSPLIT|NOFRAME, $0-32
	MOVD pcs_base+0(FP), R0
	MOVD pcs_len+8(FP), R1
	MOVD R29, R2
	MOVD $0, R3
loop:
	CBZ  R2, done
	CMP  R1, R3
	BGE  done
	MOVD 8(R2), R4
	MOVD R4, (R0)(R3<<3)
	ADD  $1, R3
	MOVD (R2), R2
	B    loop
done:
	MOVD R3, ret+24(FP)
	RET
