package packetdrill

import (
	"fmt"
	"time"
)

// Script is a script as it stands in its file.
type Script struct {
	Name    string
	Options []Option
	Init    *Command // the command before the first event
	Events  []Event
}

// Option is a --name=value at the start of a script.
type Option struct {
	Line        int
	Name, Value string
}

// Command is a shell command in backquotes.
type Command struct {
	Line int
	Text string
}

// TimeKind says how an event's time is written.
type TimeKind uint8

// The ways to write a time.
const (
	Absolute      TimeKind = iota // 1.5
	Relative                      // +1.5
	AbsoluteRange                 // 1.5~1.7
	RelativeRange                 // +1.5~+1.7
	AnyTime                       // *
)

// Event is one step of a script. Exactly one of Packet, Call, Command and Code
// is set.
type Event struct {
	Line     int
	Kind     TimeKind
	From, To time.Duration // To: ranges alone
	Source   string        // as the script has it, without the time

	Packet  *Packet
	Call    *Call
	Command *Command
	Code    string
}

// ECNCheck says what a packet tells of its TOS byte.
type ECNCheck uint8

// What a script may say of the TOS byte.
const (
	TOSAny   ECNCheck = iota
	TOSECN            // [ce], [ect0], [ect1], [noecn]: the two ECN bits
	TOSECT01          // [ect01]: either
	TOSWhole          // [tos 0x..]
)

// Packet is a packet event.
type Packet struct {
	Inbound          bool
	TOSCheck         ECNCheck
	TOS              uint8
	TTL              uint8 // 0: not said
	SrcPort, DstPort uint16
	TCP              *TCPSpec
	UDP              *UDPSpec
	ICMP             *ICMPSpec
}

// TCPSpec is a TCP segment as scripts write it.
type TCPSpec struct {
	Flags      uint16 // as in the header, FIN in bit 0, with AE in bit 8
	Seq        uint32
	Len        int
	Ack        uint32
	Win        int // -1: not said
	Urg        uint16
	Options    []byte // wire form
	AnyOptions bool   // <...>
}

// UDPSpec is a UDP datagram: its payload's length.
type UDPSpec struct{ Len int }

// ICMPSpec is an ICMP message, and the packet that it quotes.
type ICMPSpec struct {
	Type, Code uint8
	MTU, ID    uint16
	Echoed     bool
	UDP        bool
	Seq        uint32
	Len        int
}

// Call is a system call event.
type Call struct {
	Name     string
	Args     []Expr
	Result   Expr
	Errno    string        // "" for none
	Blocking bool          // start...end
	End      time.Duration // as written: relative where the event's time is
}

// ExprKind is a kind of expression.
type ExprKind uint8

// Kinds of expressions.
const (
	ExprInt ExprKind = iota
	ExprWord
	ExprString
	ExprAny    // ...
	ExprList   // [a, b]
	ExprStruct // {name = value, …}
	ExprOr     // a | b
	ExprAssign // name = value
	ExprFunc   // name(args)
)

// Expr is an argument or result of a call. Parts are a list's elements, a
// struct's fields, an operator's or function's operands. An ExprAssign's Text is
// its name, its last part its value.
type Expr struct {
	Kind  ExprKind
	Int   int64
	Text  string
	Parts []Expr
}

// Field finds a field of a struct.
func (e Expr) Field(name string) (Expr, bool) {
	for _, f := range e.Parts {
		if f.Kind == ExprAssign && f.Text == name {
			return f.Parts[len(f.Parts)-1], true
		}
	}
	return Expr{}, false
}

// Error is what is wrong with a script, or what went otherwise than it says.
type Error struct {
	File string
	Line int
	What string
	// Expected and Actual are both sides of a difference, in the script's
	// notation; empty if there are none.
	Expected, Actual string
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.What)
	if e.Expected != "" {
		s += "\n\texpected: " + e.Expected
	}
	if e.Actual != "" {
		s += "\n\tactual:   " + e.Actual
	}
	return s
}
