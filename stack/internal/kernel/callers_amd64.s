#include "textflag.h"

// func frameReturns(pcs []uintptr) int
TEXT ·frameReturns(SB), NOSPLIT|NOFRAME, $0-32
	MOVQ pcs_base+0(FP), DI
	MOVQ pcs_len+8(FP), CX
	MOVQ BP, AX
	XORL DX, DX
loop:
	TESTQ AX, AX
	JEQ  done
	CMPQ DX, CX
	JGE  done
	MOVQ 8(AX), BX
	MOVQ BX, (DI)(DX*8)
	INCQ DX
	MOVQ (AX), AX
	JMP  loop
done:
	MOVQ DX, ret+24(FP)
	RET
